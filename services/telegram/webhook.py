"""The updates as Telegram posts them to us, instead of our asking for them.

Telegram takes an answer of 200 for the confirmation, and posts an update again after any other. So the answer
waits for the assistant, and is 503 where that takes too long; the update goes on by itself, and joins with
itself when it comes again.
"""

import asyncio
import hmac
import json
import weakref
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import structlog
from aiogram import Bot
from aiogram.exceptions import TelegramBadRequest
from aiogram.types import Update
from aiohttp import web
from pydantic import ValidationError

from services.errors import SettingsError
from services.telegram.introduce import insist
from services.telegram.poll import Take, chat_id
from services.telegram.settings import TelegramSettings
from services.telegram.translate import KINDS

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
# An update holds one message and the one that it replies to, of 4096 characters each.
MAX_BODY_BYTES = 1024 * 1024
# Telegram itself gives up on an answer after a minute.
PATIENCE_SECONDS = 20.0
# Updates that wait for the assistant at most; Telegram keeps the others.
MAX_UNDER_WAY = 256

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Webhook:
    """Where Telegram posts, what it proves itself with, and where we listen, in plain HTTP."""

    url: str
    secret: str
    host: str
    port: int


def webhook(settings: TelegramSettings) -> Webhook | None:
    """The settings of webhook mode; None where updates are polled. Raises SettingsError."""
    url, secret = settings.telegram_webhook_url, settings.telegram_webhook_secret
    if url is None:
        if secret is not None:
            raise SettingsError("TELEGRAM_WEBHOOK_URL: not set, but TELEGRAM_WEBHOOK_SECRET is")
        return None
    if secret is None:
        raise SettingsError("TELEGRAM_WEBHOOK_SECRET: not set; `openssl rand -hex 32` makes one")
    # Telegram itself posts to https alone; a Bot API server of one's own also to http.
    if urlsplit(url).scheme not in ("https", "http") or not urlsplit(url).hostname:
        raise SettingsError(
            "TELEGRAM_WEBHOOK_URL: must be an address such as https://remi.example.org/telegram"
        )
    if urlsplit(url).scheme == "http" and settings.telegram_api_base is None:
        raise SettingsError("TELEGRAM_WEBHOOK_URL: must begin with https://, Telegram posts nowhere else")
    host, _, port = settings.telegram_webhook_listen.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65535:
        raise SettingsError("TELEGRAM_WEBHOOK_LISTEN: must be host:port")
    return Webhook(url, secret.get_secret_value(), host.strip("[]"), int(port))


async def listen(bot: Bot, hook: Webhook, take: Take) -> None:
    """Take every update that Telegram posts, until cancelled; `take` returns when it may be confirmed.

    Raises SettingsError where the address can't be listened at, or Telegram doesn't take the webhook.
    """
    app = web.Application(client_max_size=MAX_BODY_BYTES)
    # A proxy in front may cut the path off; the secret tells who it is.
    receiver = Receiver(bot, hook.secret, take)
    app.router.add_post("/{path:.*}", receiver.receive)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        try:
            await web.TCPSite(runner, hook.host, hook.port).start()
        except OSError as error:
            raise SettingsError(f"TELEGRAM_WEBHOOK_LISTEN: can't listen there: {error.strerror}") from None
        await insist(lambda: _set(bot, hook))
        _log.info("webhook set")
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await receiver.close()


async def _set(bot: Bot, hook: Webhook) -> None:
    try:
        await bot.set_webhook(hook.url, secret_token=hook.secret, allowed_updates=list(KINDS))
    except TelegramBadRequest as error:
        raise SettingsError(f"TELEGRAM_WEBHOOK_URL: Telegram does not take it: {error.message}") from None


class Receiver:
    """Answers Telegram's posts. Updates of one chat are taken in the order in which they came."""

    def __init__(self, bot: Bot, secret: str, take: Take) -> None:
        self._bot = bot
        self._secret = secret.encode()
        self._take_update = take
        self._under_way: dict[int, asyncio.Task[None]] = {}
        self._turns: weakref.WeakValueDictionary[int | None, asyncio.Lock] = weakref.WeakValueDictionary()

    async def receive(self, request: web.Request) -> web.Response:
        """200 when the update is dealt with, and only then."""
        given = request.headers.get(SECRET_HEADER, "").encode("utf-8", "surrogateescape")
        if not hmac.compare_digest(given, self._secret):
            _log.warning("a post without the secret")
            return web.Response(status=403)
        try:
            raw: Any = json.loads(await request.read())
            update = Update.model_validate(raw, context={"bot": self._bot})
        except ValidationError:
            # With something new to the client library in it: passed over, as when polling.
            _log.error("update can't be read", update=raw.get("update_id") if isinstance(raw, dict) else None)
            return web.Response()
        except ValueError:
            return web.Response(status=400)
        task = self._under_way.get(update.update_id) or self._start(update)
        if task is None:
            return web.Response(status=503)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.shield(task)
        except TimeoutError:
            return web.Response(status=503)
        return web.Response()

    async def close(self) -> None:
        """Drop what waits: Telegram posts it again."""
        left = list(self._under_way.values())
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)

    def _start(self, update: Update) -> asyncio.Task[None] | None:
        """None where too many wait already."""
        if len(self._under_way) >= MAX_UNDER_WAY:
            return None
        task = asyncio.create_task(self._take(update))
        self._under_way[update.update_id] = task
        task.add_done_callback(lambda _: self._under_way.pop(update.update_id))
        return task

    async def _take(self, update: Update) -> None:
        async with self._turns.setdefault(chat_id(update), asyncio.Lock()):
            await self._take_update(update)

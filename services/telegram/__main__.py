"""The Telegram gateway: `python -m services.telegram`."""

import asyncio
import sys
from functools import partial

import structlog
from aiogram import Bot
from aiogram.client.default import DefaultBotProperties
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import PRODUCTION, TelegramAPIServer
from aiogram.types import BotCommand, LinkPreviewOptions
from aiogram.utils.token import TokenValidationError

from services.errors import SettingsError
from services.gateway.client import connect
from services.gateway.delivery import Deliveries
from services.gateway.process import run
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.telegram.fetch import fetch
from services.telegram.inbox import Inbox
from services.telegram.introduce import introduce
from services.telegram.pacing import Pacer
from services.telegram.poll import poll
from services.telegram.render import MAX_LENGTH
from services.telegram.send import TelegramSender
from services.telegram.settings import TelegramSettings
from services.telegram.webhook import listen, webhook

CAPABILITIES = pb.Capabilities(
    max_length=MAX_LENGTH, length_unit=pb.LENGTH_UNIT_UTF16, edits=True, buttons=True, files=True
)

_log = structlog.get_logger()


async def serve(settings: TelegramSettings) -> None:
    """Speak for one bot until cancelled. Raises SettingsError."""
    hook = webhook(settings)
    async with make_bot(settings) as bot, connect(settings, "telegram") as client:
        me = await introduce(bot)
        _log.info("telegram ready", bot=me.id)
        pacer = Pacer()
        sender = TelegramSender(bot, pacer)
        deliveries = Deliveries(client, sender, partial(fetch, bot))
        subscription = pb.DeliverRequest(
            platform=pb.PLATFORM_TELEGRAM, bot_id=str(me.id), capabilities=CAPABILITIES
        )

        async def register(manifest: pb.CommandManifest) -> None:
            commands = [
                BotCommand(command=each.name, description=each.description) for each in manifest.commands
            ]
            await bot.set_my_commands(commands)

        async def ignore(_: pb.Cursors) -> None:
            """Telegram itself keeps what was not confirmed."""

        try:
            async with asyncio.TaskGroup() as tasks:
                inbox = Inbox(bot, me, client, deliveries, sender, pacer, tasks)
                tasks.create_task(deliveries.run(subscription, on_manifest=register, on_cursors=ignore))
                updates = listen(bot, hook, inbox.take) if hook else poll(bot, inbox.take)
                tasks.create_task(updates)
        except ExceptionGroup as errors:
            raise errors.exceptions[0] from None
        finally:
            await deliveries.finish()


def make_bot(settings: TelegramSettings) -> Bot:
    """The client. Previews of links are off: Telegram would fetch whatever an answer links to."""
    api = (
        TelegramAPIServer.from_base(settings.telegram_api_base) if settings.telegram_api_base else PRODUCTION
    )
    try:
        return Bot(
            settings.telegram_bot_token.get_secret_value(),
            session=AiohttpSession(api=api),
            default=DefaultBotProperties(link_preview=LinkPreviewOptions(is_disabled=True)),
        )
    except TokenValidationError:
        raise SettingsError("TELEGRAM_BOT_TOKEN: not a bot's token") from None


if __name__ == "__main__":
    sys.exit(run("telegram", TelegramSettings, serve))

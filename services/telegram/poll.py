"""The updates, in order in each chat, confirmed only when they are dealt with.

getUpdates confirms everything below the offset that it is asked for. So the offset moves only when every
update of a batch was taken, and what wasn't comes again, also after a crash.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import Any, NoReturn

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import Update
from pydantic import ValidationError

from services.errors import SettingsError
from services.gateway.backoff import delays
from services.telegram.introduce import insist
from services.telegram.translate import KINDS

POLL_SECONDS = 50

Take = Callable[[Update], Awaitable[None]]

_log = structlog.get_logger()


async def poll(bot: Bot, take: Take) -> NoReturn:
    """Take every update, for ever. `take` returns when its update may be confirmed.

    Raises SettingsError where Telegram no longer knows the token, and what `take` raises.
    """
    await insist(bot.delete_webhook)
    offset: int | None = None
    waits = delays()
    while True:
        try:
            updates, last = await _fetch(bot, offset)
        except TelegramUnauthorizedError:
            raise SettingsError("TELEGRAM_BOT_TOKEN: Telegram does not know this token") from None
        except TelegramRetryAfter as error:
            await asyncio.sleep(error.retry_after)
            continue
        except (TelegramAPIError, ClientDecodeError) as error:
            _log.warning("no updates", problem=type(error).__name__)
            await asyncio.sleep(next(waits))
            continue
        waits = delays()
        await asyncio.gather(*(_take_in_order(lane, take) for lane in _lanes(updates)))
        offset = last + 1 if last is not None else offset


async def _take_in_order(lane: list[Update], take: Take) -> None:
    for update in lane:
        await take(update)


def _lanes(updates: list[Update]) -> list[list[Update]]:
    """The updates chat by chat."""
    lanes = defaultdict(list)
    for update in updates:
        lanes[chat_id(update)].append(update)
    return list(lanes.values())


def chat_id(update: Update) -> int | None:
    """Which chat an update is about, if any."""
    query = update.callback_query
    about = (
        update.message
        or update.edited_message
        or update.message_reaction
        or update.stopped_message_generation
        or (query.message if query else None)
    )
    return about.chat.id if about else None


async def _fetch(bot: Bot, offset: int | None) -> tuple[list[Update], int | None]:
    """The next updates, and the id of the last one, whether or not it could be read."""
    try:
        updates = await bot.get_updates(
            offset, timeout=POLL_SECONDS, allowed_updates=list(KINDS), request_timeout=POLL_SECONDS + 10
        )
        return updates, updates[-1].update_id if updates else None
    except ClientDecodeError as error:
        if not (isinstance(error.data, dict) and error.data.get("ok")):
            raise
        return _readable(bot, error.data["result"])


def _readable(bot: Bot, batch: list[dict[str, Any]]) -> tuple[list[Update], int | None]:
    """What can be read of a batch with something new to the client library in it, which is passed over."""
    updates = []
    for raw in batch:
        try:
            updates.append(Update.model_validate(raw, context={"bot": bot}))
        except ValidationError:
            _log.error("update can't be read", update=raw["update_id"])
    return updates, batch[-1]["update_id"] if batch else None

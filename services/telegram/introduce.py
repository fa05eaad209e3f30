"""The first words with Telegram, which may be away."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramNotFound,
    TelegramUnauthorizedError,
)
from aiogram.types import User

from services.errors import SettingsError
from services.gateway.backoff import delays

T = TypeVar("T")

_log = structlog.get_logger()


async def introduce(bot: Bot) -> User:
    """Who the bot is. Raises SettingsError for a token that Telegram doesn't know."""
    return await insist(bot.me)


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """What Telegram answers, asked for as long as it is away. Raises SettingsError for an unknown token."""
    waits = delays()
    while True:
        try:
            return await ask()
        except (TelegramUnauthorizedError, TelegramNotFound):
            raise SettingsError("TELEGRAM_BOT_TOKEN: Telegram does not know this token") from None
        except (TelegramAPIError, ClientDecodeError) as error:
            _log.warning("telegram is away", problem=type(error).__name__)
        await asyncio.sleep(next(waits))

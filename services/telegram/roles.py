"""Who is an admin of a group, as Telegram says, remembered for a few minutes."""

import asyncio

import structlog
from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramAPIError

from services.stubs.assistant.v1 import assistant_pb2 as pb

REMEMBER_SECONDS = 300
# After a failure, nobody counts as an admin for so long.
RETRY_SECONDS = 30
REQUEST_SECONDS = 5
MAX_CHATS = 1000

_log = structlog.get_logger()


class Roles:
    """The admins of the groups lately heard from."""

    def __init__(self, bot: Bot) -> None:
        self._bot = bot
        self._admins: dict[str, tuple[float, frozenset[str]]] = {}

    async def role(self, chat_id: str, user_id: str) -> pb.ChatRole.ValueType:
        """The person's role in a group; a member where Telegram doesn't say."""
        now = asyncio.get_running_loop().time()
        until, admins = self._admins.pop(chat_id, (0.0, frozenset()))
        if until <= now:
            until, admins = await self._fetch(chat_id, now)
        self._admins[chat_id] = until, admins
        if len(self._admins) > MAX_CHATS:
            self._admins.pop(next(iter(self._admins)))
        return pb.CHAT_ROLE_ADMIN if user_id in admins else pb.CHAT_ROLE_MEMBER

    async def _fetch(self, chat_id: str, now: float) -> tuple[float, frozenset[str]]:
        try:
            found = await self._bot.get_chat_administrators(int(chat_id), request_timeout=REQUEST_SECONDS)
        except (TelegramAPIError, ClientDecodeError) as error:
            _log.warning("admins unknown", chat=chat_id, problem=type(error).__name__)
            return now + RETRY_SECONDS, frozenset()
        return now + REMEMBER_SECONDS, frozenset(str(member.user.id) for member in found)

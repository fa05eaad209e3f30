"""What becomes of one update: its events go to the assistant, and what it answers goes back."""

import asyncio
from contextlib import suppress

import structlog
from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramAPIError
from aiogram.types import Update, User

from services.gateway.client import Client
from services.gateway.delivery import Deliveries
from services.gateway.flow import carry
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.telegram.pacing import Pacer
from services.telegram.present import TelegramPresenter
from services.telegram.roles import Roles
from services.telegram.send import TelegramSender
from services.telegram.translate import translate

_log = structlog.get_logger()


class Inbox:
    """Takes updates. The turns that they start run on in `tasks`."""

    def __init__(
        self,
        bot: Bot,
        me: User,
        client: Client,
        deliveries: Deliveries,
        sender: TelegramSender,
        pacer: Pacer,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._bot = bot
        self._me = me
        self._client = client
        self._deliveries = deliveries
        self._sender = sender
        self._pacer = pacer
        self._tasks = tasks
        self._roles = Roles(bot)

    async def take(self, update: Update) -> None:
        """Return when the update may be confirmed: the assistant has its events, or will never take them."""
        try:
            requests = translate(update, self._me)
        except Exception:
            _log.exception("update not understood", update=update.update_id)
            return
        query_id = update.callback_query.id if update.callback_query else ""
        for request in requests:
            if request.author.role == pb.CHAT_ROLE_UNSPECIFIED:
                request.author.role = await self._roles.role(request.place.chat_id, request.author.user_id)
            presenter = TelegramPresenter(
                self._bot, self._pacer, self._deliveries, self._sender, request, query_id
            )
            self._tasks.create_task(self._carry(request, presenter))
            await presenter.confirmed.wait()

    async def _carry(self, request: pb.ConverseRequest, presenter: TelegramPresenter) -> None:
        try:
            await carry(self._client, self._deliveries, request, presenter)
        except asyncio.CancelledError:
            with suppress(TelegramAPIError, ClientDecodeError):
                await presenter.ended()
            raise

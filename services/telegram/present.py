"""How the answer to one event shows in Telegram while it is under way."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from typing import TypeVar

from aiogram import Bot
from aiogram.exceptions import ClientDecodeError, TelegramAPIError, TelegramRetryAfter

from services.gateway.delivery import Deliveries
from services.gateway.text import split, utf16_length
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.telegram.pacing import Pacer
from services.telegram.render import MAX_LENGTH, Styled, preview
from services.telegram.send import TelegramSender, reply_to, thread_id

# A typing sign shows for five seconds.
TYPING_SECONDS = 4.5
DIRECT_DRAFT_SECONDS = 1.0
GROUP_DRAFT_SECONDS = 3.0
# Telegram's time to answer the press of a button.
QUICK_SECONDS = 5

T = TypeVar("T")


class TelegramPresenter:
    """Typing signs, and the reply as it grows: in direct talks a draft with a Stop button, in groups a
    message that is edited, and becomes the first part of the reply."""

    typing_interval = TYPING_SECONDS

    def __init__(
        self,
        bot: Bot,
        pacer: Pacer,
        deliveries: Deliveries,
        sender: TelegramSender,
        request: pb.ConverseRequest,
        query_id: str = "",
    ) -> None:
        """`query_id`: the press of a button that the event is, to be answered when it is confirmed."""
        self._bot = bot
        self._pacer = pacer
        self._deliveries = deliveries
        self._sender = sender
        self._place = request.place
        self._query_id = query_id
        self._event = request.WhichOneof("event") or ""
        self._message_id: str = getattr(getattr(request, self._event), "message_id", "")
        self._direct = request.place.chat_kind == pb.CHAT_KIND_DIRECT
        self._preview: int | None = None
        self._shown = ""
        self.draft_interval = DIRECT_DRAFT_SECONDS if self._direct else GROUP_DRAFT_SECONDS
        # Set as soon as the update may be confirmed.
        self.confirmed = asyncio.Event()

    async def confirm(self) -> None:
        """Let the update be confirmed, and the button stop turning."""
        self.confirmed.set()
        if self._query_id:
            with suppress(TelegramAPIError, ClientDecodeError):
                await self._bot.answer_callback_query(self._query_id, request_timeout=QUICK_SECONDS)

    async def tell(self, text: str) -> None:
        """Reply with a line of plain text."""
        if not await self._pacer.turn(self._place.chat_id):
            await self._obeying(self._send(Styled(text)))

    async def typing(self) -> None:
        """Show the typing sign in the event's topic."""
        await self._obeying(
            self._bot.send_chat_action(
                int(self._place.chat_id), "typing", message_thread_id=thread_id(self._place)
            )
        )

    async def draft(self, draft: pb.Draft) -> None:
        """Show the newest part of the reply so far."""
        parts = split(draft.text, MAX_LENGTH, utf16_length)
        if not parts or parts[-1] == self._shown:
            return
        self._shown = parts[-1]
        styled = preview(self._shown)
        if self._direct:
            await self._obeying(self._send_draft(styled))
        elif self._event == "message" and self._pacer.preview(self._place.chat_id):
            await self._obeying(self._send_preview(styled))

    async def final(self, delivery: pb.Delivery) -> None:
        """The reply takes the place of its preview."""
        if self._preview is not None and not delivery.replaces_message_ids:
            self._sender.previewed(delivery.delivery_id, self._preview)
            self._preview = None
        await self.ended()

    async def ended(self) -> None:
        """Take the preview away. A draft goes by itself."""
        if self._preview is not None:
            preview_id, self._preview = self._preview, None
            await self._bot.delete_message(int(self._place.chat_id), preview_id)

    async def _send_draft(self, styled: Styled) -> None:
        await self._bot.send_message_draft(
            int(self._place.chat_id),
            draft_id=int(self._message_id or 1),
            message_thread_id=thread_id(self._place),
            text=styled.text,
            entities=list(styled.entities),
            can_stop=True,
        )

    async def _send_preview(self, styled: Styled) -> None:
        if self._preview is None:
            self._preview = await self._send(styled)
            return
        await self._bot.edit_message_text(
            styled.text,
            chat_id=int(self._place.chat_id),
            message_id=self._preview,
            entities=list(styled.entities),
        )

    async def _send(self, styled: Styled) -> int:
        sent = await self._bot.send_message(
            int(self._place.chat_id),
            styled.text,
            entities=list(styled.entities),
            message_thread_id=thread_id(self._place),
            reply_parameters=reply_to(self._message_id),
        )
        return sent.message_id

    async def _obeying(self, call: Awaitable[T]) -> T:
        """A call whose 429 closes the chat for everything that is sent there."""
        try:
            return await call
        except TelegramRetryAfter as error:
            self._deliveries.close_chat(self._place, error.retry_after)
            raise

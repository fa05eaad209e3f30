"""Deliveries onto Telegram: each part one message, in the best form that Telegram takes."""

import asyncio
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice

import structlog
from aiogram import Bot
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramAPIError,
    TelegramBadRequest,
    TelegramEntityTooLarge,
    TelegramMigrateToChat,
    TelegramNetworkError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramServerError,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputRichMessage,
    Message,
    ReplyParameters,
)
from aiohttp import ClientConnectorError

from services.gateway.backoff import delays
from services.gateway.delivery import Stands, rate_limited
from services.gateway.text import split, utf16_length
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.telegram.pacing import Pacer
from services.telegram.render import MAX_LENGTH, Form, Styled, forms

# How often a message is tried that Telegram surely did not take.
ATTEMPTS = 4
# Previews remembered; above it, the oldest are of deliveries that somebody else sent.
MAX_PREVIEWS = 1000

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Part:
    """One message to be: a text in the forms to try, or a file."""

    chat_id: int
    thread_id: int | None
    forms: tuple[Form, ...] = ()
    file: BufferedInputFile | None = None
    reply_to: ReplyParameters | None = None
    keyboard: InlineKeyboardMarkup | None = None
    # The message that it takes the place of.
    replaces: int | None = None


class TelegramSender:
    """Sends deliveries, one message a part, so that as many parts stand as there are receipts."""

    def __init__(self, bot: Bot, pacer: Pacer) -> None:
        self._bot = bot
        self._pacer = pacer
        # By delivery id: the message that shows the reply as far as it was written.
        self._previews: dict[str, str] = {}

    def previewed(self, delivery_id: str, message_id: int) -> None:
        """The delivery takes this message's place, also where it is put off and comes again."""
        self._previews[delivery_id] = str(message_id)
        if len(self._previews) > MAX_PREVIEWS:
            self._previews.pop(next(iter(self._previews)))

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        """Send what is not sent yet; what becomes of it is told in the terms of the contract.

        A group that became a supergroup is followed there.
        """
        if preview := self._previews.get(delivery.delivery_id):
            delivery = _in_place_of(preview, delivery)
        outcome = await self._follow(delivery, stands)
        if outcome.WhichOneof("result") not in {"rate_limited", "partly"}:
            self._previews.pop(delivery.delivery_id, None)
        return outcome

    async def _follow(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        """Send, and again where the group has gone."""
        receipts = list(delivery.sent_message_ids)
        try:
            return await self._send(delivery, receipts, stands)
        except TelegramMigrateToChat as moved:
            there = _elsewhere(delivery, moved.migrate_to_chat_id)
        try:
            outcome = await self._send(there, receipts, stands)
        except TelegramMigrateToChat as error:
            outcome = _failure(error, receipts)
        outcome.moved_to_chat_id = there.place.chat_id
        return outcome

    async def _send(
        self, delivery: pb.Delivery, receipts: list[str], stands: Stands
    ) -> pb.AcknowledgeRequest:
        """Each part gets its id into `receipts` as soon as it stands. Raises TelegramMigrateToChat."""
        parts = _parts(delivery)
        try:
            for part in parts[len(receipts) :]:
                if seconds := await self._pacer.turn(delivery.place.chat_id):
                    return rate_limited(seconds, receipts)
                receipts.append(str(await self._insist(part)))
                if len(receipts) < len(parts):
                    await stands(receipts)
        except TelegramMigrateToChat:
            raise
        except TelegramRetryAfter as error:
            return rate_limited(error.retry_after, receipts)
        except (TelegramAPIError, ClientDecodeError) as error:
            _log.warning("send failed", delivery=delivery.delivery_id, reason=type(error).__name__)
            return _failure(error, receipts)
        texts = sum(part.file is None for part in parts)
        await self._take_away(delivery.place, delivery.replaces_message_ids[texts:])
        return pb.AcknowledgeRequest(delivered=pb.Delivered(message_ids=receipts))

    async def _insist(self, part: _Part) -> int:
        """Send or edit, again while Telegram surely took nothing; the message's id."""
        for delay in islice(delays(), ATTEMPTS - 1):
            try:
                return await self._put(part)
            except (TelegramServerError, TelegramNetworkError) as error:
                if not _untaken(error):
                    raise
            await asyncio.sleep(delay)
        return await self._put(part)

    async def _put(self, part: _Part) -> int:
        if part.file is not None:
            return (await self._send_file(part, part.file)).message_id
        if part.replaces is not None and await self._edit(part, part.replaces):
            return part.replaces
        return await self._send_text(part)

    async def _edit(self, part: _Part, message_id: int) -> bool:
        """Whether the message now reads so; if not it can't be edited, and is to be sent anew."""
        for form in part.forms:
            styled = form if isinstance(form, Styled) else None
            try:
                await self._bot.edit_message_text(
                    chat_id=part.chat_id,
                    message_id=message_id,
                    text=styled.text if styled else None,
                    entities=list(styled.entities) if styled else None,
                    rich_message=form if isinstance(form, InputRichMessage) else None,
                    reply_markup=part.keyboard,
                )
            except (TelegramBadRequest, TelegramNotFound) as error:
                if "message is not modified" not in error.message:
                    continue
            return True
        return False

    async def _send_text(self, part: _Part) -> int:
        for form in part.forms[:-1]:
            try:
                return (await self._send_form(part, form)).message_id
            except (TelegramBadRequest, TelegramNotFound):
                _log.info("form refused", form=type(form).__name__)
        return (await self._send_form(part, part.forms[-1])).message_id

    async def _send_form(self, part: _Part, form: Form) -> Message:
        if isinstance(form, InputRichMessage):
            return await self._bot.send_rich_message(
                part.chat_id,
                form,
                message_thread_id=part.thread_id,
                reply_parameters=part.reply_to,
                reply_markup=part.keyboard,
            )
        return await self._bot.send_message(
            part.chat_id,
            form.text,
            entities=list(form.entities),
            message_thread_id=part.thread_id,
            reply_parameters=part.reply_to,
            reply_markup=part.keyboard,
        )

    async def _send_file(self, part: _Part, file: BufferedInputFile) -> Message:
        return await self._bot.send_document(
            part.chat_id,
            file,
            message_thread_id=part.thread_id,
            reply_parameters=part.reply_to,
            reply_markup=part.keyboard,
        )

    async def _take_away(self, place: pb.Place, message_ids: Iterable[str]) -> None:
        """Remove the parts of an earlier reply for which the new one has none."""
        for message_id in message_ids:
            with suppress(TelegramAPIError, ClientDecodeError):
                await self._bot.delete_message(int(place.chat_id), int(message_id))


def _parts(delivery: pb.Delivery) -> list[_Part]:
    """The messages of a delivery, the same at every attempt: the text's parts, then the file."""
    texts = split(delivery.text, MAX_LENGTH, utf16_length)
    total = len(texts) + bool(delivery.file_name)
    file = BufferedInputFile(delivery.file_content, delivery.file_name) if delivery.file_name else None
    with_buttons = max(len(texts) - 1, 0)
    return [
        _Part(
            chat_id=int(delivery.place.chat_id),
            thread_id=thread_id(delivery.place),
            forms=tuple(forms(texts[number])) if number < len(texts) else (),
            file=None if number < len(texts) else file,
            reply_to=reply_to(delivery.reply_to_message_id) if number == 0 else None,
            keyboard=_keyboard(delivery) if number == with_buttons else None,
            replaces=_nth(delivery.replaces_message_ids, number),
        )
        for number in range(total)
    ]


def _in_place_of(preview: str, delivery: pb.Delivery) -> pb.Delivery:
    shown = pb.Delivery()
    shown.CopyFrom(delivery)
    shown.replaces_message_ids[:] = [preview]
    return shown


def _elsewhere(delivery: pb.Delivery, chat_id: int) -> pb.Delivery:
    """The delivery for the chat's new id, where the ids of its earlier messages are others' or nobody's."""
    there = pb.Delivery()
    there.CopyFrom(delivery)
    there.place.chat_id = str(chat_id)
    there.ClearField("reply_to_message_id")
    there.ClearField("replaces_message_ids")
    return there


def thread_id(place: pb.Place) -> int | None:
    """The forum topic to write to."""
    return int(place.thread_id) if place.thread_id else None


def reply_to(message_id: str) -> ReplyParameters | None:
    """What a message replies to; it is sent even if that is gone."""
    if not message_id:
        return None
    return ReplyParameters(message_id=int(message_id), allow_sending_without_reply=True)


def _keyboard(delivery: pb.Delivery) -> InlineKeyboardMarkup | None:
    rows = [
        [InlineKeyboardButton(text=button.label, callback_data=button.action) for button in row.buttons]
        for row in delivery.button_rows
    ]
    return InlineKeyboardMarkup(inline_keyboard=rows) if rows else None


def _nth(message_ids: Iterable[str], number: int) -> int | None:
    found = next(islice(message_ids, number, None), None)
    return int(found) if found else None


def _untaken(error: TelegramAPIError | ClientDecodeError) -> bool:
    """Whether Telegram surely did not take the message, and may do so later."""
    if isinstance(error, TelegramNetworkError):
        return isinstance(error.__cause__, ClientConnectorError)
    return isinstance(error, TelegramServerError | TelegramUnauthorizedError)


def _failure(error: TelegramAPIError | ClientDecodeError, receipts: list[str]) -> pb.AcknowledgeRequest:
    """What a failed send means for the delivery."""
    if _untaken(error):
        return pb.AcknowledgeRequest(partly=pb.PartlyDelivered(message_ids=receipts))
    broken = isinstance(error, TelegramNetworkError) and not isinstance(error, TelegramEntityTooLarge)
    if broken or isinstance(error, ClientDecodeError):
        return pb.AcknowledgeRequest(unknown=pb.UnknownAfterSend(message_ids=receipts))
    return pb.AcknowledgeRequest(rejected=pb.Rejected(reason=type(error).__name__))

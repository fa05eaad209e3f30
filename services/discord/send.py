"""Deliveries to Discord: cut, sent part by part under a nonce each, and what became of them."""

import asyncio
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import aiohttp
import discord
import structlog

from services.discord.edit import Edit, edit_message
from services.discord.presenter import MAX_LENGTH, UNFINISHED, Openings, make_nonce, reply
from services.gateway.backoff import delays
from services.gateway.delivery import Stands, rate_limited
from services.gateway.text import split
from services.stubs.assistant.v1 import assistant_pb2 as pb

CAPABILITIES = pb.Capabilities(
    max_length=MAX_LENGTH, length_unit=pb.LENGTH_UNIT_CODE_POINT, edits=True, buttons=True, files=True
)

# Sending the same part again is safe, since its nonce or its edit makes one of the two.
TRIES = 3
# How long one try may take; discord.py itself waits out rate limits of up to 30 s.
TRY_SECONDS = 45.0
# How long to leave a chat alone where Discord refuses this address without saying for how long.
BANNED_SECONDS = 60.0
# How far back a crash may have left something behind.
RECENT = 50
# Discord's most rows of buttons in a message, and buttons in a row.
ROWS, ROW = 5, 5

# The connection failed, or Discord did, with the outcome unknown.
_BROKEN = (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Part:
    """One message of a delivery."""

    text: str
    rows: Sequence[Sequence[pb.Button]] = ()
    file_name: str = ""
    file_content: bytes = b""

    def new(self) -> dict[str, Any]:
        """The keywords that send it."""
        fields: dict[str, Any] = {"content": self.text}
        if self.rows:
            fields["view"] = _buttons(self.rows)
        if self.file_name:
            fields["file"] = discord.File(io.BytesIO(self.file_content), self.file_name)
        return fields

    def changed(self) -> dict[str, Any]:
        """The keywords that make another message into it; what that had besides is gone."""
        files = [discord.File(io.BytesIO(self.file_content), self.file_name)] if self.file_name else []
        view = _buttons(self.rows) if self.rows else None
        return {"content": self.text, "view": view, "attachments": files}


def parts(delivery: pb.Delivery) -> list[Part]:
    """The messages that make up a delivery; buttons and file come with the last."""
    texts = split(delivery.text, MAX_LENGTH) or [""]
    last = Part(texts[-1], _rows(delivery.button_rows), delivery.file_name, delivery.file_content)
    return [*map(Part, texts[:-1]), last] if last.new() != {"content": ""} else []


class DiscordSender:
    """Sends one delivery; implements services.gateway.delivery.Sender."""

    def __init__(self, client: discord.Client, openings: Openings, try_seconds: float = TRY_SECONDS) -> None:
        self._client = client
        self._openings = openings
        self._try_seconds = try_seconds

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        """Send what isn't sent yet. Errors of Discord's become results."""
        sent = list(delivery.sent_message_ids)
        try:
            await self._send(delivery, sent, stands)
        except discord.RateLimited as limit:
            return rate_limited(limit.retry_after, sent)
        except _BROKEN as error:
            _log.warning("send broke", delivery=delivery.delivery_id, error=type(error).__name__)
            return pb.AcknowledgeRequest(partly=pb.PartlyDelivered(message_ids=sent))
        except discord.HTTPException as refusal:
            if refusal.status == 429:
                return rate_limited(BANNED_SECONDS, sent)
            return pb.AcknowledgeRequest(rejected=pb.Rejected(reason=f"discord:{refusal.code}"))
        return pb.AcknowledgeRequest(delivered=pb.Delivered(message_ids=sent))

    async def _send(self, delivery: pb.Delivery, sent: list[str], stands: Stands) -> None:
        """Send the parts that `sent` has no id of; each gets its id there as soon as it stands."""
        place = delivery.place
        channel = self._client.get_partial_messageable(int(place.thread_id or place.chat_id))
        messages = parts(delivery)
        if len(sent) < len(messages) and delivery.delivery_id not in self._openings.edits:
            await self._left_behind(channel, delivery, messages, sent)
        for index in range(len(sent), len(messages)):
            message_id = await self._stand(channel, delivery, index, messages[index])
            sent.append(message_id)
            if len(sent) < len(messages):
                await stands(sent)
        for surplus in delivery.replaces_message_ids[len(messages) :]:
            await self._take_away(channel.get_partial_message(int(surplus)))

    async def _stand(
        self, channel: discord.PartialMessageable, delivery: pb.Delivery, index: int, part: Part
    ) -> str:
        """Make one part stand, tried again where the connection breaks; its message id."""
        waits = delays()
        for _ in range(TRIES - 1):
            try:
                return await self._stand_once(channel, delivery, index, part)
            except _BROKEN:
                await asyncio.sleep(next(waits))
        return await self._stand_once(channel, delivery, index, part)

    async def _stand_once(
        self, channel: discord.PartialMessageable, delivery: pb.Delivery, index: int, part: Part
    ) -> str:
        async with asyncio.timeout(self._try_seconds):
            for edit in self._edits(channel, delivery, index):
                try:
                    return str((await edit(**part.changed())).id)
                except discord.HTTPException as error:
                    if error.status == 429 or error.status >= 500:
                        raise
                    _log.info("not editable", delivery=delivery.delivery_id, code=error.code)
            link = reply(channel, delivery.reply_to_message_id) if index == 0 else {}
            nonce = make_nonce(delivery.delivery_id, str(index))
            return str((await channel.send(**part.new(), nonce=nonce, suppress_embeds=True, **link)).id)

    def _edits(self, channel: discord.PartialMessageable, delivery: pb.Delivery, index: int) -> list[Edit]:
        """What a part may take the place of, best first."""
        replaced = delivery.replaces_message_ids[index : index + 1]
        edits: list[Edit] = [
            partial(edit_message, self._client, channel.id, int(message_id)) for message_id in replaced
        ]
        opening = self._openings.edits.get(delivery.delivery_id) if index == 0 else None
        return [opening, *edits] if opening else edits

    async def _left_behind(
        self,
        channel: discord.PartialMessageable,
        delivery: pb.Delivery,
        messages: Sequence[Part],
        sent: list[str],
    ) -> None:
        """Add to `sent` what an earlier process of ours left of this delivery before it died.

        Discord knows a nonce for minutes only; what was sent before stands in the channel's history. A draft
        that nobody finishes any more is taken away.
        """
        assert self._client.user is not None
        own: list[discord.Message] = []
        last_said = 0
        async with asyncio.timeout(self._try_seconds):
            async for message in channel.history(limit=RECENT):
                if not message.author.bot:
                    last_said = max(last_said, message.id)
                if message.author.id != self._client.user.id or message.id in self._openings.drafts:
                    continue
                if message.content.endswith(UNFINISHED) and not sent:
                    await self._take_away(message)
                else:
                    own.append(message)
        for index in range(len(sent), len(messages)):
            part = messages[index].text
            found = next(
                (each for each in own if _is_part(each, delivery, index, part, sent, last_said)), None
            )
            if found is None:
                return
            _log.info("found in history", delivery=delivery.delivery_id, part=index)
            sent.append(str(found.id))

    async def _take_away(self, message: discord.PartialMessage | discord.Message) -> None:
        self._openings.taken_away.append(message.id)
        try:
            await message.delete()
        except (discord.Forbidden, discord.NotFound) as error:
            _log.info("not deleted", message=message.id, code=error.code)


def _is_part(
    message: discord.Message,
    delivery: pb.Delivery,
    index: int,
    text: str,
    sent: Sequence[str],
    last_said: int,
) -> bool:
    """Whether a message of ours is this part of the delivery.

    Its nonce says so: its own, or that of the draft that became the first part. Where history tells no nonce,
    the words do behind the parts before, and of a first part with what it replies to. A delivery that answers
    several messages names none: then it must reply to `last_said`, the newest that a person said, since what
    was answered before stands above them. Words alone prove nothing: they repeat.
    """
    if message.nonce == make_nonce(delivery.delivery_id, str(index)):
        return True
    if message.content != text:
        return False
    if message.nonce is not None:
        return index == 0 and message.nonce == make_nonce("draft", delivery.turn_id)
    if index > 0:
        return message.id > int(sent[-1])
    replied = str(message.reference.message_id) if message.reference else ""
    return bool(replied) and replied == (delivery.reply_to_message_id or str(last_said))


def _rows(given: Iterable[pb.ButtonRow]) -> list[Sequence[pb.Button]]:
    """The buttons as they are laid out; where Discord has no room for that, in order, as many as it takes."""
    rows: list[Sequence[pb.Button]] = [row.buttons for row in given if row.buttons]
    if len(rows) <= ROWS and all(len(row) <= ROW for row in rows):
        return rows
    buttons = [button for row in rows for button in row]
    if left_out := buttons[ROWS * ROW :]:
        _log.warning("no room for buttons", actions=[button.action for button in left_out])
    shown = buttons[: ROWS * ROW]
    width = -(-len(shown) // ROWS)
    return [shown[start : start + width] for start in range(0, len(shown), width)]


def _buttons(rows: Sequence[Sequence[pb.Button]]) -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for number, row in enumerate(rows):
        for button in row:
            view.add_item(discord.ui.Button(label=button.label, custom_id=button.action, row=number))
    # discord.py need not remember it: presses come as events, also on buttons of an earlier process.
    view.stop()
    return view

"""How an answer shows while it comes about: typing, drafts by edit, a deferred command.

A draft is a message of its own, which its Final then edits. It ends in `UNFINISHED` for as long as it is one,
so that after a crash whoever sends the Final can tell what was left behind (`send.py`).
"""

import asyncio
import base64
import hashlib
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import discord

from services.discord.edit import Edit, edit_answer
from services.gateway.text import split
from services.stubs.assistant.v1 import assistant_pb2 as pb

MAX_LENGTH = 2000
UNFINISHED = " ▌"
MAX_TAKEN_AWAY = 512


@dataclass(frozen=True, slots=True)
class Openings:
    """Messages that stand for a reply before it is sent."""

    # By delivery id: what the first part takes the place of; None where there is no such thing.
    edits: dict[str, Edit | None] = field(default_factory=dict)
    # The ids of drafts that are being written now.
    drafts: set[int] = field(default_factory=set)
    # The ids of messages we deleted ourselves lately: their deletion is no event.
    taken_away: deque[int] = field(default_factory=lambda: deque(maxlen=MAX_TAKEN_AWAY))


@dataclass(frozen=True, slots=True)
class Deferred:
    """A slash command whose answer Discord shows as "thinking…"."""

    interaction: discord.Interaction
    # Gives the id of the message that shows so; None where the command was deferred too late.
    thinking: asyncio.Task[int | None]


class EventPresenter:
    """Shows what becomes of one event; implements services.gateway.flow.Presenter."""

    typing_interval = 8.0
    draft_interval = 1.2

    def __init__(
        self,
        channel: discord.PartialMessageable,
        request: pb.ConverseRequest,
        openings: Openings,
        command: Deferred | None,
    ) -> None:
        self._channel = channel
        self._asked = request.message.message_id
        self._wants_answer = request.WhichOneof("event") not in {"deletion", "reaction"}
        self._openings = openings
        self._command = command
        self._draft: discord.Message | None = None
        self._on_its_way: asyncio.Future[None] | None = None
        self._drafts_from = 0.0
        self._delivery_id = ""
        self.confirmed = asyncio.Event()

    async def confirm(self) -> None:
        """Discord needs no word; the next event of the channel may follow. Quick answers get no draft."""
        self._drafts_from = asyncio.get_running_loop().time() + self.draft_interval
        self.confirmed.set()

    async def tell(self, text: str) -> None:
        """Answer with a line, where an answer is looked for."""
        if not self._wants_answer:
            return
        line = text[:MAX_LENGTH]
        if edit := await self._opening():
            await edit(content=line)
        else:
            await self._channel.send(line, suppress_embeds=True, **reply(self._channel, self._asked))

    async def typing(self) -> None:
        """Discord shows it for 10 s; a command shows "thinking…" by itself."""
        if self._command is None:
            await self._channel.typing()

    async def draft(self, draft: pb.Draft) -> None:
        """The reply so far, for answers to messages only: an edit or button may replace an older reply."""
        too_soon = asyncio.get_running_loop().time() < self._drafts_from
        if too_soon or not self._asked or not draft.text.strip():
            return
        text = split(draft.text, MAX_LENGTH - len(UNFINISHED))[0] + UNFINISHED
        # Not cut off halfway: an unknown draft would stand for good, a late edit undo the Final.
        self._on_its_way = asyncio.ensure_future(self._show(text, draft.turn_id))
        await asyncio.shield(self._on_its_way)

    async def final(self, delivery: pb.Delivery) -> None:
        """Its first part takes the place of the draft or of "thinking…"."""
        self._delivery_id = delivery.delivery_id
        self._openings.edits[self._delivery_id] = await self._opening()

    async def ended(self) -> None:
        """Nothing comes, or not on this stream: the draft and "thinking…" go away."""
        await self._settled()
        if self._draft is not None:
            self._openings.taken_away.append(self._draft.id)
            await self._draft.delete()
        elif self._command is not None and (thinking := await self._command.thinking):
            self._openings.taken_away.append(thinking)
            await self._command.interaction.delete_original_response()

    def close(self) -> None:
        """The event is done with."""
        self._openings.edits.pop(self._delivery_id, None)
        if self._draft is not None:
            self._openings.drafts.discard(self._draft.id)

    async def _show(self, text: str, turn_id: str) -> None:
        if self._draft is None:
            nonce = make_nonce("draft", turn_id)
            self._draft = await self._channel.send(
                text, nonce=nonce, suppress_embeds=True, **reply(self._channel, self._asked)
            )
            self._openings.drafts.add(self._draft.id)
        elif self._draft.content != text:
            self._draft = await self._draft.edit(content=text, suppress=True)

    async def _settled(self) -> None:
        if self._on_its_way is not None:
            await asyncio.gather(self._on_its_way, return_exceptions=True)

    async def _opening(self) -> Edit | None:
        await self._settled()
        if self._draft is not None:
            return partial(self._draft.edit, suppress=True)
        if self._command is not None and await self._command.thinking:
            return partial(edit_answer, self._command.interaction)
        return None


def reply(channel: discord.PartialMessageable, message_id: str) -> dict[str, Any]:
    """The keywords that make a sent message a reply; it is sent all the same where the other is gone."""
    if not message_id:
        return {}
    replied = discord.MessageReference(
        message_id=int(message_id), channel_id=channel.id, fail_if_not_exists=False
    )
    return {"reference": replied}


def make_nonce(*parts: str) -> str:
    """The same for the same parts. Of sends with one nonce Discord makes one message, for some minutes."""
    digest = hashlib.sha256("\0".join(parts).encode()).digest()
    return base64.urlsafe_b64encode(digest)[:25].decode()

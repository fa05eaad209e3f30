"""The events of each channel in order, and first what was missed while the bot was away.

Discord sends nothing again that happened without a session. So each channel that the assistant knows is read
when a session begins: what became of the messages that are kept, then all from its cursor on; what comes live
meanwhile waits behind that.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import NoReturn, TypeVar

import aiohttp
import discord
import structlog

from services.discord import history, translate
from services.discord.arrival import Arrival
from services.discord.known import Known
from services.discord.presenter import EventPresenter, Openings
from services.discord.tasks import start
from services.gateway.backoff import delays
from services.stubs.assistant.v1 import assistant_pb2 as pb

# Channels whose history is read at a time.
MAX_READING = 8
# Events of a channel remembered, to leave out those that come twice.
MAX_RECENT = 512
# How often the assistant is told up to where the channels were seen, and of how many at a time.
SEEN_SECONDS = 10.0
MAX_SEEN = 500

# Worth another try, for ever.
_AWAY = (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError, discord.RateLimited)

T = TypeVar("T")
Carry = Callable[[pb.ConverseRequest, EventPresenter], Awaitable[None]]

_log = structlog.get_logger()


class CatchUp:
    """Stands in a channel's queue where a new session began."""


@dataclass(slots=True)
class _Channel:
    id: int
    guild_id: int | None = None
    place: pb.Place | None = None
    # The newest message that was dealt with; 0 where the assistant knows none.
    newest: int = 0
    # The newest that the assistant knows of.
    told: int = 0
    # The cursor as the assistant gave it when it was first asked; 0 for a channel it didn't know.
    known: int = 0
    queue: asyncio.Queue[Arrival | CatchUp] = field(default_factory=asyncio.Queue)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_RECENT))


class Channels:
    """Passes events on, one at a time in a channel: the next follows when the assistant has accepted one."""

    def __init__(
        self,
        client: discord.Client,
        carry: Carry,
        known: Known,
        openings: Openings,
        tasks: asyncio.TaskGroup,
    ) -> None:
        self._client = client
        self._known = known
        self._carry_event = carry
        self._openings = openings
        self._tasks = tasks
        self._channels: dict[int, _Channel] = {}
        self._has_cursors = asyncio.Event()
        self._session_began = False
        self._session_ready = asyncio.Event()
        self._reading = asyncio.Semaphore(MAX_READING)

    def add(self, channel_id: int, guild_id: int | None, arrival: Arrival) -> None:
        """An event came. Keeps the order of calls within a channel."""
        self._channel(channel_id, guild_id).queue.put_nowait(arrival)

    def pass_queue(self, channel_id: int, guild_id: int | None, arrival: Arrival) -> None:
        """An event that waits for nothing."""
        start(self._tasks, self._pass_on(_Channel(channel_id, guild_id), arrival))

    def session_began(self) -> None:
        """Events come from now on; what happened before is missing."""
        self._session_began = True
        self._session_ready.clear()
        for channel in self._channels.values():
            channel.queue.put_nowait(CatchUp())

    def session_ready(self) -> None:
        """The guilds of the session are known."""
        self._session_ready.set()

    async def take_cursors(self, cursors: pb.Cursors) -> None:
        """The assistant says which channels it knows, and up to which message."""
        for cursor in cursors.cursors:
            if not cursor.message_id.isdecimal():
                continue
            channel = self._channel(int(cursor.place.thread_id or cursor.place.chat_id), None)
            channel.place = channel.place or cursor.place
            channel.told = max(channel.told, int(cursor.message_id))
            channel.known = channel.known or channel.told
            channel.newest = max(channel.newest, channel.told)
        self._has_cursors.set()

    async def tell_what_was_seen(self) -> NoReturn:
        """Move the assistant's cursors now and then, also over what was no event."""
        while True:
            await asyncio.sleep(SEEN_SECONDS)
            ahead = [each for each in self._channels.values() if each.place and each.newest > each.told]
            for first in range(0, len(ahead), MAX_SEEN):
                await self._tell(ahead[first : first + MAX_SEEN])

    async def _tell(self, channels: Sequence[_Channel]) -> None:
        newest = [each.newest for each in channels]
        cursors = [pb.Cursor(place=each.place, message_id=str(each.newest)) for each in channels]
        if await self._known.seen(cursors):
            for channel, told in zip(channels, newest, strict=True):
                channel.told = told

    def _channel(self, channel_id: int, guild_id: int | None) -> _Channel:
        if channel_id not in self._channels:
            channel = self._channels[channel_id] = _Channel(channel_id, guild_id)
            if self._session_began:
                channel.queue.put_nowait(CatchUp())
            start(self._tasks, self._work(channel))
        return self._channels[channel_id]

    async def _work(self, channel: _Channel) -> None:
        await self._has_cursors.wait()
        while True:
            match await channel.queue.get():
                case Arrival() as arrival:
                    await self._pass_on(channel, arrival)
                case CatchUp():
                    await self._session_ready.wait()
                    self._find_threads(channel)
                    if channel.newest:
                        await _persisting(channel, lambda: self._catch_up(channel))

    async def _catch_up(self, channel: _Channel) -> None:
        """Pass on what became of the messages that the assistant has, then what came after them."""
        found = self._client.get_channel(channel.id)
        unseen = self._client.get_partial_messageable(channel.id)
        readable = found if isinstance(found, discord.abc.Messageable) else unseen
        place, before = await self._known_place(channel), channel.newest
        kept = await self._known.kept(place, await self._user_id(channel, place)) if place else {}
        async with self._reading:
            changed = await self._pass_all(channel, history.changes(readable, kept, before, self._bot))
            missed = await self._pass_all(channel, history.missed(readable, before, self._bot))
        _log.info("caught up", channel=channel.id, changed=changed, missed=missed)

    async def _pass_all(self, channel: _Channel, arrivals: AsyncIterator[Arrival]) -> int:
        count = 0
        async for arrival in arrivals:
            await self._pass_on(channel, arrival)
            count += 1
        return count

    def _find_threads(self, channel: _Channel) -> None:
        """A thread that began in a known channel while the bot was away is known from its beginning on."""
        found = self._client.get_channel(channel.id)
        if isinstance(found, discord.TextChannel | discord.ForumChannel):
            for thread in found.threads if channel.known else ():
                if thread.id > channel.known:
                    self._channel(thread.id, found.guild.id)
        elif isinstance(found, discord.Thread) and not channel.newest:
            parent = self._channels.get(found.parent_id)
            if parent is not None and 0 < parent.known < found.id:
                channel.newest = found.id - 1

    async def _pass_on(self, channel: _Channel, arrival: Arrival) -> None:
        """Returns when the assistant has accepted or refused the event; its answer goes on by itself."""
        await self._known_place(channel)
        request = _translated(arrival, channel)
        if request is not None and request.idempotency_key not in channel.recent:
            await self._carry_on(channel, arrival, request)
        channel.newest = max(channel.newest, arrival.message_id)

    async def _carry_on(self, channel: _Channel, arrival: Arrival, request: pb.ConverseRequest) -> None:
        if request.HasField("deletion"):
            request.author.user_id = await self._user_id(channel, request.place)
        presenter = EventPresenter(
            self._client.get_partial_messageable(channel.id), request, self._openings, arrival.command
        )
        start(self._tasks, self._carry(request, presenter))
        await presenter.confirmed.wait()
        channel.recent.append(request.idempotency_key)

    async def _carry(self, request: pb.ConverseRequest, presenter: EventPresenter) -> None:
        try:
            await self._carry_event(request, presenter)
        finally:
            presenter.close()

    async def _known_place(self, channel: _Channel) -> pb.Place | None:
        if channel.place is None:
            channel.place = await _persisting(channel, lambda: self._place(channel))
        return channel.place

    async def _place(self, channel: _Channel) -> pb.Place:
        if channel.guild_id is None:
            return translate.direct_place(channel.id, self._bot)
        found = self._client.get_channel(channel.id) or await self._client.fetch_channel(channel.id)
        return translate.place(found, self._bot)

    async def _user_id(self, channel: _Channel, place: pb.Place) -> str:
        """Whom a direct channel is with; empty for a channel of many."""
        if place.chat_kind != pb.CHAT_KIND_DIRECT:
            return ""
        return await _persisting(channel, lambda: self._partner(channel)) or ""

    async def _partner(self, channel: _Channel) -> str:
        found = await self._client.fetch_channel(channel.id)
        return str(found.recipient.id) if isinstance(found, discord.DMChannel) and found.recipient else ""

    @property
    def _bot(self) -> discord.ClientUser:
        assert self._client.user is not None, "events come after the login"
        return self._client.user


def _translated(arrival: Arrival, channel: _Channel) -> pb.ConverseRequest | None:
    """None as well for what Discord sends in a form we don't know: one event must not end all others."""
    try:
        return arrival.translate(channel.place) if channel.place else None
    except Exception:
        _log.exception("event not understood", channel=channel.id)
        return None


async def _persisting(channel: _Channel, ask: Callable[[], Awaitable[T]]) -> T | None:
    """What Discord answers, asked again for as long as it is away; None where it refuses."""
    log = _log.bind(channel=channel.id)
    for delay in delays():
        try:
            return await ask()
        except _AWAY as error:
            log.warning("discord is away", error=type(error).__name__)
            await asyncio.sleep(delay)
        except (discord.HTTPException, discord.InvalidData) as error:
            log.info("channel closed", error=type(error).__name__)
            break
    return None

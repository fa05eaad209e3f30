"""The events of each channel in order, and first what was missed while the bot was away.

Discord sends nothing again that happened without a session. So each channel that the assistant knows is read
from its last committed message on when a session begins; what comes live meanwhile waits behind that.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import aiohttp
import discord
import structlog

from services.discord import translate
from services.discord.presenter import Deferred, EventPresenter, Openings
from services.discord.tasks import start
from services.gateway.backoff import delays
from services.stubs.assistant.v1 import assistant_pb2 as pb

# Channels whose history is read at a time.
MAX_READING = 8
# Events of a channel remembered, to leave out those that come twice.
MAX_RECENT = 512

# Worth another try, for ever.
_AWAY = (aiohttp.ClientError, OSError, TimeoutError, discord.DiscordServerError, discord.RateLimited)

T = TypeVar("T")
Translate = Callable[[pb.Place], pb.ConverseRequest | None]
Carry = Callable[[pb.ConverseRequest, EventPresenter], Awaitable[None]]

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Arrival:
    """An event, to be translated once its channel's place is known."""

    translate: Translate
    command: Deferred | None = None


class CatchUp:
    """Stands in a channel's queue where a new session began."""


@dataclass(slots=True)
class _Channel:
    id: int
    guild_id: int | None = None
    place: pb.Place | None = None
    # The newest message that the assistant has; 0 where it knows none.
    newest: int = 0
    queue: asyncio.Queue[Arrival | CatchUp] = field(default_factory=asyncio.Queue)
    recent: deque[str] = field(default_factory=lambda: deque(maxlen=MAX_RECENT))


class Channels:
    """Passes events on, one at a time in a channel: the next follows when the assistant has accepted one."""

    def __init__(
        self, client: discord.Client, carry: Carry, openings: Openings, tasks: asyncio.TaskGroup
    ) -> None:
        self._client = client
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
            channel.newest = max(channel.newest, int(cursor.message_id))
        self._has_cursors.set()

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
                case CatchUp() if channel.newest:
                    await self._session_ready.wait()
                    await _persisting(channel, lambda: self._read_on(channel))

    async def _read_on(self, channel: _Channel) -> None:
        """Pass on what stands in the channel after the newest message the assistant has."""
        found = self._client.get_channel(channel.id)
        unseen = self._client.get_partial_messageable(channel.id)
        readable = found if isinstance(found, discord.abc.Messageable) else unseen
        before = channel.newest
        async with self._reading:
            async for said in readable.history(limit=None, after=discord.Object(before), oldest_first=True):
                await self._pass_on(channel, Arrival(partial(translate.message, said, bot=self._bot)))
                channel.newest = max(channel.newest, said.id)
        _log.info("caught up", channel=channel.id, missed=channel.newest > before)

    async def _pass_on(self, channel: _Channel, arrival: Arrival) -> None:
        """Returns when the assistant has accepted or refused the event; its answer goes on by itself."""
        if channel.place is None:
            channel.place = await _persisting(channel, lambda: self._place(channel))
        request = _translated(arrival, channel)
        if request is None or request.idempotency_key in channel.recent:
            return
        if request.HasField("deletion") and request.place.chat_kind == pb.CHAT_KIND_DIRECT:
            request.author.user_id = await _persisting(channel, lambda: self._partner(channel)) or ""
        presenter = EventPresenter(
            self._client.get_partial_messageable(channel.id), request, self._openings, arrival.command
        )
        start(self._tasks, self._carry(request, presenter))
        await presenter.confirmed.wait()
        channel.recent.append(request.idempotency_key)
        if request.HasField("message"):
            channel.newest = max(channel.newest, int(request.message.message_id))

    async def _carry(self, request: pb.ConverseRequest, presenter: EventPresenter) -> None:
        try:
            await self._carry_event(request, presenter)
        finally:
            presenter.close()

    async def _place(self, channel: _Channel) -> pb.Place:
        if channel.guild_id is None:
            return translate.direct_place(channel.id, self._bot)
        found = self._client.get_channel(channel.id) or await self._client.fetch_channel(channel.id)
        return translate.place(found, self._bot)

    async def _partner(self, channel: _Channel) -> str:
        """Whom a direct channel is with."""
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

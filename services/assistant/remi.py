"""Everything a turn needs, made once by the composition root and passed along."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import structlog

from services.assistant.access import Doorkeeper
from services.assistant.domain import Platform
from services.assistant.model import Models
from services.assistant.store.connection import Store
from services.assistant.store.work import Claim
from services.assistant.streams import Streams

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Knobs:
    """What the operator sets, as far as a turn is concerned."""

    token_budget: int
    """Most tokens of recalled memory in a prompt."""
    turn_timeout: timedelta
    client_clock: frozenset[Platform]
    """Platforms whose gateway may set the clock of a turn."""
    zone: ZoneInfo
    """The clock of people who haven't said theirs."""
    reminder_grace: timedelta
    """A reminder that comes later than this was missed."""
    delivery_time: timedelta = timedelta(hours=24)
    """What could not be delivered for so long is put aside."""
    prices: tuple[float, float] | None = None
    """Of a million tokens that the chat model reads, and writes."""


FEW = 1
"""So many events may be on their way in without anything else waiting for them."""
AT_ONCE = 4
"""So much that gives way goes on at once."""
HELD_UP = 1.0
"""Seconds that something waits for events on their way in, at most."""


@dataclass(slots=True)
class Running:
    """The conversations this process works on, and the tasks that do."""

    claims: set[Claim] = field(default_factory=set)
    conversations: Counter[UUID] = field(default_factory=Counter)
    left: set[Claim] = field(default_factory=set)
    """Those whose work Postgres broke off: to be given back as soon as it can be told."""
    answers: dict[UUID, asyncio.Task[Any]] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    is_draining: bool = False
    """This process is about to end: it accepts what comes, and leaves it to another."""
    incoming: int = 0
    """Events on their way in, not yet committed."""
    _calm: asyncio.Event = field(default_factory=asyncio.Event)
    _giving_way: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(AT_ONCE))

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        """Keep the lease of a conversation while the block runs."""
        self.claims.add(claim)
        self.conversations[claim.subject_id] += 1
        try:
            yield
        finally:
            self.claims.discard(claim)
            self.conversations[claim.subject_id] -= 1
            if not self.conversations[claim.subject_id]:
                del self.conversations[claim.subject_id]

    @property
    def is_calm(self) -> bool:
        return self.incoming <= FEW

    @contextmanager
    def taking_in(self) -> Iterator[None]:
        """An event is on its way in while the block runs."""
        self.incoming += 1
        try:
            yield
        finally:
            self.incoming -= 1
            if self.is_calm:
                self._calm.set()

    @asynccontextmanager
    async def giving_way(self) -> AsyncIterator[None]:
        """The block waits, for a while, for what comes in: a burst is accepted before it is answered."""
        async with self._giving_way:
            if not self.is_calm:
                self._calm.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(HELD_UP):
                        await self._calm.wait()
            yield

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something on its own until it is done; an error that gets out is logged by its class."""
        task = asyncio.create_task(work)
        self.tasks.add(task)
        task.add_done_callback(self._ended)

    def stop(self, turn_id: UUID) -> None:
        """Cancel the answering of a turn: the model call is really closed."""
        if (answer := self.answers.get(turn_id)) is not None:
            answer.cancel()

    def _ended(self, task: asyncio.Task[None]) -> None:
        self.tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("task_failed", exc_info=error)


@dataclass(frozen=True, slots=True)
class Remi:
    store: Store
    models: Models
    door: Doorkeeper
    knobs: Knobs
    streams: Streams = field(default_factory=Streams)
    running: Running = field(default_factory=Running)
    outgoing: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a delivery waits for the Deliver stream; the stream also looks by itself now and then."""
    clock: Callable[[], datetime] = lambda: datetime.now(UTC)
    """What reminders are due by."""

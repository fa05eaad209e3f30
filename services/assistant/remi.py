"""Everything a turn needs, made once by the composition root and passed along."""

import asyncio
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
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


@dataclass(slots=True)
class Running:
    """The conversations this process works on, and the tasks that do."""

    claims: set[Claim] = field(default_factory=set)
    left: set[Claim] = field(default_factory=set)
    """Those whose work Postgres broke off: to be given back as soon as it can be told."""
    answers: dict[UUID, asyncio.Task[Any]] = field(default_factory=dict)
    tasks: set[asyncio.Task[None]] = field(default_factory=set)
    is_draining: bool = False
    """This process is about to end: it accepts what comes, and leaves it to another."""

    @contextmanager
    def holding(self, claim: Claim) -> Iterator[None]:
        """Keep the lease of a conversation while the block runs."""
        self.claims.add(claim)
        try:
            yield
        finally:
            self.claims.discard(claim)

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

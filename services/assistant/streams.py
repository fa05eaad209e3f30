"""From a running turn to the live Converse calls that wait for it, inside this process.

A turn in another replica is seen by asking the store now and then (intake.py).
"""

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from uuid import UUID

from services.assistant.domain import Delivery


@dataclass(frozen=True, slots=True)
class Draft:
    turn_id: UUID
    revision: int
    text: str


@dataclass(frozen=True, slots=True)
class Final:
    """`is_next`: nothing older of the conversation waits to be sent. Else that is to be asked."""

    delivery: Delivery
    is_next: bool = False


@dataclass(frozen=True, slots=True)
class Merged:
    turn_id: UUID


@dataclass(frozen=True, slots=True)
class Ended:
    """The turn is over and there is nothing (more) to send."""


Frame = Draft | Final | Merged | Ended

MOST_HEARD = 2_000
"""Events for which somebody may listen at once. A call that stands costs some 30 kB."""


@dataclass(slots=True)
class Listener:
    """One live Converse call. Only the newest draft is kept: a slow reader skips those between."""

    last: Frame | None = None
    """What ends the stream, once it has come."""
    _draft: Draft | None = None
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def put(self, frame: Frame) -> None:
        if isinstance(frame, Draft):
            self._draft = frame
        elif self.last is None:
            self.last = frame
        self._changed.set()

    async def next(self, patience: float) -> Frame | None:
        """The next frame; None if none came within `patience` seconds."""
        if self._draft is None and self.last is None:
            self._changed.clear()
            try:
                async with asyncio.timeout(patience):
                    await self._changed.wait()
            except TimeoutError:
                return None
        if self.last is not None:
            return self.last
        draft, self._draft = self._draft, None
        return draft


@dataclass(frozen=True, slots=True)
class Streams:
    """Who listens for which event, by event key."""

    _listeners: dict[str, list[Listener]] = field(default_factory=dict)

    @contextmanager
    def listen(self, key: str) -> Iterator[Listener]:
        listener = Listener()
        self._listeners.setdefault(key, []).append(listener)
        try:
            yield listener
        finally:
            self._listeners[key].remove(listener)
            if not self._listeners[key]:
                del self._listeners[key]

    def is_heard(self, key: str) -> bool:
        return key in self._listeners

    @property
    def is_crowded(self) -> bool:
        return len(self._listeners) > MOST_HEARD

    def publish(self, keys: Iterable[str], frame: Frame) -> None:
        for key in keys:
            for listener in self._listeners.get(key, ()):
                listener.put(frame)

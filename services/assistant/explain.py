"""Why a turn answered as it did: its trace, with the words read from where they stand, while they stand."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from services.assistant.domain import Recalled
from services.assistant.store import traces
from services.assistant.store.connection import Connection
from services.assistant.store.traces import Reference, Trace
from services.errors import NotFound


@dataclass(frozen=True, slots=True)
class Line:
    """One thing that came up. Nothing `found`: it was forgotten since."""

    reference: Reference
    found: Recalled | None


@dataclass(frozen=True, slots=True)
class Explanation:
    """What an answer rested on: lines that were shown come first, best first."""

    turn_id: UUID
    trace: Trace
    lines: tuple[Line, ...]


async def explain(
    connection: Connection, spaces: Sequence[UUID], space_id: UUID, turn_id: UUID
) -> Explanation:
    """Explain a turn of a space to somebody who may see `spaces`. Raises NotFound."""
    trace = await traces.read(connection, space_id, turn_id)
    if trace is None:
        raise NotFound("there is no answered turn of this id here")
    found = await traces.look_up(connection, spaces, trace.references)
    lines = [Line(*each) for each in zip(trace.references, found, strict=True)]
    lines.sort(key=lambda line: not line.reference.shown)
    return Explanation(turn_id, trace, tuple(lines))

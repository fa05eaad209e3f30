"""Memories and their sources. Every call wants a connection in scope of the spaces it names."""

import json
from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias
from uuid import UUID, uuid4

import asyncpg

from services.assistant.domain import PLAIN, Details, Memory, MemoryKind, Source
from services.assistant.store.connection import Connection
from services.assistant.store.queries import load
from services.errors import InvalidEvent, NotFound

SQL = load("memories")

After: TypeAlias = tuple[datetime, UUID]
"""Where a page ended: when its last memory was learned, and its id. It may be forgotten by now."""

SUPERSEDED = 0.3
"""What the score of a memory loses when it no longer holds."""
_STALE = 0.15
"""What the score of a message loses when nothing that was learned from it holds any more."""
ASKED_FOR = 0.95
"""The confidence in what a person has put into words for the memory themselves."""


async def insert(
    connection: Connection,
    space_id: UUID,
    memory_id: UUID,
    kind: MemoryKind,
    text: str,
    learned_at: datetime,
    sources: Sequence[tuple[UUID, str]],
    said_at: datetime | None = None,
    details: Details = PLAIN,
) -> bool:
    """Write a memory; False if none of its sources, a message and a quote each, stands.

    A source stands if its quote is found verbatim in a message of a person. `said_at` is the newest source's
    unless given.
    """
    messages, quotes = [source[0] for source in sources], [source[1] for source in sources]
    return bool(
        await connection.fetch(
            SQL["insert"],
            space_id,
            memory_id,
            kind,
            text,
            learned_at,
            messages,
            quotes,
            said_at,
            details.confidence,
            details.confirmed_at,
            *(details.days or (None, None)),
            *(details.replies or (None, None)),
            details.retracted_by,
        )
    )


async def page(
    connection: Connection,
    spaces: Sequence[UUID],
    kind: MemoryKind | None = None,
    with_superseded: bool = False,
    after: After | None = None,
    size: int = 50,
) -> tuple[Memory, ...]:
    """Memories, newest first; those that come `after` the last of another page."""
    rows = await connection.fetch(_PAGE, spaces, kind, with_superseded, *(after or (None, None)), size)
    return tuple(_memory(row) for row in rows)


async def some(
    connection: Connection, spaces: Sequence[UUID], memory_ids: Sequence[UUID]
) -> tuple[Memory, ...]:
    """Those of these memories that there are, in the order of the ids."""
    rows = {row["memory_id"]: row for row in await connection.fetch(_SOME, spaces, memory_ids)}
    return tuple(_memory(rows[each]) for each in memory_ids if each in rows)


async def resting_on(
    connection: Connection, spaces: Sequence[UUID], message_ids: Sequence[UUID]
) -> tuple[Memory, ...]:
    """Memories that hold and have one of these messages as a source, newest first."""
    return tuple(_memory(row) for row in await connection.fetch(_RESTING_ON, spaces, message_ids))


async def replaced(connection: Connection, space_id: UUID, memory_id: UUID) -> tuple[Memory, ...]:
    """What held before a memory, the latest first: all whose place it took, and whose place these took."""
    return tuple(_memory(row) for row in await connection.fetch(_REPLACED, [space_id], memory_id))


async def get(connection: Connection, spaces: Sequence[UUID], memory_id: UUID) -> Memory:
    """Raises NotFound."""
    row = await connection.fetchrow(_GET, spaces, memory_id)
    if row is None:
        raise NotFound("there is no such memory here")
    return _memory(row)


async def correct(
    connection: Connection,
    space_id: UUID,
    memory_id: UUID,
    text: str,
    message_id: UUID,
    now: datetime,
    new_id: UUID | None = None,
) -> Memory:
    """Let a memory of the same kind take the place of one that holds; its source is the correcting message.

    Raises NotFound if there is no such memory or it holds no more, and InvalidEvent if `text` doesn't stand
    verbatim in that message of a person.
    """
    old = await get(connection, [space_id], memory_id)
    new_id = new_id or uuid4()
    if not await supersede(connection, space_id, memory_id, now, new_id):
        raise NotFound("this memory holds no more")
    details = Details(ASKED_FOR)
    if not await insert(
        connection, space_id, new_id, old.kind, text, now, [(message_id, text)], details=details
    ):
        raise InvalidEvent("text", "must stand in the correcting message")
    return await get(connection, [space_id], new_id)


async def supersede(
    connection: Connection,
    space_id: UUID,
    memory_id: UUID,
    at: datetime,
    by: UUID | None,
    retracted_by: UUID | None = None,
) -> bool:
    """End a memory, because of another one or of a message; False if it had ended, or isn't there."""
    return bool(
        await connection.fetch(
            SQL["supersede"], space_id, memory_id, at, by, SUPERSEDED, retracted_by, _STALE
        )
    )


async def take_back(connection: Connection, space_id: UUID, message_id: UUID) -> None:
    """End what was learned from earlier forms of an edited message, unless its words still stand somewhere.

    It never held: so it ends when it was said, and what says it again holds again.
    """
    for row in await connection.fetch(_UNSAID, [space_id], message_id):
        memory = _memory(row)
        await supersede(connection, space_id, memory.memory_id, memory.last_said, None, message_id)


def sources(column: str | None) -> tuple[Source, ...]:
    """Sources out of the JSON that the queries make of them, oldest first."""
    return tuple(
        Source(
            UUID(source["message_id"]),
            source["quote"],
            datetime.fromisoformat(source["sent_at"]),
            source["author_name"],
        )
        for source in (json.loads(column) if column else ())
    )


def _memory(row: asyncpg.Record) -> Memory:
    return Memory(
        row["memory_id"],
        row["space_id"],
        MemoryKind(row["kind"]),
        row["text"],
        row["learned_at"],
        sources(row["sources"]),
        row["superseded_at"],
        row["superseded_by"],
        Details(
            row["confidence"],
            row["confirmed_at"],
            None if row["happens_from"] is None else (row["happens_from"], row["happens_until"]),
            None if row["first_reply"] is None else (row["first_reply"], row["last_reply"]),
            row["retracted_by"],
        ),
    )


_PAGE = f"{SQL['select']} {SQL['page']}"
_GET = f"{SQL['select']} memory_id = $2"
_SOME = f"{SQL['select']} memory_id = ANY ($2::uuid[])"
_REPLACED = f"{SQL['select']} {SQL['replaced']}"
_UNSAID = f"{SQL['select']} {SQL['unsaid']}"
_RESTING_ON = f"{SQL['select']} {SQL['resting_on']}"

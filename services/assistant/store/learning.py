"""What learning reads and changes. Every call wants a connection in scope of the space it names."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from pgvector import HalfVector

from services.assistant import zones
from services.assistant.domain import Memory, MemoryKind, Message, Role, Usage
from services.assistant.store import memories
from services.assistant.store.connection import Connection
from services.assistant.store.queries import load

SQL = load("learning")

DOUBT = 0.25
"""How much of the doubt that is left in a memory goes when it is said again."""
NEAREST = 6
"""Memories for each passage of new talk, and as many standing ones."""


@dataclass(frozen=True, slots=True)
class Known:
    """A memory that new talk may bear on, and whose words it rests on."""

    memory: Memory
    person_id: UUID


@dataclass(frozen=True, slots=True)
class Alike:
    """A memory that may say the same as another text, which was drawn from a message.

    `likeness` is the cosine of the two, 0 if unknown; `is_passing`: it is an instruction for a
    few replies; `is_verbatim`: it says the whole message word for word.
    """

    memory_id: UUID
    kind: MemoryKind
    text: str
    superseded_at: datetime | None
    likeness: float
    is_passing: bool
    same_quote: bool
    is_verbatim: bool
    messages: frozenset[UUID]


async def unlearned(
    connection: Connection, space_id: UUID, conversation_id: UUID, most: int, most_bytes: int, zone: ZoneInfo
) -> tuple[Message, ...]:
    """What of a conversation was not learned from yet, oldest first, cut at 4,000 characters each.

    Its times are on the clock of whoever said it; `zone` is that of people who haven't told theirs.
    """
    rows = await connection.fetch(SQL["unlearned"], space_id, conversation_id, most, most_bytes)
    return tuple(
        Message(
            row["message_id"],
            Role(row["role"]),
            row["author_name"],
            row["text"],
            row["sent_at"].astimezone(zones.zone(row["zone"] or "", zone)),
            row["person_id"],
        )
        for row in rows
    )


async def known(connection: Connection, space_id: UUID, message_ids: Sequence[UUID]) -> tuple[Known, ...]:
    """What may bear on these messages of all that rests on their authors' words, the likeliest first."""
    rows = await connection.fetch(SQL["known"], space_id, message_ids, NEAREST)
    owners = {row["memory_id"]: row["person_id"] for row in rows}
    found = await memories.some(connection, [space_id], list(owners))
    return tuple(Known(memory, owners[memory.memory_id]) for memory in found)


async def alike(
    connection: Connection,
    space_id: UUID,
    message_id: UUID,
    text: str,
    quote: str,
    model: str,
    vector: HalfVector | None,
) -> tuple[Alike, ...]:
    """What of the same person may say the same as a text and its quote from a message; ended ones last."""
    rows = await connection.fetch(
        SQL["alike"], space_id, message_id, text, quote, vector, model if vector is not None else None
    )
    return tuple(
        Alike(
            row["memory_id"],
            MemoryKind(row["kind"]),
            row["text"],
            row["superseded_at"],
            row["likeness"],
            row["is_passing"],
            row["same_quote"],
            row["is_verbatim"],
            frozenset(row["messages"]),
        )
        for row in rows
    )


async def confirm(
    connection: Connection, space_id: UUID, memory_id: UUID, source: tuple[UUID, str], *, revive: bool = False
) -> bool:
    """Add a source, a message and a quote, and raise the confidence; one that had ended may hold again.

    False, and nothing is changed, if the quote doesn't stand in a person's message, or is a source already.
    """
    return bool(
        await connection.fetch(
            SQL["confirm"], space_id, memory_id, *source, DOUBT, revive, memories.SUPERSEDED
        )
    )


async def lapse(connection: Connection, space_id: UUID, now: datetime) -> int:
    """End the instructions for a few replies that Remi has given by now; how many."""
    rows = await connection.fetch(SQL["lapse"], space_id)
    for row in rows:
        await memories.supersede(connection, space_id, row["memory_id"], now, None)
    return len(rows)


async def mark(
    connection: Connection, space_id: UUID, messages: Sequence[Message], usage: Usage
) -> frozenset[UUID]:
    """Note that these were learned from, and the cost.

    Returns those that nobody else had learned from, and that no edit has replaced.
    """
    rows = await connection.fetch(SQL["mark"], space_id, *_read(messages, usage))
    return frozenset(row["message_id"] for row in rows)


async def garbled(connection: Connection, space_id: UUID, messages: Sequence[Message], usage: Usage) -> int:
    """Note that no answer for these could be read, and what it cost; how often that happened."""
    return int(await connection.fetchval(SQL["garbled"], space_id, *_read(messages, usage)) or 0)


def _read(messages: Sequence[Message], usage: Usage) -> tuple[list[UUID], UUID | None, int, int]:
    people = [each.person_id for each in messages if each.person_id is not None]
    return (
        [each.message_id for each in messages],
        people[-1] if people else None,
        usage.prompt_tokens,
        usage.completion_tokens,
    )

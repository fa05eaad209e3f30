"""Forgetting, for real: a message and all that came of it, in every table of its space.

Every call wants a connection in scope of the space, and forgets in its transaction.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from services.assistant.domain import Memory, Message, Role
from services.assistant.passages import REACH
from services.assistant.store import memories
from services.assistant.store.connection import Connection
from services.assistant.store.queries import load
from services.assistant.words import dimension, space_key, stems

SQL = load("forgetting")

MOST = 200
"""Messages and memories that a preview shows."""


@dataclass(frozen=True, slots=True)
class Doomed:
    """What holds the words that somebody wants forgotten, newest first."""

    messages: tuple[Message, ...]
    memories: tuple[Memory, ...]


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much went, Remi's own replies included."""

    messages: int
    memories: int


@dataclass(frozen=True, slots=True)
class Forgetting:
    """What was forgotten at once, by ids alone; `keys` of the events that brought it, with their digests."""

    space_id: UUID
    forgetting_id: UUID
    at: datetime
    messages: tuple[UUID, ...]
    memories: tuple[UUID, ...]
    keys: Mapping[str, bytes]


async def preview(connection: Connection, secret: bytes, space_id: UUID, words: str) -> Doomed:
    """The messages and memories with a passage that holds all of these words, as recall compares words.

    What an edit replaced, or what is to be indexed yet, is looked through.
    """
    key = space_key(secret, space_id)
    wanted = set(stems(words))
    dimensions = [dimension(key, stem) for stem in wanted]
    if not dimensions:
        return Doomed((), ())
    rows = await connection.fetch(SQL["holding"], space_id, dimensions, MOST)
    outside = await connection.fetch(SQL["outside"], space_id)
    said = await connection.fetch(
        SQL["messages"],
        space_id,
        [row["subject_id"] for row in rows if not row["of_memory"]],
        [row["message_id"] for row in outside if wanted <= set(stems(row["text"]))],
    )
    learned = [row["subject_id"] for row in rows if row["of_memory"]]
    return Doomed(
        tuple(
            Message(
                row["message_id"],
                Role(row["role"]),
                row["author_name"],
                row["text"],
                row["sent_at"],
                row["person_id"],
            )
            for row in said
        ),
        tuple([await memories.get(connection, [space_id], memory_id) for memory_id in learned]),
    )


async def everything(connection: Connection, space_id: UUID) -> tuple[tuple[UUID, ...], tuple[UUID, ...]]:
    """The ids of all messages and of all memories of a space."""
    (row,) = await connection.fetch(SQL["everything"], space_id)
    return tuple(row["messages"]), tuple(row["memories"])


async def forget(
    connection: Connection, space_id: UUID, message_ids: Collection[UUID], memory_ids: Collection[UUID]
) -> Forgotten:
    """Erase messages and memories, what was learned from them, and what Remi said because of them.

    Turns that run start anew without them. Passages near them are unmade, and asked to be indexed again.
    What went is noted by its ids, to be forgotten once more when a backup brings it back.
    """
    said, learned = await _erase(connection, space_id, message_ids, memory_ids)
    if said or learned:
        await connection.execute(SQL["note"], space_id, uuid4(), said, learned)
    return Forgotten(len(said), len(learned))


async def repeat(connection: Connection, past: Forgetting) -> None:
    """Forget what was forgotten before, in a database that doesn't know of it."""
    await _erase(connection, past.space_id, past.messages, past.memories)
    keys = list(past.keys)
    await connection.execute(
        SQL["note_again"],
        past.space_id,
        past.forgetting_id,
        past.at,
        past.messages,
        past.memories,
        keys,
        [past.keys[key] for key in keys],
    )


async def people(connection: Connection) -> frozenset[UUID]:
    """The private spaces there are."""
    return frozenset(row["person_id"] for row in await connection.fetch(SQL["people"]))


async def repeat_unmoved(
    connection: Connection, space_id: UUID, kept: UUID, ids: Collection[UUID]
) -> Forgotten:
    """Forget in a private space what was forgotten under these ids in the one it was moved into later."""
    (row,) = await connection.fetch(SQL["unmoved"], space_id, kept, list(ids))
    if not (row["messages"] or row["memories"]):
        return Forgotten(0, 0)
    return await forget(connection, space_id, row["messages"], row["memories"])


async def unkept(connection: Connection, limit: int) -> list[Forgetting]:
    """Forgettings of all spaces that the ledger doesn't have yet, oldest first."""
    rows = await connection.fetch(SQL["unkept"], limit)
    return [
        Forgetting(
            row["space_id"],
            row["forgetting_id"],
            row["at"],
            tuple(row["messages"]),
            tuple(row["memories"]),
            dict(zip(row["keys"], row["digests"], strict=True)),
        )
        for row in rows
    ]


async def mark_kept(connection: Connection, forgetting_ids: Sequence[UUID]) -> None:
    """The ledger has these."""
    await connection.execute(SQL["mark_kept"], forgetting_ids)


async def known(connection: Connection, forgetting_ids: Sequence[UUID]) -> frozenset[UUID]:
    """Which of these forgettings the database knows of."""
    rows = await connection.fetch(SQL["known"], forgetting_ids)
    return frozenset(row["forgetting_id"] for row in rows)


async def _erase(
    connection: Connection, space_id: UUID, message_ids: Collection[UUID], memory_ids: Collection[UUID]
) -> tuple[list[UUID], list[UUID]]:
    """The ids of the messages and memories that went."""
    await connection.execute(SQL["fence"], space_id)
    forms = await connection.fetch(SQL["hold"], space_id, list(message_ids))
    (doomed,) = await connection.fetch(
        SQL["doom"], space_id, [row["message_id"] for row in forms], list(memory_ids)
    )
    said, learned = doomed["messages"], doomed["memories"]
    if not (said or learned):
        return [], []
    unsent = await _echoes(connection, space_id, said, learned)
    await connection.execute(SQL["unmake"], space_id, said, learned, REACH)
    await connection.execute(SQL["prune"], space_id)
    await connection.execute(SQL["empty_events"], space_id, said)
    await connection.execute(SQL["stop_turns"], space_id)
    await connection.execute(SQL["erase"], space_id, said, learned, unsent)
    return said, learned


async def _echoes(
    connection: Connection, space_id: UUID, said: Sequence[UUID], learned: Sequence[UUID]
) -> list[UUID]:
    """Texts on their way to a platform that share a word with what is to be forgotten."""
    pending = await connection.fetch(SQL["pending"], space_id)
    if not pending:
        return []
    texts = await connection.fetch(SQL["texts"], space_id, said, learned)
    words = {stem for row in texts for stem in stems(row["text"])}
    return [
        row["delivery_id"]
        for row in pending
        if not words.isdisjoint(stems(f"{row['text']}\n{row['file_content'].decode(errors='replace')}"))
    ]

"""Forgetting, for real: a message and all that came of it, in every table of its space.

Every call wants a connection in scope of the space, and forgets in its transaction. It first waits for
others that forget, index or learn there: what one takes, the other holds the neighbours of.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

import asyncpg

from services.assistant.dates import Stretch
from services.assistant.domain import Memory, Message
from services.assistant.passages import REACH
from services.assistant.store import conversations, memories
from services.assistant.store.connection import Connection
from services.assistant.store.queries import load
from services.assistant.words import dimension, space_key, stems

SQL = load("forgetting")

MOST = 200
"""Messages and memories that are looked at, or erased, in one go."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What somebody wants forgotten: what holds all these words, or was said in one of these stretches.

    `dimensions` are words as the index knows them. Of what holds them nothing said after `until` is meant.
    Given an `owner`, only what they said themselves is, and what was learned from nobody else.
    """

    until: datetime
    dimensions: tuple[int, ...] = ()
    stretches: tuple[Stretch, ...] = ()
    owner: UUID | None = None


@dataclass(frozen=True, slots=True)
class Doomed:
    """What a wish comes to, newest first: at most MOST of it, and how much it is in all."""

    messages: tuple[Message, ...]
    memories: tuple[Memory, ...]
    all_messages: int
    all_memories: int

    def __bool__(self) -> bool:
        return bool(self.messages or self.memories)

    @property
    def is_whole(self) -> bool:
        return self.all_messages + self.all_memories <= MOST


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
    taken_in: Mapping[UUID, UUID] | None = None
    """The private spaces that had come into this one by then, each with the one it went into first.

    None where an older version wrote it down.
    """


def dimensions(secret: bytes, space_id: UUID, words: str) -> tuple[int, ...]:
    """Words as the index of a space knows them; none for what recall passes over too."""
    key = space_key(secret, space_id)
    return tuple(sorted({dimension(key, stem) for stem in stems(words)}))


async def preview(connection: Connection, secret: bytes, space_id: UUID, wish: Wish) -> Doomed:
    """What would go, beside what comes of it. What an edit replaced, or is in no index yet, is looked at."""
    rows = await _wished(connection, secret, space_id, wish, MOST)
    messages = [row["subject_id"] for row in rows if not row["of_memory"]]
    learned = [row["subject_id"] for row in rows if row["of_memory"]]
    return Doomed(
        await conversations.said(connection, [space_id], messages),
        await memories.some(connection, [space_id], learned),
        rows[0]["messages"] if rows else 0,
        rows[0]["memories"] if rows else 0,
    )


async def named(
    connection: Connection, secret: bytes, space_id: UUID, wish: Wish
) -> tuple[list[UUID], list[UUID]]:
    """The ids of all messages and of all memories that a wish comes to."""
    rows = await _wished(connection, secret, space_id, wish, None)
    return (
        [row["subject_id"] for row in rows if not row["of_memory"]],
        [row["subject_id"] for row in rows if row["of_memory"]],
    )


async def _wished(
    connection: Connection, secret: bytes, space_id: UUID, wish: Wish, limit: int | None
) -> list[asyncpg.Record]:
    if wish.stretches:
        since, until = zip(*wish.stretches, strict=True)
        return await connection.fetch(SQL["said_in"], space_id, since, until, wish.owner, limit)
    if not wish.dimensions:
        return []
    wanted = set(wish.dimensions)
    outside = await connection.fetch(SQL["outside"], space_id)
    holding = [
        row["message_id"] for row in outside if wanted <= set(dimensions(secret, space_id, row["text"]))
    ]
    return await connection.fetch(
        SQL["holding"], space_id, wish.dimensions, wish.until, wish.owner, limit, holding
    )


async def count(connection: Connection, space_id: UUID) -> dict[str, int]:
    """How many messages of people and of Remi, memories and reminders a space holds."""
    row = await connection.fetchrow(SQL["count"], space_id)
    assert row is not None
    return dict(row)


async def lock(connection: Connection, space_id: UUID) -> None:
    """Until the transaction ends, nobody else forgets, indexes or learns in a space. Comes before any row."""
    await connection.execute(SQL["lock"], space_id)


async def wipe(connection: Connection, space_id: UUID, turn_id: UUID | None = None) -> Forgotten:
    """Erase everything of a space, but for the turn that does so.

    Who may speak there stays known, and so do the keys of what was accepted: nothing of it comes back, not
    with a backup either.
    """
    await lock(connection, space_id)
    held = await count(connection, space_id)
    await connection.execute(SQL["fence"], space_id)
    await connection.execute(SQL["wipe"], space_id, turn_id, MOST)
    return Forgotten(held["messages"], held["memories"])


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


async def unsay(connection: Connection, space_id: UUID, message_id: UUID) -> None:
    """Erase a message that a command brought and nothing came of. What was learned from meanwhile stays."""
    await lock(connection, space_id)
    brought = await connection.fetchrow(SQL["brought"], space_id, message_id)
    if brought is None:
        return
    if brought["is_indexed"]:
        await connection.execute(SQL["unmake"], space_id, [message_id], [], REACH)
        await connection.execute(SQL["prune"], space_id)
    await connection.execute(SQL["unsay"], space_id, message_id)


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
    connection: Connection, space_id: UUID, into: Sequence[UUID], ids: Collection[UUID]
) -> Forgotten:
    """Forget in a private space what was forgotten under these ids after it went into others, one by one."""
    sql = SQL["unmoved"].format(
        message=_moved("message_id", len(into)), memory=_moved("memory_id", len(into))
    )
    (row,) = await connection.fetch(sql, space_id, into, list(ids))
    if not (row["messages"] or row["memories"]):
        return Forgotten(0, 0)
    return await forget(connection, space_id, row["messages"], row["memories"])


def _moved(column: str, times: int) -> str:
    """The SQL of an id as it is after so many moves."""
    for number in range(1, times + 1):
        column = f"moved_id(($2::uuid[])[{number}], {column})"
    return column


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
            dict(zip(row["gone"], row["kept"], strict=True)),
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
    await lock(connection, space_id)
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

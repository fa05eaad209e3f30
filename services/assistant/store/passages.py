"""Passages: the one statement that finds them, and the writing of what makes talk findable."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from uuid import UUID

import asyncpg
from asyncpg import Range
from pgvector import HalfVector, SparseVector

from services.assistant.domain import Role
from services.assistant.store.connection import Connection, Store, alone
from services.assistant.store.queries import load

SQL = load("passages")

TIERS = (384, 512, 768, 1024)
"""Dimensions that have an HNSW index. A space of other vectors is searched exactly, however large."""
DIRECTION = 32
"""Dimensions that the database sets behind those, to keep the spaces apart."""
LARGE = 5_000
"""Passages of a space beyond which postings are faster than reading all words."""
FAR = 15_000
"""Passages of a space beyond which vectors go to HNSW. In smaller ones it saves little, and finds less."""
COMMON = 2_000
"""Passages that a word stands in beyond which it gets no more postings, but for a tenth of the space's."""
READ = 6_000
"""Postings that a search reads; more only where the rarest word has more."""
LONGEST = 8_000
"""Postings that it reads of a word at most."""
POSTED = 1_200
"""Passages that their words bring up in a large space."""
MOST_POSTED = 3_000
"""The same where so many have nearly the best words: common ones, which tell little."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A question in the terms of the index. `words` are dimensions, each with the space whose key made it."""

    spaces: Sequence[UUID]
    words: Sequence[tuple[UUID, int]]
    dates: Sequence[tuple[datetime, datetime]]
    model: str
    vector: HalfVector | None
    leave_out: Sequence[UUID]
    conversation_id: UUID | None
    most: int
    most_recent: int
    recent_bytes: int
    most_bytes: int
    beyond: int
    most_nearby: int

    def arguments(self) -> tuple[object, ...]:
        """As the statements number them."""
        return (
            self.spaces,
            [space for space, _ in self.words],
            [dimension for _, dimension in self.words],
            self.model,
            self.vector,
            self.leave_out,
            [Range(*dates) for dates in self.dates],
            self.most,
            self.conversation_id,
            self.most_recent,
            self.recent_bytes,
            self.most_bytes,
            self.beyond,
            self.most_nearby,
        )


@dataclass(frozen=True, slots=True)
class Subject:
    """A message or memory with its text; what is replaced has an empty one.

    `owns` are the vectors of its passages by their ordinal, None where the model refused one. It is asked
    for, or stands beside one that is.
    """

    subject_id: UUID
    of_memory: bool
    conversation_id: UUID | None
    role: Role
    author_name: str
    said_at: datetime
    text: str
    is_superseded: bool
    is_indexed: bool
    is_asked: bool
    owns: Mapping[int, HalfVector | None]


@dataclass(frozen=True, slots=True)
class Passage:
    """A row to write. Unless the model `is_done` with it, a row that is there keeps the vectors it has.

    Without `own` and `embedding`, the model that is done with it has refused it.
    """

    subject_id: UUID
    ordinal: int
    of_memory: bool
    starts: int
    ends: int
    said_at: datetime
    author: Sequence[int]
    prior: float
    is_done: bool
    own: HalfVector | None
    embedding: HalfVector | None
    terms: SparseVector
    words: Sequence[int]


@dataclass(frozen=True, slots=True)
class Written:
    """How many subjects were indexed; `has_more`: others still wait in the conversation, or its space."""

    done: int
    has_more: bool


async def seen(store: Store, asked: Asked) -> list[asyncpg.Record]:
    """What a question gets to see: the parts 'found' (best first), 'recent' and 'standing' (oldest first).

    Small spaces are read whole. A large one takes another statement, which goes by its tiers
    (docs/decisions/0210). Both plans are made once a connection, for all spaces. Raises StoreUnavailable.
    """
    arguments = asked.arguments()
    if store.large.keys().isdisjoint(asked.spaces):
        async with alone(store, asked.spaces) as connection:
            rows = await connection.fetch(WHOLE, *arguments)
        large = [row["space_id"] for row in rows if row["part"] == "large"]
        if not large:
            return rows
        store.large.update(dict.fromkeys(large))
    async with alone(store, asked.spaces, by_index=True) as connection:
        dimensions = asked.vector.dimensions() if asked.vector else 0
        return await connection.fetch(searched(len(asked.spaces), dimensions, bool(asked.dates)), *arguments)


async def present(store: Store, spaces: Sequence[UUID]) -> dict[UUID, frozenset[int]]:
    """Those who speak in the spaces, by the dimensions of their names' words, as of ten minutes ago at most.

    What this process itself has written since is there. Raises StoreUnavailable.
    """
    unknown = [space for space in spaces if space not in store.authors]
    if unknown:
        async with alone(store, unknown) as connection:
            rows = await connection.fetch(SQL["authors"], unknown)
        store.authors.update(dict.fromkeys(unknown, frozenset()))
        store.authors.update({row["space_id"]: frozenset(row["authors"]) for row in rows})
    return {space: store.authors.get(space, frozenset()) for space in spaces}


@cache
def searched(spaces: int, dimensions: int, dated: bool) -> str:
    """The statement for so many spaces, one of them large, and a vector of these dimensions (0 for none)."""
    branches = ["worded", "posted"]
    if dimensions:
        branches.append("near")
    if dated:
        branches.append("dated")
    if dimensions in TIERS:
        branches.append("far")
    united = "\nUNION\n".join(
        branch(name, space, dimensions) for space in range(1, spaces + 1) for name in branches
    )
    return SQL["recall"].replace("{passages}", SQL["candidates"].replace("{branches}", united))


def branch(name: str, space: int, dimensions: int) -> str:
    """One way to find candidates, in the space of this number."""
    gaps = {
        "space": space,
        "placed": dimensions + DIRECTION,
        "read": READ,
        "longest": LONGEST,
        "posted": POSTED,
        "most": MOST_POSTED,
    }
    sql = SQL[name]
    for gap, number in gaps.items():
        sql = sql.replace(f"{{{gap}}}", str(number))
    return sql


async def unindexed(
    connection: Connection,
    space_id: UUID,
    model: str,
    reach: int,
    most: int,
    conversation_id: UUID,
    most_bytes: int,
) -> list[Subject]:
    """What waits to be indexed, up to a number and a size; with the messages within `reach` of it."""
    return await _texts(connection, "unindexed", space_id, model, reach, most, conversation_id, most_bytes)


async def stale(connection: Connection, space_id: UUID, model: str, reach: int, most: int) -> list[Subject]:
    """What has passages without a vector by `model`; with the messages within `reach` of it."""
    return await _texts(connection, "stale", space_id, model, reach, most)


async def write(
    connection: Connection,
    space_id: UUID,
    model: str,
    subjects: Sequence[Subject],
    passages: Sequence[Passage],
    conversation_id: UUID | None = None,
) -> Written | None:
    """Write the passages that rest on these subjects.

    Given a conversation, it is not asked for again when nothing else waits there. None, and nothing is
    written, if one of the subjects is gone: it must leave no trace in its neighbours.
    """
    (row,) = await connection.fetch(
        SQL["write"],
        space_id,
        [subject.subject_id for subject in subjects],
        model,
        [subject.subject_id for subject in subjects if subject.is_asked and not subject.is_indexed],
        [passage.subject_id for passage in passages],
        [passage.ordinal for passage in passages],
        [passage.of_memory for passage in passages],
        [passage.starts for passage in passages],
        [passage.ends for passage in passages],
        [passage.said_at for passage in passages],
        [_array(passage.author) for passage in passages],
        [passage.prior for passage in passages],
        [passage.own for passage in passages],
        [passage.embedding for passage in passages],
        [passage.terms for passage in passages],
        [_array(passage.words) for passage in passages],
        conversation_id,
        LARGE,
        [passage.is_done for passage in passages],
    )
    return Written(row["done"], row["has_more"]) if row["is_whole"] else None


async def settle(connection: Connection, space_id: UUID, model: str) -> None:
    """Note that all passages of a space have their vectors by this model, if they have."""
    await connection.execute(SQL["settle"], space_id, model)


async def ask_to_reindex(connection: Connection, spaces: Sequence[UUID], model: str) -> None:
    """Ask for index work where not all passages of a space have their vectors by this model."""
    await connection.execute(SQL["ask_to_reindex"], spaces, model)


async def promote(connection: Connection, space_id: UUID, most: int, waiting: int) -> int:
    """Move passages to postings in a space above LARGE, to HNSW above FAR, where so many wait; how many."""
    return int(await connection.fetchval(SQL["promote"], space_id, most, LARGE, FAR, COMMON, waiting))


async def _texts(connection: Connection, asked: str, *arguments: object) -> list[Subject]:
    rows = await connection.fetch(SQL["texts"].replace("{asked}", SQL[asked]), *arguments)
    return [
        Subject(
            row["subject_id"],
            row["of_memory"],
            row["conversation_id"],
            Role(row["role"]),
            row["author_name"],
            row["said_at"],
            row["text"],
            row["is_superseded"],
            row["is_indexed"],
            row["is_asked"],
            dict(zip(row["ordinals"] or (), row["owns"] or (), strict=True)),
        )
        for row in rows
    ]


def _array(numbers: Sequence[int]) -> str:
    return f"{{{','.join(map(str, numbers))}}}"


WHOLE = SQL["recall"].replace("{passages}", SQL["whole"])

"""The memories into a database, as fast as it takes them: COPY in its binary form, built by NumPy.

Rows of one length are records of a NumPy type, so that a batch becomes bytes without a loop over its rows.
Indexes are made afterwards.
"""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import TypeAlias

import asyncpg
import numpy as np
from numpy.typing import DTypeLike, NDArray

from bench.scale.made import Batch, Maker, uuid, weights
from services.assistant.store import passages
from services.assistant.words import DIMENSIONS as WORD_DIMENSIONS

MODEL = "bench@384"
MESSAGES = 12
"""A space's; all its memories rest on them."""

QUOTE = "what was said then is known"
"""Stands in each of them."""

_TABLES = (
    "conversation", "message", "memory", "memory_source", "passage", "posting", "term", "space_statistics",
)  # fmt: skip
_BEGIN = b"PGCOPY\n\xff\r\n\0" + bytes(8)
_END = b"\xff\xff"
_PIECE = 1 << 20
_NOON = 845_812_800_000_000
"""In microseconds since 2000, as Postgres counts."""
_INTEGER = 23
"""Its number as a type."""

Numbers: TypeAlias = NDArray[np.int64]
Columns: TypeAlias = Mapping[str, NDArray[np.generic]]
"""By name; a row's value is as long as an item of the array."""
Directions: TypeAlias = Mapping[int, Sequence[float]]
"""By the number of the space."""


async def load(owner: asyncpg.Connection, maker: Maker) -> None:
    """Fill a migrated database whose tables are empty; its secondary indexes are left away."""
    async with owner.transaction():
        await owner.execute(f"TRUNCATE {', '.join(_TABLES)}")
        for batch in maker.batches():
            directions = {
                number: await owner.fetchval("SELECT space_direction($1)::real[]", uuid(number))
                for number in batch.spaces[batch.sizes > passages.FAR].tolist()
            }
            for table, columns in _rows(batch, directions):
                await owner.copy_to_table(
                    table, source=_binary(columns), columns=list(columns), format="binary", freeze=True
                )


async def drop_indexes(owner: asyncpg.Connection) -> list[tuple[str, str]]:
    """Drop the secondary indexes of all that is loaded; their names and how to make them again."""
    indexes = await owner.fetch(_SECONDARY, _TABLES)
    for index in indexes:
        await owner.execute(f"DROP INDEX {index['name']}")
    return [(index["name"], index["definition"]) for index in indexes]


async def _binary(columns: Columns) -> AsyncIterator[bytes]:
    length = len(next(iter(columns.values())))
    fields: list[tuple[str, DTypeLike]] = [("columns", ">i2")]
    for name, values in columns.items():
        fields += [(f"{name} length", ">i4"), (name, values.dtype)]
    rows = np.empty(length, np.dtype(fields))
    rows["columns"] = len(columns)
    for name, values in columns.items():
        rows[f"{name} length"] = values.dtype.itemsize
        rows[name] = values
    yield _BEGIN
    data = rows.view(np.uint8).data
    for at in range(0, len(data), _PIECE):
        yield bytes(data[at : at + _PIECE])
    yield _END


def _rows(batch: Batch, directions: Directions) -> Iterator[tuple[str, Columns]]:
    """The rows of a batch, by table; with what vectors in the HNSW tier have behind them."""
    spaces, many = batch.spaces, len(batch.spaces)
    yield (
        "conversation",
        {
            "space_id": _uuid(spaces),
            "conversation_id": _uuid(spaces),
            "platform": _same("telegram", many),
            "bot_id": _same("99", many),
            "chat_id": _same("7", many),
            "thread_id": _same("0", many),
            "chat_kind": _same("direct", many),
        },
    )
    of = np.repeat(spaces, MESSAGES)
    yield (
        "message",
        {
            "space_id": _uuid(of),
            "message_id": _uuid(np.tile(np.arange(MESSAGES), many)),
            "conversation_id": _uuid(of),
            "role": _same("person", len(of)),
            "person_id": _uuid(of),
            "author_name": _same("Ann", len(of)),
            "text": _same("We have talked of it, and what was said then is known.", len(of)),
            "sent_at": _times(len(of)),
            "indexed_at": _times(len(of)),
            "learned_at": _times(len(of)),
        },
    )
    for rows, dimensions in batch.words:
        for is_far in (False, True):
            those = np.isin(batch.space[rows], list(directions)) == is_far
            if those.any():
                yield from _memories(batch, rows[those], dimensions[those], directions if is_far else None)
    yield from _counts(batch)


def _memories(
    batch: Batch, rows: Numbers, dimensions: NDArray[np.int32], directions: Directions | None
) -> Iterator[tuple[str, Columns]]:
    many = len(rows)
    space, memory = _uuid(batch.space[rows]), _uuid(batch.memory[rows])
    text = _text(dimensions)
    yield (
        "memory",
        {
            "space_id": space,
            "memory_id": memory,
            "kind": _same("fact", many),
            "text": text,
            "said_at": _times(many),
            "learned_at": _times(many),
            "indexed_at": _times(many),
        },
    )
    yield (
        "memory_source",
        {
            "space_id": space,
            "memory_id": memory,
            "message_id": _uuid(batch.memory[rows] % MESSAGES),
            "quote": _same(QUOTE, many),
        },
    )
    vectors = batch.vectors[rows]
    tier = {} if directions is None else {"placed": _halfvec(_placed(vectors, batch.space[rows], directions))}
    yield (
        "passage",
        {
            "space_id": space,
            "subject_id": memory,
            "ordinal": _integers(0, many),
            "of_memory": np.ones(many, "?"),
            "starts": _integers(0, many),
            "ends": _integers(text.dtype.itemsize, many),
            "said_at": _times(many),
            "author": np.tile(np.array([(0, 0, _INTEGER)], ">i4,>i4,>i4"), many),
            "prior": np.full(many, 0.2, ">f4"),
            "model": _same(MODEL, many),
            "own": _halfvec(vectors),
            "embedding": _halfvec(vectors),
            "terms": _sparsevec(dimensions),
            "words": _array(dimensions),
            "large": np.full(many, bool(tier)),
            "posted": _is_large(batch)[rows],
            **tier,
        },
    )


def _counts(batch: Batch) -> Iterator[tuple[str, Columns]]:
    """What is counted of words and spaces, and the postings of the large ones."""
    words = [
        np.stack([np.repeat(rows, dimensions.shape[1]), dimensions.ravel()])
        for rows, dimensions in batch.words
    ]
    row, dimension = np.concatenate(words, axis=1)
    weight = np.concatenate([np.repeat(weights(many.shape[1]), many.size) for _, many in batch.words])
    pairs, place, count = np.unique(
        batch.space[row] * (WORD_DIMENSIONS + 1) + dimension, return_inverse=True, return_counts=True
    )
    space, word = np.divmod(pairs, WORD_DIMENSIONS + 1)
    yield "term", {"space_id": _uuid(space), "dimension": word.astype(">i4"), "passages": count.astype(">i4")}
    common = np.maximum(passages.COMMON, np.repeat(batch.sizes, batch.sizes) // 10)
    listed = np.flatnonzero(_is_large(batch)[row] & (count[place] <= common[row]))
    listed = listed[np.argsort(pairs[place[listed]], kind="stable")]
    if len(listed):
        row = row[listed]
        yield (
            "posting",
            {
                "space_id": _uuid(batch.space[row]),
                "dimension": dimension[listed].astype(">i4"),
                "subject_id": _uuid(batch.memory[row]),
                "ordinal": _integers(0, len(row)),
                "weight": weight[listed].astype(">f4"),
            },
        )
    many = len(batch.spaces)
    yield (
        "space_statistics",
        {
            "space_id": _uuid(batch.spaces),
            "passages": batch.sizes.astype(">i4"),
            "model": _same(MODEL, many),
            "promoted": batch.sizes > passages.FAR,
        },
    )


def _is_large(batch: Batch) -> NDArray[np.bool_]:
    return np.repeat(batch.sizes > passages.LARGE, batch.sizes)


def _uuid(numbers: Numbers) -> NDArray[np.generic]:
    """As `made.uuid` has it."""
    ids = np.zeros(len(numbers), [("high", ">u8"), ("low", ">u8")])
    ids["low"] = numbers + 1
    return ids


def _same(text: str, many: int) -> NDArray[np.generic]:
    return np.full(many, text.encode(), f"S{len(text)}")


def _integers(number: int, many: int) -> NDArray[np.generic]:
    return np.full(many, number, ">i4")


def _times(many: int) -> NDArray[np.generic]:
    return np.full(many, _NOON, ">i8")


def _text(dimensions: NDArray[np.int32]) -> NDArray[np.generic]:
    """Words of seven letters, one for each dimension."""
    letters = dimensions[:, :, None] // 26 ** np.arange(7) % 26 + ord("a")
    spaced = np.pad(letters, [(0, 0), (0, 0), (0, 1)], constant_values=ord(" ")).astype(np.uint8)
    joined = np.ascontiguousarray(spaced.reshape(len(dimensions), -1)[:, :-1])
    return joined.view(f"S{joined.shape[1]}").ravel()


def _placed(vectors: NDArray[np.float16], space: Numbers, directions: Directions) -> NDArray[np.float16]:
    behind = np.array([directions[number] for number in space.tolist()], np.float16)
    return np.hstack([vectors, behind])


def _halfvec(vectors: NDArray[np.float16]) -> NDArray[np.generic]:
    many, length = vectors.shape
    values = np.zeros(many, [("dimensions", ">i2"), ("unused", ">i2"), ("values", ">f2", length)])
    values["dimensions"] = length
    values["values"] = vectors
    return values


def _sparsevec(dimensions: NDArray[np.int32]) -> NDArray[np.generic]:
    many, length = dimensions.shape
    values = np.zeros(many, [("head", ">i4", 3), ("places", ">i4", length), ("values", ">f4", length)])
    values["head"] = WORD_DIMENSIONS, length, 0
    values["places"] = dimensions - 1
    values["values"] = weights(length)
    return values


def _array(numbers: NDArray[np.int32]) -> NDArray[np.generic]:
    many, length = numbers.shape
    values = np.zeros(many, [("head", ">i4", 5), ("items", [("size", ">i4"), ("value", ">i4")], length)])
    values["head"] = 1, 0, _INTEGER, length, 1
    values["items"]["size"] = 4
    values["items"]["value"] = numbers
    return values


_SECONDARY = """
SELECT i.relname AS name, pg_get_indexdef(i.oid) AS definition
FROM pg_index x JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_class c ON c.oid = x.indrelid
WHERE c.relname = ANY ($1) AND NOT x.indisprimary
ORDER BY i.relname
"""

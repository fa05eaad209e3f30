"""What is measured of a filled database: as the application role, by the statements that it is asked by."""

import os
import re
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import asyncpg
import numpy as np
from pgvector import HalfVector

from bench.scale.load import MODEL
from bench.scale.made import DIMENSIONS, Batch, Maker, Question, uuid
from bench.scale.plans import are_indexed
from services.assistant import recall
from services.assistant.store import passages
from services.assistant.store.connection import BY_INDEX, Connection, Store, alone, scoped
from services.assistant.store.passages import SQL, Asked

BEST = 20
ROUNDS = 3
"""Each question is asked so often, and its fastest time counts, of `select 1` too: what else the machine does
is not measured."""
_BUDGET = 2_000
_SHORTEST_LINE = 20
_NEARLY = 1e-3
"""What a half-precision score may be off by."""


@dataclass(frozen=True, slots=True)
class Class:
    """Spaces of about one size."""

    name: str
    least: int
    most: int


@dataclass(frozen=True, slots=True)
class Figures:
    """Of a class. Times are in milliseconds, one a question; recall is the share of the exact BEST."""

    name: str
    passages: float
    """The mean of the spaces asked."""
    select: Sequence[float]
    vectors: Sequence[float]
    hybrid: Sequence[float]
    vectors_recall: float
    hybrid_recall: float
    is_indexed: bool
    """Every plan uses its indexes on its tenth execution."""


def classes(maker: Maker) -> Iterator[Class]:
    """The median space, the largest, and those between, as far as there are any."""
    middle, largest = int(np.median(maker.sizes)), int(maker.sizes.max())
    yield Class("median", middle, middle)
    bounds = (50, 500, 2_000, 5_000, 10_000, 20_000, 40_000)
    for least, most in zip(bounds, (*bounds[1:], largest - 1), strict=True):
        if ((maker.sizes >= least) & (maker.sizes <= most)).any():
            yield Class("", least, most)
    yield Class("largest", largest, largest)


async def measure(store: Store, maker: Maker, of: Class, questions: int, spaces: int) -> Figures:
    """Ask so many questions, in all, of so many spaces of a class."""
    inside = np.flatnonzero((maker.sizes >= of.least) & (maker.sizes <= of.most))
    chosen = inside[np.linspace(0, len(inside) - 1, min(spaces, len(inside))).astype(int)]
    times: list[tuple[float, float, float]] = []
    found: list[tuple[float, float]] = []
    indexed = True
    for number in chosen.tolist():
        batch = maker.batch(number)
        asked = list(maker.questions(batch, number, max(1, questions // len(chosen))))
        async with scoped(store, [uuid(number)]) as connection:
            found += [await _found(store, connection, batch, question) for question in asked]
            times += [await _times(store, connection, question) for question in asked]
            indexed &= await are_indexed(store, connection, arguments(asked[0]))
    select, vectors, hybrid = zip(*times, strict=True)
    by_vectors, by_both = np.mean(found, axis=0).tolist()
    size = float(maker.sizes[chosen].mean())
    return Figures(of.name, size, select, vectors, hybrid, by_vectors, by_both, indexed)


def arguments(question: Question) -> Asked:
    """A question as `recall` would ask it."""
    return Asked(
        spaces=[question.space_id],
        words=[(question.space_id, word) for word in question.words],
        dates=[],
        model=MODEL,
        vector=HalfVector(question.vector),
        leave_out=[],
        conversation_id=question.space_id,
        most=_BUDGET // _SHORTEST_LINE + recall.LEFT_OUT,
        most_recent=recall.RECENT_MESSAGES,
        recent_bytes=recall.RECENT_BYTES,
        most_bytes=4 * _BUDGET,
        beyond=recall.LEFT_OUT,
        most_nearby=recall.NEARBY,
    )


async def _times(store: Store, connection: Connection, question: Question) -> tuple[float, float, float]:
    asked = arguments(question)
    nearest = await _nearest(connection, question)
    ways: tuple[Callable[[], Awaitable[object]], ...] = (
        lambda: connection.fetchval("SELECT 1"),
        nearest,
        lambda: passages.seen(store, asked),
    )
    best = [float("inf")] * len(ways)
    async with alone(store) as other:
        servers = [await each.fetchval("SELECT pg_backend_pid()") for each in (connection, other)]
    with _first(os.getpid(), *servers):
        for _ in range(ROUNDS):
            for at, way in enumerate(ways):
                began = time.perf_counter()
                await way()
                best[at] = min(best[at], 1_000 * (time.perf_counter() - began))
    return best[0], best[1], best[2]


@contextmanager
def _first(*processes: int) -> Iterator[None]:
    """Where the system allows it, these processes go before all others while the block runs."""
    try:
        for process in processes:
            os.sched_setscheduler(process, os.SCHED_RR, os.sched_param(1))
    except (OSError, AttributeError):
        yield
        return
    yield
    for process in processes:
        os.sched_setscheduler(process, os.SCHED_OTHER, os.sched_param(0))


async def _nearest(
    connection: Connection, question: Question
) -> Callable[[], Awaitable[list[asyncpg.Record]]]:
    """The nearest by vectors alone: what `recall` has for that, of a space of this size."""
    is_large = await connection.fetchval(_IS_LARGE, question.space_id)
    statement = _FAR if is_large else _NEAR
    given = [question.space_id], MODEL, HalfVector(question.vector)

    if is_large:
        await connection.execute(BY_INDEX)

    async def ask() -> list[asyncpg.Record]:
        return list(await connection.fetch(statement, *given))

    return ask


async def _found(
    store: Store, connection: Connection, batch: Batch, question: Question
) -> tuple[float, float]:
    """The share of the exactly best that vectors alone find, and that both find."""
    near = np.array([row["subject_id"].int - 1 for row in await (await _nearest(connection, question))()])
    likeness = batch.vectors.astype(np.float32) @ question.vector
    likeness[batch.space != question.space_id.int - 1] = -1
    likely = np.sort(likeness)[::-1][:BEST]
    likely = likely[likely > -1]
    mine = np.sort(likeness[near - batch.memory[0]])[::-1][: len(likely)]
    by_vectors = float((mine >= likely[-1] - _NEARLY).sum()) / len(likely)
    arguments_ = arguments(question).arguments()
    seen, exact = [
        {row["subject_id"]: row["score"] for row in rows if row["part"] == "found" and row["at"] <= BEST}
        for rows in (
            await passages.seen(store, arguments(question)),
            await connection.fetch(_EXACT, *arguments_),
        )
    ]
    worst = min(exact.values()) - _NEARLY
    by_both = sum(each in exact or score >= worst for each, score in seen.items()) / len(exact)
    return by_vectors, by_both


def _renumbered(*branches: str) -> str:
    """Branches of `candidates` as one statement: $1 the space, $2 the model, $3 the vector."""
    united = "\nUNION ALL\n".join(passages.branch(name, 1, DIMENSIONS) for name in branches)
    return re.sub(r"LIMIT \d+", f"LIMIT {BEST}", united.replace("$4", "$2").replace("$5", "$3"))


_NEAR = _renumbered("near")
_FAR = _renumbered("near", "far")
_EXACT = SQL["recall"].replace("{passages}", "(SELECT * FROM passage WHERE space_id = ANY ($1::uuid[])) AS p")
_IS_LARGE = "SELECT promoted FROM space_statistics WHERE space_id = $1"

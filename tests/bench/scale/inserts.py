"""What it costs to make a memory findable, by the code that does it."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import median
from uuid import UUID, uuid4

import numpy as np

from bench.scale.load import MODEL, QUOTE
from bench.scale.made import DIMENSIONS
from services.assistant.domain import MemoryKind
from services.assistant.index import index, promote
from services.assistant.model import Vector
from services.assistant.store import memories
from services.assistant.store.connection import Store, scoped

MANY = 50
_TEXT = (
    "It was heron number {number} that we saw behind the old mill this year, and it stood there till dusk."
)


@dataclass(frozen=True, slots=True)
class Inserts:
    """Milliseconds a memory, at the median: until it is found, and its move to the tiers of a large space."""

    indexed: float
    promoted: float


class Instant:
    """An embedder that takes no time: vectors anywhere."""

    name = MODEL
    dimensions = DIMENSIONS

    def __init__(self) -> None:
        self._chance = np.random.default_rng(11)

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        vectors = self._chance.standard_normal((len(texts), DIMENSIONS)).astype(np.float32)
        return list(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


async def insert(store: Store, space_id: UUID) -> Inserts:
    """Learn memories in a space, one after the other, and index each."""
    embedder = Instant()
    indexed = []
    async with scoped(store, [space_id]) as connection:
        source = await connection.fetchval(
            "SELECT message_id FROM message WHERE space_id = $1 LIMIT 1", space_id
        )
    for number in range(MANY):
        text = _TEXT.format(number=number)
        async with scoped(store, [space_id]) as connection:
            await memories.insert(
                connection, space_id, uuid4(), MemoryKind.FACT, text, datetime.now(UTC), [(source, QUOTE)]
            )
        began = time.perf_counter()
        assert await index(store, embedder, space_id, space_id) == 1
        indexed.append(1_000 * (time.perf_counter() - began))
    began = time.perf_counter()
    moved = await promote(store, space_id, MANY, waiting=MANY)
    return Inserts(median(indexed), 1_000 * (time.perf_counter() - began) / moved if moved else 0.0)

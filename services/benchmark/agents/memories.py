"""What a simple agent has before it beside a message: a choice from the talk so far."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from services.benchmark.agents.bm25 import Index
from services.benchmark.agents.endpoint import Endpoint
from services.benchmark.agents.said import Entry, within

if TYPE_CHECKING:
    import numpy as np

_MOST_EMBEDDED = 8_000
"""Characters of a message that its vector stands for."""


class Memory(Protocol):
    """Chooses entries of the log by their places. Every entry is added once, in order."""

    async def add(self, entry: Entry) -> None: ...

    async def chosen(self, message: str, log: Sequence[Entry]) -> Sequence[int]: ...


class Everything:
    async def add(self, entry: Entry) -> None: ...

    async def chosen(self, message: str, log: Sequence[Entry]) -> Sequence[int]:
        return range(len(log))


class Newest:
    """The newest that fits into so many tokens."""

    def __init__(self, budget: int) -> None:
        self._budget = budget

    async def add(self, entry: Entry) -> None: ...

    async def chosen(self, message: str, log: Sequence[Entry]) -> Sequence[int]:
        return within(self._budget, reversed(range(len(log))), log)


class Words:
    """What shares the message's words, by BM25, as far as it fits."""

    def __init__(self, budget: int) -> None:
        self._budget = budget
        self._index = Index()

    async def add(self, entry: Entry) -> None:
        self._index.add(entry.text)

    async def chosen(self, message: str, log: Sequence[Entry]) -> Sequence[int]:
        return within(self._budget, self._index.ranked(message), log)


class Meaning:
    """What is nearest to the message by the vectors of an endpoint, as far as it fits."""

    def __init__(self, budget: int, endpoint: Endpoint) -> None:
        self._budget = budget
        self._endpoint = endpoint
        self._vectors: list[np.ndarray[tuple[int], np.dtype[np.float32]]] = []

    async def add(self, entry: Entry) -> None:
        self._vectors.append(await self._vector(entry.text))

    async def chosen(self, message: str, log: Sequence[Entry]) -> Sequence[int]:
        import numpy as np

        if not self._vectors:
            return []
        likeness = np.stack(self._vectors) @ await self._vector(message)
        return within(self._budget, map(int, np.argsort(-likeness, kind="stable")), log)

    async def _vector(self, text: str) -> "np.ndarray[tuple[int], np.dtype[np.float32]]":
        import numpy as np

        vector = np.asarray(await self._endpoint.embed(text[:_MOST_EMBEDDED] or " "), np.float32)
        return vector / max(float(np.linalg.norm(vector)), 1e-9)


class Both:
    """What either chooses."""

    def __init__(self, first: Memory, second: Memory) -> None:
        self._memories = first, second

    async def add(self, entry: Entry) -> None:
        for memory in self._memories:
            await memory.add(entry)

    async def chosen(self, message: str, log: Sequence[Entry]) -> Sequence[int]:
        first, second = [await memory.chosen(message, log) for memory in self._memories]
        return [*first, *second]

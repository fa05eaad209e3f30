"""A million memories out of a seed: who has how many, their vectors and their words.

Spaces are of Zipfian sizes, as are words and topics. A vector is its topic's and a share of its own, both of
which extend as far into each direction as those of the offline embedder do on talk. A memory's words come
from the whole vocabulary and from its topic's.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import UUID

import numpy as np
from numpy.typing import NDArray

from services.assistant.words import DIMENSIONS as WORD_DIMENSIONS

MEMORIES = 1_000_000
SPACES = 10_000
LARGEST = (80_000, 60_000, 50_000)
"""The other spaces share what is left, by Zipf's law."""
DIMENSIONS = 384
TOGETHER = 20_000
"""Memories made at a time, about; a space is never split."""

_TOPICS = 2_000
_OF_SPACE = 20
"""Topics that half of a space's memories are about: what one talks about is not what everybody does."""
_EXTENT = 0.4
"""The i-th direction has an extent of i to the power of minus this."""
_OWN_SHARE = 0.8
_QUESTION_SHARE = 0.6
_VOCABULARY = 50_000
_TOPIC_VOCABULARY = 200
_OF_TOPIC = 0.4
"""Of the words."""
_WORDS = (8, 17)
_ASKED_WORDS = (2, 6)
_SATURATION, _LENGTH_SHARE, _USUAL_LENGTH = 1.2, 0.5, 25


@dataclass(frozen=True, slots=True)
class Batch:
    """Some spaces with all their memories; what has a length of its memories is in their order."""

    spaces: NDArray[np.int64]
    """Numbers of the spaces."""
    sizes: NDArray[np.int64]
    space: NDArray[np.int64]
    """The number of each memory's space."""
    memory: NDArray[np.int64]
    """Its own number; all memories are numbered through."""
    vectors: NDArray[np.float16]
    words: Sequence[tuple[NDArray[np.int64], NDArray[np.int32]]]
    """Memories (as places in this batch) with equally many words, and these as dimensions, ascending."""


@dataclass(frozen=True, slots=True)
class Question:
    """A memory's words and vector, as somebody would recall it who doesn't know it any more."""

    space_id: UUID
    vector: NDArray[np.float32]
    words: tuple[int, ...]


class Maker:
    """Makes the same memories each time, for spaces of the same sizes."""

    def __init__(self, sizes: NDArray[np.int64], seed: int = 7) -> None:
        self.seed = seed
        self.sizes = sizes
        self._firsts = list(_firsts(self.sizes))
        chance = np.random.default_rng(seed)
        self._extent = (np.arange(1, DIMENSIONS + 1) ** -_EXTENT).astype(np.float32)
        self._extent /= np.linalg.norm(self._extent)
        self._topics = self._spread(chance, _TOPICS)
        self._topics /= np.linalg.norm(self._topics, axis=1, keepdims=True)
        self._topic_weights = _zipf(_TOPICS)
        self._word_weights = np.cumsum(_zipf(_VOCABULARY))
        self._topic_word_weights = np.cumsum(_zipf(_TOPIC_VOCABULARY))

    def batches(self) -> Iterator[Batch]:
        """All spaces, the largest first."""
        return map(self._batch, self._firsts)

    def batch(self, number: int) -> Batch:
        """The batch in which this space is."""
        return self._batch(max(first for first in self._firsts if first <= number))

    def questions(self, batch: Batch, number: int, count: int) -> Iterator[Question]:
        """Questions for memories of a space, by its number."""
        chance = np.random.default_rng((self.seed, 1, number))
        rows = np.flatnonzero(batch.space == number)
        words = {
            int(row): dimensions
            for rows, many in batch.words
            for row, dimensions in zip(rows, many, strict=True)
        }
        for row in chance.choice(rows, count):
            asked = chance.integers(*_ASKED_WORDS)
            vector = batch.vectors[row].astype(np.float32) + _QUESTION_SHARE * self._spread(chance, 1)[0]
            yield Question(
                uuid(number),
                vector / np.linalg.norm(vector),
                tuple(int(word) for word in chance.choice(words[int(row)], asked, replace=False)),
            )

    def _batch(self, first: int) -> Batch:
        chance = np.random.default_rng((self.seed, 0, first))
        last = next((each for each in self._firsts if each > first), len(self.sizes))
        spaces = np.arange(first, last)
        many = self.sizes[spaces]
        space = np.repeat(spaces, many)
        topic = chance.choice(_TOPICS, len(space), p=self._topic_weights)
        of_space = (space * 7919 + topic % _OF_SPACE) % _TOPICS
        topic = np.where(chance.random(len(space)) < 0.5, of_space, topic)
        vectors = self._topics[topic] + _OWN_SHARE * self._spread(chance, len(space))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        return Batch(
            spaces,
            many,
            space,
            int(self.sizes[:first].sum()) + np.arange(len(space)),
            vectors.astype(np.float16),
            list(self._words(chance, space, topic)),
        )

    def _spread(self, chance: np.random.Generator, count: int) -> NDArray[np.float32]:
        """Vectors of length 1, about, anywhere."""
        return chance.standard_normal((count, DIMENSIONS), dtype=np.float32) * self._extent

    def _words(
        self, chance: np.random.Generator, space: NDArray[np.int64], topic: NDArray[np.int64]
    ) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int32]]]:
        most = _WORDS[1] - 1
        shape = (len(space), most)
        anywhere = np.searchsorted(self._word_weights, chance.random(shape))
        of_topic = _VOCABULARY + topic[:, None] * _TOPIC_VOCABULARY
        of_topic = of_topic + np.searchsorted(self._topic_word_weights, chance.random(shape))
        words = np.where(chance.random(shape) < _OF_TOPIC, of_topic, anywhere)
        dimensions = (words * 7_368_787 + space[:, None] * 65_537) % WORD_DIMENSIONS + 1
        beyond = np.arange(most) >= chance.integers(*_WORDS, size=len(space))[:, None]
        dimensions[beyond] = WORD_DIMENSIONS + 1
        dimensions.sort(axis=1)
        # A word that was drawn twice counts once.
        dimensions[:, 1:][dimensions[:, 1:] == dimensions[:, :-1]] = WORD_DIMENSIONS + 1
        dimensions.sort(axis=1)
        lengths = (dimensions <= WORD_DIMENSIONS).sum(axis=1)
        for length in np.unique(lengths):
            rows = np.flatnonzero(lengths == length)
            yield rows, dimensions[rows, :length].astype(np.int32)


def zipfian(scale: float) -> NDArray[np.int64]:
    """How many memories each space has, of so large a share of MEMORIES and SPACES; the largest first."""
    largest = [round(size * scale) for size in LARGEST]
    shares = 1 / np.arange(len(largest) + 1, round(SPACES * scale) + 1)
    rest = shares / shares.sum() * (MEMORIES * scale - sum(largest))
    return np.concatenate([largest, np.maximum(rest.round(), 1)]).astype(np.int64)


def _firsts(sizes: NDArray[np.int64]) -> Iterator[int]:
    """The spaces with which batches begin."""
    together = TOGETHER
    for number, size in enumerate(sizes.tolist()):
        together += size
        if together > TOGETHER:
            yield number
            together = size


def uuid(number: int) -> UUID:
    return UUID(int=number + 1)


def weights(words: int) -> float:
    """What each word of a text of so many weighs, each being there once: BM25's."""
    return (_SATURATION + 1) / (1 + _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * words / _USUAL_LENGTH))


def _zipf(count: int) -> NDArray[np.float64]:
    weights = 1 / (np.arange(count) + 2.7)
    return np.asarray(weights / weights.sum())

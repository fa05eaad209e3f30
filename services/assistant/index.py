"""Index: making talk and memories findable. It runs after a reply, never inside one.

A passage carries its neighbours with it, a share of their vectors and of their words: "Yes, on Friday!" is
found by what it answers. So whatever is new renews the passages around it.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import cache, partial
from itertools import groupby
from uuid import UUID

import numpy as np
from pgvector import HalfVector, SparseVector

from services.assistant.domain import Message, Role
from services.assistant.model import Embedder, Vector
from services.assistant.passages import REACH, Stretch, cut
from services.assistant.store import directory, passages
from services.assistant.store.connection import Store, alone, scoped
from services.assistant.store.memories import SUPERSEDED
from services.assistant.store.passages import Passage, Subject, Written
from services.assistant.words import DIMENSIONS, dimension, space_key, stems, weigh
from services.errors import ModelRefused, ModelUnavailable

MOST = 64
MOST_BYTES = 256_000
"""Of text in one go; a longer message goes alone."""
MOST_SPACES = 1_000
"""Looked at in one statement."""

_WORD_SHARE = 0.4
_LENT = 200
"""Characters of a neighbour's nearer end that lend words: a long answer must not drown what follows it."""
_VECTOR_SHARE = 0.2
_OWN_SHARE = 0.6
_BY_PERSON = 0.2
_BARE_QUESTION = 0.1
_HARMLESS = "Remi"
"""Who refuses this refuses everything, for now."""
_BARE = 200
"""Characters; a longer text that ends with a question says something beside it."""


@dataclass(slots=True)
class _Piece:
    """A passage in its place in the talk. `own` is the vector of its text alone, once there is one.

    `is_refused`: the embedder takes other texts, but never this one.
    """

    subject: Subject
    ordinal: int
    stretch: Stretch
    own: Vector | None
    is_refused: bool = False

    @property
    def text(self) -> str:
        return self.subject.text[self.stretch.starts : self.stretch.ends]


@dataclass(frozen=True, slots=True)
class _Words:
    """How often words stand in a text, and their numbers in a space; neighbours ask for the same ones."""

    counted: Callable[[str], Mapping[str, int]]
    numbered: Callable[[str], int]


async def index(
    store: Store,
    embedder: Embedder,
    space_id: UUID,
    conversation_id: UUID,
    known: Mapping[UUID, Vector] | None = None,
) -> int:
    """Make passages of what was said in a conversation, and learned in its space, since the last time.

    `known` are vectors of whole messages. Returns how many messages and memories were indexed. While the
    embedder is away they get words only, until `reindex`; a text that it refuses has no more ever. Raises
    StoreUnavailable.
    """
    total, has_more = 0, True
    while has_more:
        async with alone(store, [space_id]) as connection:
            subjects = await passages.unindexed(
                connection, space_id, _model(embedder), 2 * REACH, MOST, conversation_id, MOST_BYTES
            )
        if not subjects:
            break
        runs = _runs(subjects, known or {})
        with suppress(ModelUnavailable, ModelRefused):
            await _embed(embedder, runs)
        written = await _write(store, embedder, space_id, subjects, runs, conversation_id)
        if written is not None:
            total, has_more = total + written.done, written.has_more
    return total


async def index_turn(
    store: Store,
    embedder: Embedder,
    space_id: UUID,
    conversation_id: UUID,
    nearby: Sequence[Subject],
    said: Sequence[Message],
    known: Mapping[UUID, Vector],
) -> None:
    """Index what a turn added to its conversation, in one statement: `nearby` is the talk right before it.

    Raises StoreUnavailable.
    """
    new = [
        Subject(
            message.message_id,
            False,
            conversation_id,
            message.role,
            message.author_name,
            message.sent_at,
            message.text,
            is_superseded=False,
            is_indexed=False,
            is_asked=True,
            owns={},
        )
        for message in said
    ]
    subjects = [*nearby, *new]
    runs = _runs(subjects, known)
    with suppress(ModelUnavailable, ModelRefused):
        await _embed(embedder, runs)
    await _write(store, embedder, space_id, subjects, runs, conversation_id)


async def reindex(store: Store, embedder: Embedder, space_id: UUID, limit: int = 64) -> int:
    """Give passages their vectors by this embedder where another made them, or none.

    Returns how many messages and memories were looked at, `limit` at most; 0 when all are done. Raises
    ModelUnavailable, ModelRefused when the embedder refuses everything, and StoreUnavailable.
    """
    async with scoped(store, [space_id]) as connection:
        subjects = await passages.stale(connection, space_id, embedder.name, 2 * REACH, limit)
        if not subjects:
            await passages.settle(connection, space_id, embedder.name)
            return 0
    runs = _runs(subjects, {})
    await _embed(embedder, runs)
    await _write(store, embedder, space_id, subjects, runs)
    return sum(subject.is_asked for subject in subjects)


async def ask_to_reindex(store: Store, embedder: Embedder) -> None:
    """Have those spaces reindexed whose vectors are not all by this embedder, also where nobody speaks.

    Nothing is asked for until the embedder has answered once. Raises StoreUnavailable.
    """
    if name := _model(embedder):
        async with alone(store) as connection:
            spaces = await directory.spaces(connection)
        for start in range(0, len(spaces), MOST_SPACES):
            some = spaces[start : start + MOST_SPACES]
            async with alone(store, some) as connection:
                await passages.ask_to_reindex(connection, some, name)


async def promote(store: Store, space_id: UUID, most: int = 100, waiting: int = 200) -> int:
    """Move passages of a large space to its tiers, where so many wait; how many went, 0 when fewer wait.

    These are searched exactly meanwhile. Each message renews the passages before it, which takes them out of
    the tiers again: one by one, most would go there several times.
    """
    async with alone(store, [space_id]) as connection:
        return await passages.promote(connection, space_id, most, waiting)


def _runs(subjects: Sequence[Subject], known: Mapping[UUID, Vector]) -> list[list[_Piece]]:
    """The passages of each conversation in order; a memory stands alone."""
    return [
        [piece for subject in run for piece in _pieces(subject, known)]
        for _, run in groupby(subjects, key=lambda subject: subject.conversation_id or subject.subject_id)
    ]


def _pieces(subject: Subject, known: Mapping[UUID, Vector]) -> Iterator[_Piece]:
    stretches = cut(subject.text)
    for ordinal, stretch in enumerate(stretches):
        own = known.get(subject.subject_id) if len(stretches) == 1 else None
        if own is None and (kept := subject.owns.get(ordinal)) is not None:
            own = np.asarray(kept.to_numpy(), dtype=np.float32)
        yield _Piece(subject, ordinal, stretch, own)


async def _embed(embedder: Embedder, runs: Sequence[Sequence[_Piece]]) -> None:
    bare = [piece for run in runs for piece in run if piece.subject.is_asked and piece.own is None]
    vectors = await _vectors(embedder, [piece.text for piece in bare]) if bare else []
    for piece, vector in zip(bare, vectors, strict=True):
        piece.own, piece.is_refused = vector, vector is None


async def _vectors(embedder: Embedder, texts: Sequence[str]) -> Sequence[Vector | None]:
    """None for a text that is refused alone. Raises ModelRefused if a harmless one is refused too."""
    try:
        return await embedder.embed(texts)
    except ModelRefused:
        if len(texts) == 1:
            await embedder.embed([_HARMLESS])
            return [None]
        half = len(texts) // 2
        return [*await _vectors(embedder, texts[:half]), *await _vectors(embedder, texts[half:])]


async def _write(
    store: Store,
    embedder: Embedder,
    space_id: UUID,
    subjects: Sequence[Subject],
    runs: Sequence[list[_Piece]],
    conversation_id: UUID | None = None,
) -> Written | None:
    key = space_key(store.secret, space_id)
    words = _Words(cache(lambda text: Counter(stems(text))), cache(partial(dimension, key)))
    rows = []
    for run in runs:
        for at in _touched(run):
            rows.append(_passage(run, at, words))
            await asyncio.sleep(0)  # long texts take a millisecond each, and a batch has hundreds of passages
    async with alone(store, [space_id], durable=False) as connection:
        written = await passages.write(
            connection, space_id, _model(embedder), subjects, rows, conversation_id
        )
    # Somebody new speaks: whoever asks next looks up who is present.
    if not store.authors.get(space_id, frozenset()).issuperset(word for row in rows for word in row.author):
        store.authors.pop(space_id, None)
    return written


def _touched(run: Sequence[_Piece]) -> Iterator[int]:
    """Where a run's passages are new, or stand so near to new ones that they share in them."""
    for at, piece in enumerate(run):
        near = run[max(0, at - REACH) : at + REACH + 1]
        if piece.subject.is_asked or (
            piece.subject.is_indexed and any(other.subject.is_asked for other in near)
        ):
            yield at


def _passage(run: Sequence[_Piece], at: int, words: _Words) -> Passage:
    piece = run[at]
    own = words.counted(piece.text)
    before = [words.counted(other.text[-_LENT:]) for other in run[max(0, at - REACH) : at]]
    after = [words.counted(other.text[:_LENT]) for other in run[at + 1 : at + 1 + REACH]]
    weights = weigh(own, before + after, _WORD_SHARE)
    mixed = _mixed(run, at)
    return Passage(
        piece.subject.subject_id,
        piece.ordinal,
        piece.subject.of_memory,
        piece.stretch.starts,
        piece.stretch.ends,
        piece.subject.said_at,
        sorted(set(map(words.numbered, words.counted(piece.subject.author_name)))),
        _prior(piece),
        piece.own is not None or piece.is_refused,
        None if piece.own is None else HalfVector(piece.own),
        None if mixed is None else HalfVector(mixed),
        SparseVector({words.numbered(word) - 1: weight for word, weight in weights.items()}, DIMENSIONS),
        sorted(set(map(words.numbered, own))),
    )


def _prior(piece: _Piece) -> float:
    """What speaks for a passage whatever is asked. A bare question tells little."""
    said_by = _BY_PERSON if piece.subject.role is Role.PERSON else 0.0
    is_bare_question = len(piece.text) < _BARE and piece.text.endswith(("?", "？", "؟"))
    return said_by - _BARE_QUESTION * is_bare_question - SUPERSEDED * piece.subject.is_superseded


def _mixed(run: Sequence[_Piece], at: int) -> Vector | None:
    """The passage's vector with its neighbours' share, of unit length."""
    own = run[at].own
    if own is None:
        return None
    beside = [piece.own for piece in (*run[max(0, at - 1) : at], *run[at + 1 : at + 2])]
    total = _OWN_SHARE * own + sum(
        (_VECTOR_SHARE * other for other in beside if other is not None), np.zeros_like(own)
    )
    return np.asarray(total / np.linalg.norm(total), dtype=np.float32)


def _model(embedder: Embedder) -> str:
    """The embedder's name, or none while nobody knows it."""
    try:
        return embedder.name
    except ModelUnavailable:
        return ""

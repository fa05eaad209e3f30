"""Recall: choosing what of its spaces a turn sees. At most one embedding call, and one statement."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from uuid import UUID

import asyncpg
from pgvector import HalfVector

from services.assistant import dates, names, passages
from services.assistant.domain import (
    Details,
    Memory,
    MemoryKind,
    Message,
    Recalled,
    Recollection,
    Role,
    Source,
)
from services.assistant.model import Embedder, Vector
from services.assistant.store import memories
from services.assistant.store.connection import Store
from services.assistant.store.passages import Asked, Subject, present, seen
from services.assistant.words import dimension, space_key, stems
from services.errors import ModelRefused, ModelUnavailable

RECENT_MESSAGES = 12
RECENT_BYTES = 12_000
"""The recent talk ends with the message that goes beyond this."""
_RECENT_TEXT = 4_000
"""Characters that one message gives to the recent talk."""
NEARBY = 2 * passages.REACH
"""Messages before a turn that its own passages may share in, or share with."""
LEFT_OUT = 10
"""About so many passages that the budget had no room for stand in the trace."""
_SHORTEST_LINE = 20
"""Tokens; to tell how many passages a budget holds at most."""
_LONGEST_QUESTION = 4_000
"""Characters. Words behind them ask nothing; the embedder has a window of its own."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked, and of which memory. The first of `spaces` is the conversation's own."""

    text: str
    spaces: tuple[UUID, ...]
    now: datetime
    """Aware, in the person's zone: "last week" is read by it."""
    token_budget: int
    """For the lines recalled and the standing instructions, which leave the lines a third of it, however long
    they are; the recent talk has a budget of its own."""
    conversation_id: UUID | None = None
    """Whose recent talk is wanted; None for none."""
    leave_out: tuple[UUID, ...] = ()
    """The turn's own messages: neither recalled nor recent talk."""
    limit: int = 0
    """Most lines shown; 0 for no limit beside the budget."""
    vector: Vector | None = None
    """Of `text` as `nameless` has it; None for words alone."""


async def recall(store: Store, embedder: Embedder, query: Query) -> Recollection:
    """What a turn sees. With the embedder away, words alone find it. Raises StoreUnavailable."""
    vector = await embed_question(store, embedder, query.text, query.spaces)
    recollection, _ = await recall_nearby(store, embedder, replace(query, vector=vector))
    return recollection


async def recall_nearby(
    store: Store, embedder: Embedder, query: Query
) -> tuple[Recollection, tuple[Subject, ...]]:
    """The same of a query that has its vector, and the talk right before it as the index wants it.

    Raises StoreUnavailable.
    """
    rows = await seen(store, asked(store.secret, embedder, query))
    instructions = tuple(_memory(row) for row in rows if row["part"] == "standing")
    recent = [row for row in rows if row["part"] == "recent"]
    recollection = Recollection(
        instructions,
        tuple(_cut([row for row in rows if row["part"] == "found"], instructions, query)),
        tuple(_message(row) for row in recent if row["is_recent"]),
    )
    return recollection, tuple(_nearby(row, query) for row in recent if row["back"] <= NEARBY)


def asked(secret: bytes, embedder: Embedder, query: Query) -> Asked:
    """A query in the terms of the index."""
    text = query.text[:_LONGEST_QUESTION]
    words = set(stems(text))
    keys = [(space, space_key(secret, space)) for space in query.spaces]
    return Asked(
        spaces=query.spaces,
        # Two words may have the same number.
        words=sorted({(space, dimension(key, word)) for space, key in keys for word in words}),
        dates=dates.ranges(text, query.now),
        model="" if query.vector is None else embedder.name,
        vector=None if query.vector is None else HalfVector(query.vector),
        leave_out=query.leave_out,
        conversation_id=query.conversation_id,
        most=(query.limit or query.token_budget // _SHORTEST_LINE) + LEFT_OUT,
        most_recent=RECENT_MESSAGES,
        recent_bytes=RECENT_BYTES,
        most_bytes=query.token_budget * 4,
        beyond=(query.limit or 0) + LEFT_OUT,
        most_nearby=NEARBY,
    )


async def nameless(store: Store, text: str, spaces: Sequence[UUID]) -> str:
    """A question as it is to be embedded: without the names of those who speak in the spaces.

    Raises StoreUnavailable.
    """
    head, rest = text[:_LONGEST_QUESTION], text[_LONGEST_QUESTION:]
    if not names.capitalised(head):
        return text
    authors = await present(store, spaces)
    keys = {space: space_key(store.secret, space) for space in authors}

    def is_name(word: str) -> bool:
        return any(
            {dimension(keys[space], stem) for stem in stems(word)} <= words
            for space, words in authors.items()
        )

    return names.without(head, is_name) + rest


async def embed_question(
    store: Store, embedder: Embedder, text: str, spaces: Sequence[UUID]
) -> Vector | None:
    """The vector to recall by, or None while the embedder is away or refuses it. Raises StoreUnavailable."""
    vectors = await _embedded(embedder, [await nameless(store, text, spaces)])
    return vectors[0] if vectors else None


async def embed_said(
    store: Store, embedder: Embedder, text: str, spaces: Sequence[UUID]
) -> tuple[Vector | None, Vector | None]:
    """The vector of what was said, to be found by, and the one to recall by; in one call.

    None for both while the embedder is away or refuses it. Raises StoreUnavailable.
    """
    vectors = await _embedded(embedder, dict.fromkeys([text, await nameless(store, text, spaces)]))
    return (vectors[0], vectors[-1]) if vectors else (None, None)


async def _embedded(embedder: Embedder, texts: Iterable[str]) -> list[Vector]:
    """None at all while the embedder is away."""
    if all(text.strip() for text in texts):
        with suppress(ModelUnavailable, ModelRefused):
            return await embedder.embed(list(texts))
    return []


def _cut(
    rows: Iterable[asyncpg.Record], instructions: tuple[Memory, ...], query: Query
) -> Iterable[Recalled]:
    """Show what fits the budget, best first; from the first line that doesn't, all are left out."""
    zone = query.now.tzinfo
    standing = sum(map(_standing_tokens, instructions))
    room = max(query.token_budget - standing, query.token_budget // 3)
    fits = True
    for rank, (row, sources, superseded) in enumerate(_told_once(rows), 1):
        handle = f"m{rank}"
        of_memory = row["of_memory"]
        author = _author(sources) if of_memory else row["author_name"]
        text = row["text"]
        tokens = passages.tokens(
            passages.line(author, row["said_at"].astimezone(zone), text, handle, superseded=superseded)
        )
        room -= tokens
        fits = fits and room >= 0 and not (query.limit and rank > query.limit)
        yield Recalled(
            handle=handle,
            space_id=row["space_id"],
            message_id=None if of_memory else row["subject_id"],
            memory_id=row["subject_id"] if of_memory else None,
            role=Role(row["role"]),
            text=text,
            start=row["starts"],
            end=row["ends"],
            author_name=author,
            said_at=row["said_at"],
            score=row["score"],
            vector_score=row["vector"],
            word_score=row["words"],
            tokens=tokens,
            shown=fits,
            superseded=superseded,
            sources=sources,
        )


def _told_once(rows: Iterable[asyncpg.Record]) -> Iterator[tuple[asyncpg.Record, tuple[Source, ...], bool]]:
    """What was found, with its sources and whether it holds no more.

    A message is left out where a memory found says it word for word. It holds no more where it is the quote
    of a memory that doesn't, and no other memory found rests on it.
    """
    found = [(row, memories.sources(row["sources"])) for row in rows]
    drawn: dict[UUID, list[tuple[str, asyncpg.Record]]] = {}
    for row, sources in found:
        for source in sources:
            drawn.setdefault(source.message_id, []).append((source.quote, row))
    for row, sources in found:
        if row["of_memory"]:
            yield row, sources, row["superseded_at"] is not None
            continue
        text, of_it = row["text"], drawn.get(row["subject_id"], [])
        if any(quote == text == memory["text"] for quote, memory in of_it):
            continue
        is_whole = any(quote == text for quote, _ in of_it)
        yield row, sources, is_whole and all(memory["superseded_at"] is not None for _, memory in of_it)


def shorter(recollection: Recollection) -> Recollection:
    """About a quarter of it, for a model that can't read all: the best lines and the newest of the talk.

    What always holds stays. The lines left out stay for the trace.
    """
    room = sum(each.tokens for each in recollection.recalled if each.shown) // 4
    recalled = []
    for number, each in enumerate(recollection.recalled):
        room -= each.tokens
        recalled.append(replace(each, shown=each.shown and (room >= 0 or number == 0)))
    room = sum(len(each.text.encode()) for each in recollection.recent) // 4
    recent = []
    for message in reversed(recollection.recent):
        room -= len(message.text.encode())
        if room < 0:
            break
        recent.append(message)
    return Recollection(recollection.instructions, tuple(recalled), tuple(reversed(recent)))


def memory_tokens(recollection: Recollection) -> int:
    """What a prompt spends on memory: the lines shown, the standing instructions and the profile."""
    standing = sum(map(_standing_tokens, recollection.instructions))
    return standing + sum(each.tokens for each in recollection.recalled if each.shown)


def _standing_tokens(memory: Memory) -> int:
    return passages.tokens(passages.line(_author(memory.sources), memory.told_at, memory.text))


def _memory(row: asyncpg.Record) -> Memory:
    return Memory(
        row["subject_id"],
        row["space_id"],
        MemoryKind(row["kind"]),
        row["text"],
        row["learned_at"],
        memories.sources(row["sources"]),
        details=Details(confirmed_at=row["said_at"]),
    )


def _message(row: asyncpg.Record) -> Message:
    return Message(
        row["subject_id"],
        Role(row["role"]),
        row["author_name"],
        row["text"][:_RECENT_TEXT],
        row["said_at"],
        row["person_id"],
    )


def _nearby(row: asyncpg.Record, query: Query) -> Subject:
    return Subject(
        row["subject_id"],
        False,
        query.conversation_id,
        Role(row["role"]),
        row["author_name"],
        row["said_at"],
        row["text"],
        is_superseded=False,
        is_indexed=row["is_indexed"],
        is_asked=not row["is_indexed"],
        owns=dict(zip(row["ordinals"] or (), row["owns"] or (), strict=True)),
    )


def _author(sources: tuple[Source, ...]) -> str:
    return sources[0].author_name if sources else ""

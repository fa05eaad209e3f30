"""Traces of turns: what was recalled stands there as references, and is read from where it stands."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg

from services.assistant.domain import Place, Recalled, Role, Source
from services.assistant.store.connection import Connection
from services.assistant.store.queries import load

SQL = load("traces")


@dataclass(frozen=True, slots=True)
class Reference:
    """What a turn recalled: code points [start, end) of a message, or a memory.

    `standing`: an instruction or profile line that is always shown; it has no handle and no scores.
    """

    space_id: UUID
    message_id: UUID | None
    memory_id: UUID | None
    handle: str = ""
    start: int = 0
    end: int = 0
    score: float = 0
    vector_score: float = 0
    word_score: float = 0
    tokens: int = 0
    shown: bool = False
    cited: bool = False
    standing: bool = False
    recent: bool = False
    """Of the talk right before, not recalled."""


@dataclass(frozen=True, slots=True)
class Trace:
    """What is recorded of a turn that was answered; references best first."""

    asked_at: datetime
    answered_at: datetime
    model: str
    prompt_tokens: int
    completion_tokens: int
    references: tuple[Reference, ...]
    answer: str = ""
    """How it begins; empty where it was forgotten."""


async def find(
    connection: Connection, space_id: UUID, conversation_id: UUID, platform_message_id: str
) -> UUID | None:
    """The turn that sent a message of the platform's, or answered it; given none, the last answered one."""
    query = (
        connection.fetchval(SQL["of_message"], space_id, conversation_id, platform_message_id)
        if platform_message_id
        else connection.fetchval(SQL["newest"], space_id, conversation_id)
    )
    turn_id: UUID | None = await query
    return turn_id


async def sent(
    connection: Connection, space_id: UUID, place: Place, platform_message_id: str
) -> tuple[UUID, str] | None:
    """The conversation and the thread in which Remi sent this message as an answer; None if it did not.

    Platforms don't tell in which thread of a chat somebody reacted.
    """
    row = await connection.fetchrow(
        SQL["sent"], space_id, place.platform, place.bot_id, place.chat_id, platform_message_id
    )
    return (row["conversation_id"], row["thread_id"]) if row else None


async def read(connection: Connection, space_id: UUID, turn_id: UUID) -> Trace | None:
    """None where there is no such turn, or where no answer came of it."""
    row = await connection.fetchrow(SQL["read"], space_id, turn_id)
    if row is None:
        return None
    references = tuple(_reference(space_id, each) for each in json.loads(row["recalled"]))
    return Trace(
        row["asked_at"],
        row["finished_at"],
        row["model"],
        row["prompt_tokens"],
        row["completion_tokens"],
        references,
        row["answer"] or "",
    )


async def look_up(
    connection: Connection, spaces: Sequence[UUID], references: Sequence[Reference]
) -> list[Recalled | None]:
    """What each reference names, as it stands now; None for what was forgotten."""
    passages = await connection.fetch(
        SQL["passages"],
        spaces,
        [each.space_id for each in references],
        [each.message_id for each in references],
        [each.start for each in references],
        [each.end for each in references],
    )
    said = {row["number"]: row for row in passages}
    memory_ids = [each.memory_id for each in references if each.memory_id]
    memories, sources = {}, {}
    if memory_ids:
        memories = {
            row["memory_id"]: row for row in await connection.fetch(SQL["memories"], spaces, memory_ids)
        }
        sources = await _sources(connection, spaces, memory_ids)
    found: list[Recalled | None] = []
    for number, each in enumerate(references, start=1):
        if each.memory_id and each.memory_id in memories:
            found.append(_memory(each, memories[each.memory_id], tuple(sources.get(each.memory_id, ()))))
        elif number in said:
            found.append(_passage(each, said[number]))
        else:
            found.append(None)
    return found


async def _sources(
    connection: Connection, spaces: Sequence[UUID], memory_ids: Sequence[UUID]
) -> dict[UUID, list[Source]]:
    sources: dict[UUID, list[Source]] = {}
    for row in await connection.fetch(SQL["sources"], spaces, memory_ids):
        source = Source(row["message_id"], row["quote"], row["sent_at"], row["author_name"])
        sources.setdefault(row["memory_id"], []).append(source)
    return sources


def _passage(reference: Reference, row: asyncpg.Record) -> Recalled:
    return _recalled(reference, row, Role(row["role"]), row["author_name"], ())


def _memory(reference: Reference, row: asyncpg.Record, sources: tuple[Source, ...]) -> Recalled:
    names = dict.fromkeys(source.author_name for source in sources)
    return _recalled(reference, row, Role.PERSON, ", ".join(names), sources)


def _recalled(
    reference: Reference, row: asyncpg.Record, role: Role, author_name: str, sources: tuple[Source, ...]
) -> Recalled:
    return Recalled(
        reference.handle,
        reference.space_id,
        reference.message_id,
        reference.memory_id,
        role,
        row["text"],
        reference.start,
        reference.end,
        author_name,
        row["said_at"],
        reference.score,
        reference.vector_score,
        reference.word_score,
        reference.tokens,
        reference.shown,
        row["superseded"],
        sources,
    )


def _reference(space_id: UUID, stored: Mapping[str, Any]) -> Reference:
    message_id, memory_id = stored.get("message"), stored.get("memory")
    return Reference(
        UUID(stored["space"]) if "space" in stored else space_id,
        UUID(message_id) if message_id else None,
        UUID(memory_id) if memory_id else None,
        stored.get("handle", ""),
        stored.get("start", 0),
        stored.get("end", 0),
        stored.get("score", 0.0),
        stored.get("vector", 0.0),
        stored.get("words", 0.0),
        stored.get("tokens", 0),
        stored.get("shown", False),
        stored.get("cited", False),
        stored.get("standing", False),
        stored.get("recent", False),
    )

"""What other assistants export, as messages: ChatGPT's `conversations.json`, Charlie Mnemonic's memory file.

Only what was said is taken, not what that assistant made of it. docs/export.md names the fields.
"""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, BinaryIO
from uuid import UUID, uuid5

import ijson

from services.assistant import wire
from services.assistant.domain import Role
from services.errors import InvalidEvent

LARGEST = 512 * 1024 * 1024
"""Bytes: what was said in such a file is held in memory."""
ME = "me"
"""Who said what the person said: these files don't name them."""

_NAMESPACE = UUID("d2f1a9b4-3d0e-4c1b-8b52-9f0c6b7f8e11")
_LIST = re.compile(rb"\s*\[")
_COLLECTIONS = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s*\[')


@dataclass(frozen=True, slots=True)
class Said:
    """A message of another assistant's export. The ids follow from the export's: the same each time."""

    message_id: UUID
    conversation_id: UUID
    role: Role
    author: str
    text: str
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class _Pieces:
    """A file whose reader lets the other threads run in between: a single value may be all of it."""

    file: BinaryIO

    def read(self, size: int) -> bytes:
        time.sleep(0)
        return self.file.read(size)


def is_foreign(file: BinaryIO) -> bool:
    """Whether a file begins as one of these does."""
    head = _head(file)
    return bool(_LIST.match(head) or _COLLECTIONS.match(head))


def read(file: BinaryIO) -> list[Said]:
    """All that was said, talk by talk, in order; read talk by talk too. Raises InvalidEvent."""
    if file.seek(0, os.SEEK_END) > LARGEST:
        raise InvalidEvent("chunk", f"is a file larger than {LARGEST:,} bytes")
    is_list = _LIST.match(_head(file))
    file.seek(0)
    try:
        if is_list:
            talks = enumerate(ijson.items(_Pieces(file), "item", use_float=True))
            return [said for number, talk in talks for said in _chatgpt(number, talk)]
        collections = ijson.kvitems(_Pieces(file), "", use_float=True)
        return [said for name, kept in collections for said in _charlie(name, kept)]
    except (
        ijson.JSONError,
        ValueError,
        LookupError,
        TypeError,
        AttributeError,
        OverflowError,
        RecursionError,
    ):
        # What stands there is not told: it holds what people said.
        raise InvalidEvent("chunk", "looks like another assistant's export, but can't be read") from None


def _head(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read(4096)


def _chatgpt(number: int, talk: Mapping[str, Any]) -> Iterator[Said]:
    """The branch of a conversation that was shown last, from its first message on."""
    talk_id = str(talk.get("conversation_id") or talk.get("id") or number)
    mapping = talk["mapping"]
    node_id = talk.get("current_node")
    if node_id not in mapping:
        node_id = _newest(mapping)
    branch, seen = [], set()
    while node_id in mapping and node_id not in seen:
        seen.add(node_id)
        branch.append(node_id)
        node_id = mapping[node_id].get("parent")
    began = talk.get("create_time")
    for each in reversed(branch):
        message = mapping[each].get("message")
        role = _role(message["author"]["role"]) if message else None
        parts = (message.get("content") or {}).get("parts") or [] if message else []
        text = "\n".join(part for part in parts if isinstance(part, str)).strip()
        began = (message or {}).get("create_time") or began
        if role is not None and text and began:
            author = ME if role is Role.PERSON else "ChatGPT"
            yield from _said(f"chatgpt {talk_id}", each, role, author, text, began)


def _newest(mapping: Mapping[str, Any]) -> str | None:
    """The leaf that was made last, in exports that don't name the one that was shown."""
    leaves = [each for each, node in mapping.items() if not node.get("children")]
    return max(
        leaves, key=lambda each: (mapping[each].get("message") or {}).get("create_time") or 0, default=None
    )


def _role(name: str) -> Role | None:
    return {"user": Role.PERSON, "assistant": Role.REMI}.get(name)


def _charlie(collection: str, kept: Sequence[Mapping[str, Any]]) -> Iterator[Said]:
    """The documents of one collection, oldest first."""
    for each in sorted(kept, key=lambda memory: float(memory["metadata"]["created_at"])):
        about, text = each["metadata"], str(each["document"]).strip()
        role = Role.REMI if about.get("username", "assistant") == "assistant" else Role.PERSON
        if text:
            author = ME if role is Role.PERSON else "Charlie"
            yield from _said(
                f"charlie {collection}", str(each["id"]), role, author, text, float(about["created_at"])
            )


def _said(talk: str, message: str, role: Role, author: str, text: str, at: float) -> Iterator[Said]:
    """As a message, or as several where one can't be so long."""
    talk_id = uuid5(_NAMESPACE, talk)
    sent_at = datetime.fromtimestamp(float(at), UTC)
    for start in range(0, len(text), wire.MAX_TEXT):
        message_id = uuid5(talk_id, f"{message} from {start}" if start else message)
        yield Said(message_id, talk_id, role, author, text[start : start + wire.MAX_TEXT], sent_at)

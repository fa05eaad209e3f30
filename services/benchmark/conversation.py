"""Conversations with questions about them, as files bring them: a JSON object a line.

    {"id", "messages": [{"id", "role", "author", "sent_at", "text"}],
     "questions": [{"id", "kind", "text", "author", "asked_at", "evidence": [message id]}]}

`role` is "user" or "assistant"; moments are ISO 8601 with an offset.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from services.errors import SettingsError


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Message(_Record):
    id: str
    role: Literal["user", "assistant"]
    author: Annotated[str, Field(min_length=1)]
    sent_at: AwareDatetime
    text: str


class Question(_Record):
    id: str
    kind: str
    text: Annotated[str, Field(pattern=r"\S")]
    author: Annotated[str, Field(min_length=1)]
    asked_at: AwareDatetime
    evidence: tuple[str, ...] = ()


class Conversation(_Record):
    id: str
    messages: tuple[Message, ...]
    questions: tuple[Question, ...]


def read(path: Path) -> list[Conversation]:
    """The conversations of a file, one at least. Raises SettingsError, with the line that can't be read."""
    try:
        lines = path.read_text(encoding="utf-8-sig").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read: {error}") from None
    conversations = [_parsed(path, number, line) for number, line in enumerate(lines, 1) if line.strip()]
    if not conversations:
        raise SettingsError(f"{path}: holds no conversation")
    return conversations


def _parsed(path: Path, number: int, line: str) -> Conversation:
    try:
        conversation = Conversation.model_validate_json(line)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"{path}, line {number}, {where or 'the line'}: {first['msg']}") from None
    known: set[str] = set()
    for message in conversation.messages:
        if message.id in known:
            raise SettingsError(f"{path}, line {number}: there are two messages {message.id}")
        known.add(message.id)
    for question in conversation.questions:
        if unknown := set(question.evidence) - known:
            raise SettingsError(
                f"{path}, line {number}: question {question.id} names no message {min(unknown)}"
            )
    return conversation

"""Questions as a turn would pose them, for the tests of prompts and answers."""

from datetime import UTC, datetime
from uuid import uuid4
from zoneinfo import ZoneInfo

from services.assistant.domain import (
    ChatKind,
    Memory,
    MemoryKind,
    Message,
    Question,
    Recalled,
    Recollection,
    Role,
    Source,
)

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 11, 20, 14, 5, tzinfo=BERLIN)


def on(day: str) -> datetime:
    """Noon of an ISO date, in UTC."""
    return datetime.fromisoformat(day).replace(hour=12, tzinfo=UTC)


def message(text: str, author: str = "Ann", said_at: datetime = NOW, role: Role = Role.PERSON) -> Message:
    return Message(uuid4(), role, "Remi" if role is Role.REMI else author, text, said_at)


def recalled(
    handle: str,
    text: str,
    author: str = "Ann",
    day: str = "2026-11-01",
    *,
    role: Role = Role.PERSON,
    shown: bool = True,
    superseded: bool = False,
    meaning: float = 0.2,
    said: Message | None = None,
) -> Recalled:
    """A line of recall; `said` is the message it comes from, where that matters."""
    return Recalled(
        handle,
        uuid4(),
        said.message_id if said else uuid4(),
        None,
        role,
        said.text if said else text,
        0,
        len(text),
        author,
        said.sent_at if said else on(day),
        1.0,
        meaning,
        0.5,
        len(text) // 4,
        shown,
        superseded,
    )


def instruction(text: str, author: str = "Ann", day: str = "2026-10-01") -> Memory:
    source = Source(uuid4(), text, on(day), author)
    return Memory(uuid4(), uuid4(), MemoryKind.INSTRUCTION, text, on(day), (source,))


def question(
    *messages: Message | str,
    recalled: tuple[Recalled, ...] = (),
    recent: tuple[Message, ...] = (),
    instructions: tuple[Memory, ...] = (),
    chat_kind: ChatKind = ChatKind.DIRECT,
    person_name: str = "Ann",
) -> Question:
    new = tuple(item if isinstance(item, Message) else message(item) for item in messages)
    return Question(new, Recollection(instructions, recalled, recent), NOW, chat_kind, person_name)

"""Events and places for tests of the assistant, with one plain default for everything."""

from datetime import UTC, datetime
from itertools import count

from services.assistant.domain import Author, Body, ChatKind, Event, Place, Platform, Said

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
_numbers = count(1)


def place(
    chat: str = "7",
    thread: str = "",
    kind: ChatKind = ChatKind.DIRECT,
    platform: Platform = Platform.TELEGRAM,
) -> Place:
    return Place(platform, "99", chat, thread, kind)


def author(user: str = "7", name: str = "Ann", platform: Platform = Platform.TELEGRAM) -> Author:
    return Author(platform, user, name)


def event(
    body: Body | str,
    *,
    where: Place | None = None,
    by: Author | None = None,
    key: str | None = None,
    sent_at: datetime = NOON,
    addressed: bool = True,
) -> Event:
    """An event; a text is something said, under a message id of its own."""
    number = next(_numbers)
    if isinstance(body, str):
        body = Said(f"{number}", body)
    where = where or place()
    return Event(
        key or f"{where.platform}:99:{where.chat_id}:{number}",
        where,
        by or author(),
        sent_at,
        addressed,
        body,
    )

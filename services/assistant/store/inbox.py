"""Accepted events, and the turns that take them."""

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, assert_never
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import asyncpg
import structlog

from services.assistant import zones
from services.assistant.domain import (
    Access,
    Attachment,
    Author,
    Body,
    ChatKind,
    Commanded,
    Deleted,
    Edited,
    Event,
    Moved,
    Place,
    Platform,
    Pressed,
    Reacted,
    RepliedTo,
    Said,
    Stop,
    Taken,
    Turn,
    TurnState,
)
from services.assistant.store.connection import Connection, Store
from services.assistant.store.queries import load
from services.assistant.store.work import LEASE, Claim
from services.errors import Unreadable

log = structlog.get_logger()

SQL = load("inbox")


@dataclass(frozen=True, slots=True)
class Accepted:
    """A committed event.

    `claim` is set when its conversation is ours now; `turn` too when nothing else waited in it, and then
    `is_clear` when nothing waited to be sent there either.
    """

    claim: Claim | None
    turn: Turn | None
    is_clear: bool = False


@dataclass(frozen=True, slots=True)
class Known:
    """The key was used before. `same_body` tells a redelivery from a mistake."""

    same_body: bool


@dataclass(frozen=True, slots=True)
class Replacing:
    """A kept message takes a new form: under which id, which turn answered the old one, or if none should."""

    message_id: UUID
    turn_id: UUID | None
    is_overheard: bool


@dataclass(frozen=True, slots=True)
class Followed:
    """What became of an event: nothing yet (no `turn_id`), or a turn, perhaps with newer events in it.

    `is_over`: an edit took its place, or it was deleted, before any turn had it.
    """

    turn_id: UUID | None
    state: TurnState | None
    is_newest: bool
    is_over: bool


async def accept(
    store: Store,
    connection: Connection,
    event: Event,
    access: Access,
    replacing: Replacing | None = None,
    is_overheard: bool = False,
) -> Accepted | Known | None:
    """Commit an event in the caller's transaction, in scope of `access.space_id`.

    What is merely overheard is kept, and asks for no answer.
    None: the directory no longer says what `access` does; nothing was written.
    """
    replaced_turn = replacing.turn_id if replacing else None
    kind, body = _stored(event.body, replaced_turn)
    text = event.body.text if isinstance(event.body, Said | Edited) else _remembered(event.body)
    attachments = event.body.attachments if isinstance(event.body, Said) else ()
    message_id = replacing.message_id if replacing else uuid4() if text or attachments else None
    turn_id = uuid4()
    place, author = event.place, event.author
    platform_message_id = getattr(event.body, "message_id", "")
    keeps_cursor = place.platform is Platform.DISCORD and isinstance(event.body, Said)
    row = await connection.fetchrow(
        SQL["accept"],
        place.platform,
        author.user_id,
        access.person_id,
        access.role,
        event.key,
        _digest(store, event.body),
        access.space_id,
        access.conversation_id,
        place.bot_id,
        place.chat_id,
        place.thread_id,
        place.chat_kind,
        platform_message_id,
        keeps_cursor,
        place.route,
        LEASE,
        turn_id,
        kind,
        message_id,
        author.display_name,
        text,
        json.dumps([asdict(attachment) for attachment in attachments]),
        event.sent_at,
        getattr(event.body, "reply_to", ""),
        json.dumps(
            {"user_id": author.user_id, "name": author.display_name, "admin": author.is_chat_admin,
             "language": author.language}
        ),
        json.dumps(body),
        isinstance(event.body, Said) and event.body.continues,
        is_overheard,
    )  # fmt: skip
    if row is None:
        return await known(store, connection, event)
    if not row["is_ours"]:
        return Accepted(None, None)
    claim = Claim(access.space_id, access.conversation_id, place.route, row["attempt"], row["wakes"], turn_id)
    if not row["is_taken"]:
        return Accepted(claim, None)
    taken = Taken(
        event, access.person_id, message_id, replaced_turn, access.zone, access.language, access.is_news
    )
    return Accepted(
        claim,
        Turn(
            turn_id,
            access.space_id,
            access.conversation_id,
            row["attempt"],
            1,
            (taken,),
            row["is_over_limit"],
        ),
        row["is_clear"],
    )


async def known(store: Store, connection: Connection, event: Event) -> Known | None:
    """Whether an event's key was used before."""
    digest = await connection.fetchval(SQL["reuse"], event.key)
    return None if digest is None else Known(hmac.compare_digest(digest, _digest(store, event.body)))


async def hold(connection: Connection, access: Access) -> None:
    """Keep other edits of this conversation waiting until the caller's transaction ends."""
    await connection.execute(SQL["hold"], access.space_id, access.conversation_id)


async def keep(connection: Connection, access: Access, replied_to: RepliedTo) -> None:
    """Keep the message that an addressed one replies to, unless it is, or its author wants none kept."""
    author = replied_to.author
    await connection.execute(
        SQL["keep"],
        access.space_id,
        access.conversation_id,
        uuid4(),
        author.platform,
        author.user_id,
        author.display_name,
        replied_to.text,
        replied_to.sent_at,
        replied_to.message_id,
    )


async def follow(connection: Connection, space_id: UUID, key: str) -> Followed | None:
    """What became of an event; None if it is not kept in this space (any more). Raises Unreadable."""
    row = await connection.fetchrow(SQL["follow"], space_id, key)
    if row is None:
        return None
    if row["state"] and row["state"] not in _STATES:
        raise Unreadable(f"turn {row['turn_id']} has a state unknown to this version: {row['state']}")
    state = TurnState(row["state"]) if row["state"] else None
    return Followed(row["turn_id"], state, bool(row["is_newest"]), row["is_over"])


async def replace(connection: Connection, event: Event, access: Access) -> Replacing | None:
    """Make the old form of an edited message history; None if it was not kept.

    A turn that still runs on the old form is stopped.
    """
    assert isinstance(event.body, Edited)
    message_id = uuid4()
    row = await connection.fetchrow(
        SQL["replace"],
        access.space_id,
        access.conversation_id,
        event.body.message_id,
        access.person_id,
        message_id,
    )
    if row is None:
        return None
    if row["turn_id"] and await stop(connection, access, row["turn_id"]):
        await connection.execute(SQL["reopen"], access.space_id, row["turn_id"], row["message_id"])
    return Replacing(message_id, row["turn_id"], row["is_overheard"])


async def stop(connection: Connection, access: Access, turn_id: UUID | None = None) -> UUID | None:
    """End the running turn of the conversation (given an id, only that one); what waits is due at once."""
    stopped: UUID | None = await connection.fetchval(
        SQL["stop"], access.space_id, access.conversation_id, turn_id
    )
    if stopped is not None:
        await connection.execute(SQL["free"], access.space_id, access.conversation_id)
    return stopped


async def note(store: Store, connection: Connection, event: Event) -> bool:
    """Use an event's key, for one that has no place in the inbox; False if it was used before."""
    return bool(await connection.fetchval(SQL["note"], event.key, _digest(store, event.body)))


async def bury(
    connection: Connection, space_id: UUID, conversation_id: UUID, message_ids: Sequence[str]
) -> None:
    """Of these messages of the platform, let those that have not come yet be no talk when they come."""
    await connection.execute(SQL["bury"], space_id, conversation_id, list(message_ids))


async def kept(
    connection: Connection, space_id: UUID, conversation_id: UUID, message_ids: Sequence[str]
) -> list[UUID]:
    """Our ids of the platform's messages, of those that are kept in a conversation."""
    rows = await connection.fetch(SQL["kept"], space_id, conversation_id, list(message_ids))
    return [row["message_id"] for row in rows]


async def newest(
    connection: Connection, space_id: UUID, conversation_id: UUID, most: int
) -> list[tuple[str, bytes]]:
    """The platform's id and the text's SHA-256 of the newest messages of people, newest first."""
    rows = await connection.fetch(SQL["newest"], space_id, conversation_id, most)
    return [(row["platform_message_id"], row["text_digest"]) for row in rows]


async def take(connection: Connection, claim: Claim, zone: ZoneInfo) -> Turn | None:
    """The next turn of a claimed conversation: one left running, or a new one; None if nothing waits.

    `zone` is the clock of people who haven't said theirs. An event whose body is broken leaves the queue.
    Raises Unreadable for what a newer version wrote: the caller's transaction is to leave it as it was.
    """
    again = await connection.fetchrow(
        SQL["resume"], claim.space_id, claim.subject_id, claim.attempt, claim.holder
    )
    turn_id, tries, is_over_limit = (
        (again["turn_id"], again["tries"], False) if again else (uuid4(), 1, False)
    )
    if again is None:
        new = await connection.fetchrow(
            SQL["take"], claim.space_id, claim.subject_id, turn_id, claim.attempt, claim.holder
        )
        if new is None or not new["events"]:
            return None
        is_over_limit = new["is_over_limit"]
    rows = await connection.fetch(SQL["events"], claim.space_id, turn_id)
    events, broken = [], []
    for row in rows:
        try:
            events.append(_taken(row, zone))
        except (LookupError, TypeError, ValueError):
            broken.append(row["event_key"])
    if broken:
        log.error("events_unreadable", conversation=str(claim.subject_id), events=broken)
        await connection.execute(SQL["set_aside"], claim.space_id, broken)
    if not events:
        await connection.execute(SQL["stop"], claim.space_id, claim.subject_id, turn_id)
        return await take(connection, claim, zone)
    return Turn(turn_id, claim.space_id, claim.subject_id, claim.attempt, tries, tuple(events), is_over_limit)


_STATES = frozenset(TurnState)
_KNOWN: dict[str, frozenset[str]] = {
    "platform": frozenset(Platform),
    "chat_kind": frozenset(ChatKind),
    "kind": frozenset({"message", "edit", "command", "button"}),
}


def _stored(body: Body, replaced_turn: UUID | None) -> tuple[str, dict[str, Any]]:
    match body:
        case Said():
            return "message", {"reply_to": body.reply_to, "unsupported": body.unsupported_kind}
        case Edited():
            return "edit", {"replaced_turn": str(replaced_turn) if replaced_turn else None}
        case Commanded():
            file = {"file": asdict(body.file)} if body.file else {}
            command = {"name": body.name, "arguments": body.arguments, "reply_to": body.reply_to}
            return "command", command | file
        case Pressed():
            return "button", {"action": body.action}
        case Stop() | Reacted() | Deleted() | Moved():
            return "record", {}
        case _:
            assert_never(body)


def _remembered(body: Body) -> str:
    """Of commands, only what is to be remembered, called to mind, or right instead is kept as a message."""
    match body:
        case Commanded(name="remember" | "remind", arguments=text):
            return text
        case Commanded(name="correct", numbered=(_, text)):
            return text
        case _:
            return ""


def _digest(store: Store, body: Body) -> bytes:
    # References to attachments may be signed anew on each delivery.
    match body:
        case Said():
            parts: tuple[object, ...] = (body.message_id, body.text, body.reply_to, body.unsupported_kind)
        case Commanded():
            parts = (type(body).__name__, {key: each for key, each in asdict(body).items() if key != "file"})
        case _:
            parts = (type(body).__name__, asdict(body))
    return hmac.digest(store.secret, repr(parts).encode("utf-8", "surrogatepass"), hashlib.sha256)


def _taken(row: asyncpg.Record, otherwise: ZoneInfo) -> Taken:
    for column, known in _KNOWN.items():
        if row[column] not in known:
            raise Unreadable(
                f"event {row['event_key']} has a {column} unknown to this version: {row[column]}"
            )
    platform = Platform(row["platform"])
    place = Place(platform, row["bot_id"], row["chat_id"], row["thread_id"], ChatKind(row["chat_kind"]))
    author = json.loads(row["author"])
    stored = json.loads(row["body"])
    said_as = row["platform_message_id"] or ""
    body: Body
    match row["kind"]:
        case "message":
            attachments = tuple(Attachment(**each) for each in json.loads(row["attachments"] or "[]"))
            body = Said(
                said_as,
                row["text"] or "",
                attachments,
                stored["reply_to"],
                unsupported_kind=stored["unsupported"],
            )
        case "edit":
            body = Edited(said_as, row["text"])
        case "command":
            file = Attachment(**stored["file"]) if "file" in stored else None
            body = Commanded(stored["name"], stored["arguments"], said_as, stored["reply_to"], file)
        case "button":
            body = Pressed(stored["action"], said_as)
        case kind:
            raise AssertionError(f"{kind!r} is in _KNOWN")
    replaced_turn = stored.get("replaced_turn")
    event = Event(
        row["event_key"],
        place,
        Author(platform, author["user_id"], author["name"], author["admin"], author["language"]),
        row["sent_at"].astimezone(zones.zone(row["zone"], otherwise)),
        True,
        body,
    )
    return Taken(
        event,
        row["person_id"],
        row["message_id"],
        UUID(replaced_turn) if replaced_turn else None,
        row["zone"],
        row["language"],
        row["is_news"],
    )

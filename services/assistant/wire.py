"""The contract's messages to the domain's types and back. Everything that comes in is checked here."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from uuid import UUID

from google.protobuf.timestamp_pb2 import Timestamp

from services.assistant.domain import (
    UNNAMED,
    Attachment,
    Author,
    Body,
    ChatKind,
    Commanded,
    Deleted,
    Delivery,
    Edited,
    Event,
    Fetch,
    Moved,
    Place,
    Platform,
    Pressed,
    Reacted,
    RepliedTo,
    Said,
    Stop,
)
from services.assistant.store.outbox import GoingOn, Later, Result, Settled
from services.errors import InvalidEvent
from services.stubs.assistant.v1 import assistant_pb2 as pb

MAX_TEXT = 100_000
"""Code points in one message. Longer ones are refused with a line to the sender."""
MAX_ID = 128
MAX_NAME = 200
# The longest that a platform's word closes a chat for; then it is asked again.
MAX_CLOSED = timedelta(hours=1)
MAX_ATTACHMENTS = 20
MAX_CURSORS = 1000
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
LATEST = datetime(9999, 1, 1, tzinfo=UTC)
"""From here on there is no next year to reckon with, and no local time east of UTC in the end."""

PLATFORMS: dict["pb.Platform.ValueType", Platform] = {
    pb.PLATFORM_TELEGRAM: Platform.TELEGRAM,
    pb.PLATFORM_DISCORD: Platform.DISCORD,
    pb.PLATFORM_TERMINAL: Platform.TERMINAL,
    pb.PLATFORM_BENCHMARK: Platform.BENCHMARK,
}
_TO_PLATFORM = {platform: number for number, platform in PLATFORMS.items()}
_CHAT_KINDS = {pb.CHAT_KIND_DIRECT: ChatKind.DIRECT, pb.CHAT_KIND_GROUP: ChatKind.GROUP}
_TO_CHAT_KIND = {kind: number for number, kind in _CHAT_KINDS.items()}


def event_from(request: pb.ConverseRequest, now: datetime, trusts_clock: bool) -> Event:
    """A checked event. Raises InvalidEvent with the name of the first field at fault.

    Unless the gateway's clock is trusted, a time in the future becomes `now`: a platform's clock that runs
    ahead must not lose a message.
    """
    place = place_from(request.place)
    if not 1 <= len(request.idempotency_key.encode()) <= 200:
        raise InvalidEvent("idempotency_key", "must be 1 to 200 bytes")
    if request.idempotency_key.partition(":")[0] != place.platform:
        raise InvalidEvent("idempotency_key", "must begin with the platform's name and a colon")
    # What a platform reports as deleted or moved in a group, it reports without saying by whom.
    is_unsigned = request.HasField("deletion") or request.HasField("chat_moved")
    is_anonymous = is_unsigned and place.chat_kind is ChatKind.GROUP
    author = author_from(request.author, place.platform, is_anonymous)
    sent_at = moment("sent_at", request.sent_at) if request.HasField("sent_at") else now
    if not trusts_clock:
        sent_at = min(sent_at, now)
    return Event(
        request.idempotency_key,
        place,
        author,
        sent_at,
        request.addressed or place.chat_kind is ChatKind.DIRECT,
        _body(request, place, sent_at),
    )


def place_from(place: pb.Place) -> Place:
    """Raises InvalidEvent."""
    if place.platform not in PLATFORMS:
        raise InvalidEvent("place.platform", "is missing or unknown")
    if place.chat_kind not in _CHAT_KINDS:
        raise InvalidEvent("place.chat_kind", "is missing or unknown")
    return Place(
        PLATFORMS[place.platform],
        _id("place.bot_id", place.bot_id),
        _id("place.chat_id", place.chat_id),
        _id("place.thread_id", place.thread_id, optional=True),
        _CHAT_KINDS[place.chat_kind],
        _clean(place.title)[:MAX_NAME],
    )


def author_from(author: pb.Author, platform: Platform, is_anonymous: bool = False) -> Author:
    """Raises InvalidEvent."""
    return Author(
        platform,
        _id("author.user_id", author.user_id, optional=is_anonymous),
        " ".join(_clean(author.display_name).split())[:MAX_NAME] or UNNAMED,
        author.role == pb.CHAT_ROLE_ADMIN,
        author.language[:35] if author.language.replace("-", "").isalnum() else "",
    )


def delivery_to(delivery: Delivery) -> pb.Delivery:
    return pb.Delivery(
        delivery_id=delivery_id(delivery.space_id, delivery.delivery_id),
        place=place_to(delivery.place),
        text=delivery.reply.text,
        button_rows=[
            pb.ButtonRow(buttons=[pb.Button(label=button.label, action=button.action) for button in row])
            for row in delivery.reply.button_rows
        ],
        reply_to_message_id=delivery.reply_to,
        replaces_message_ids=delivery.replaces,
        sent_message_ids=delivery.sent,
        turn_id=str(delivery.turn_id),
        file_name=delivery.reply.file_name,
        file_content=delivery.reply.file_content,
        fetch=None if delivery.reply.fetch is None else _fetch_to(delivery.reply.fetch),
    )


def _fetch_to(fetch: Fetch) -> pb.Fetch:
    author = pb.Author(
        user_id=fetch.author.user_id,
        display_name=fetch.author.display_name,
        role=pb.CHAT_ROLE_ADMIN if fetch.author.is_chat_admin else pb.CHAT_ROLE_MEMBER,
        language=fetch.author.language,
    )
    return pb.Fetch(reference=fetch.reference, author=author)


def delivery_id(space_id: UUID, delivery_id: UUID) -> str:
    """The id that a gateway is given."""
    return f"{space_id.hex}{delivery_id.hex}"


def delivery_ids(delivery_id: str) -> tuple[UUID, UUID]:
    """(space, delivery) of the id a gateway was given. Raises InvalidEvent."""
    try:
        if len(delivery_id) != 64:
            raise ValueError
        return UUID(delivery_id[:32]), UUID(delivery_id[32:])
    except ValueError:
        raise InvalidEvent("delivery_id", "is not one of ours") from None


def result_from(request: pb.AcknowledgeRequest) -> Result:
    """What the platform said. Raises InvalidEvent."""
    match request.WhichOneof("result"):
        case "delivered":
            return Settled("delivered", _ids("delivered.message_ids", request.delivered.message_ids))
        case "partly":
            sent = _ids("partly.message_ids", request.partly.message_ids)
            return GoingOn(sent) if request.partly.goes_on else Later(sent, timedelta(seconds=1))
        case "rate_limited":
            wanted = request.rate_limited.retry_after
            seconds = min(max(wanted.seconds + wanted.nanos / 1e9, 0), MAX_CLOSED.total_seconds())
            return Later(
                _ids("rate_limited.message_ids", request.rate_limited.message_ids),
                timedelta(seconds=seconds),
                closed=True,
            )
        case "rejected":
            return Settled("rejected", (), _clean(request.rejected.reason)[:MAX_NAME])
        case "unknown":
            return Settled("unknown", _ids("unknown.message_ids", request.unknown.message_ids))
        case _:
            raise InvalidEvent("result", "is missing")


def seen_from(request: pb.MoveCursorsRequest, platform: Platform) -> list[tuple[Place, str]]:
    """Places, each with the newest message seen there. Raises InvalidEvent."""
    if len(request.cursors) > MAX_CURSORS:
        raise InvalidEvent("cursors", f"are more than {MAX_CURSORS}")
    seen = [(place_from(each.place), _id("cursors.message_id", each.message_id)) for each in request.cursors]
    if any(place.platform is not platform for place, _ in seen):
        raise InvalidEvent("cursors.place", "is of another platform")
    return seen


def moved_from(request: pb.AcknowledgeRequest) -> str:
    """The id that the place's chat has now; empty where it hasn't moved. Raises InvalidEvent."""
    return _id("moved_to_chat_id", request.moved_to_chat_id, optional=True)


def closed_chats(closed: Iterable[tuple[str, timedelta]]) -> pb.ClosedChats:
    """Chats, each with the time until it is open again."""
    chats = []
    for chat_id, open_after in closed:
        chats.append(pb.ClosedChat(chat_id=chat_id))
        chats[-1].open_after.FromTimedelta(open_after)
    return pb.ClosedChats(chats=chats)


def place_to(place: Place) -> pb.Place:
    return pb.Place(
        platform=_TO_PLATFORM[place.platform],
        bot_id=place.bot_id,
        chat_id=place.chat_id,
        thread_id=place.thread_id,
        chat_kind=_TO_CHAT_KIND[place.chat_kind],
        title=place.title,
    )


def timestamp(moment: datetime) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(moment.astimezone(UTC).replace(tzinfo=None))
    return stamp


def _body(request: pb.ConverseRequest, place: Place, sent_at: datetime) -> Body:
    match request.WhichOneof("event"):
        case "message":
            return _said(request.message, place, sent_at)
        case "edit":
            return Edited(
                _id("edit.message_id", request.edit.message_id), text("edit.text", request.edit.text)
            )
        case "deletion":
            ids = _ids("deletion.message_ids", request.deletion.message_ids)
            if not ids:
                raise InvalidEvent("deletion.message_ids", "is empty")
            return Deleted(ids)
        case "command":
            command = request.command
            if not (command.name.isidentifier() and len(command.name) <= 32):
                raise InvalidEvent("command.name", "must be a word of at most 32 characters")
            return Commanded(
                command.name.lower(),
                text("command.arguments", command.arguments, may_be_empty=True).strip(),
                _id("command.message_id", command.message_id, optional=True),
                _id("command.reply_to_message_id", command.reply_to_message_id, optional=True),
                _attachment(command.file) if command.HasField("file") else None,
            )
        case "button":
            return Pressed(
                _id("button.action", request.button.action),
                _id("button.message_id", request.button.message_id, optional=True),
            )
        case "reaction":
            reaction = request.reaction
            return Reacted(
                _id("reaction.message_id", reaction.message_id),
                _clean(reaction.emoji)[:64],
                reaction.removed,
            )
        case "stop":
            return Stop()
        case "chat_moved":
            return Moved(_id("chat_moved.to_chat_id", request.chat_moved.to_chat_id))
        case _:
            raise InvalidEvent("event", "is missing or newer than this assistant")


def _said(message: pb.MessageEvent, place: Place, sent_at: datetime) -> Said:
    if len(message.attachments) > MAX_ATTACHMENTS:
        raise InvalidEvent("message.attachments", f"are more than {MAX_ATTACHMENTS}")
    attachments = tuple(map(_attachment, message.attachments))
    unsupported_kind = _clean(message.unsupported_kind)[:32]
    may_be_empty = bool(attachments or unsupported_kind)
    return Said(
        _id("message.message_id", message.message_id),
        text("message.text", message.text, may_be_empty),
        attachments,
        _id("message.reply_to_message_id", message.reply_to_message_id, optional=True),
        message.continues,
        unsupported_kind,
        _replied_to(message.replied_to, place, sent_at) if message.HasField("replied_to") else None,
    )


def _attachment(file: pb.Attachment) -> Attachment:
    return Attachment(
        _clean(file.reference)[:2000],
        _clean(file.file_name)[:255],
        _clean(file.media_type)[:100],
        file.size_bytes,
    )


def _replied_to(message: pb.RepliedTo, place: Place, before: datetime) -> RepliedTo | None:
    """What is shown of another message; None for one without text."""
    if not message.text.strip():
        return None
    sent_at = moment("message.replied_to.sent_at", message.sent_at)
    return RepliedTo(
        _id("message.replied_to.message_id", message.message_id),
        author_from(message.author, place.platform),
        text("message.replied_to.text", message.text),
        min(sent_at, before),
    )


def text(field: str, value: str, may_be_empty: bool = False) -> str:
    """A text people wrote, as it came. Raises InvalidEvent."""
    if len(value) > MAX_TEXT:
        raise InvalidEvent(field, f"is longer than {MAX_TEXT:,} characters; please send it in parts")
    if "\x00" in value:
        raise InvalidEvent(field, "holds binary data; please send plain text")
    if not may_be_empty and not value.strip():
        raise InvalidEvent(field, "is empty")
    return value


def _id(field: str, value: str, optional: bool = False) -> str:
    if not (value or optional):
        raise InvalidEvent(field, "is missing")
    if len(value) > MAX_ID or not value.isprintable():
        raise InvalidEvent(field, f"must be at most {MAX_ID} printable characters")
    return value


def _ids(field: str, values: Iterable[str]) -> tuple[str, ...]:
    ids = tuple(_id(field, value) for value in values)
    if len(ids) > 1000:
        raise InvalidEvent(field, "are more than 1000")
    return ids


def _clean(name: str) -> str:
    return "".join(character for character in name if character.isprintable())


def moment(field: str, stamp: Timestamp) -> datetime:
    """A moment in UTC. Raises InvalidEvent."""
    try:
        instant = stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        raise InvalidEvent(field, "is no moment in time") from None
    if instant < EARLIEST:
        raise InvalidEvent(field, "is missing or long past")
    if instant >= LATEST:
        raise InvalidEvent(field, "is too far ahead")
    return instant

"""Taking a space along: JSON Lines out, and in again. docs/export.md describes the format."""

import asyncio
import json
import tempfile
from codecs import BOM_UTF8
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice
from typing import Annotated, BinaryIO, Literal, Self, TypeVar, assert_never
from uuid import UUID, uuid5
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    Field,
    NaiveDatetime,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from services.assistant import foreign, wire
from services.assistant.domain import PLAIN, Access, Attachment, Details, MemoryKind, Place, Role
from services.assistant.recurrence import Due, Rule, Unit
from services.assistant.showing import count
from services.assistant.store import directory, export, memories, reminders
from services.assistant.store.connection import Connection, Store, scoped
from services.assistant.store.reminders import New
from services.errors import InvalidEvent

PIECE = 256 * 1024
"""Most bytes of a piece of an export."""
LONGEST_LINE = 4 * 1024 * 1024
"""Most bytes of a line that is read."""
BATCH = 200
"""Records added in one transaction."""


def _storable(text: str) -> str:
    if "\x00" in text:
        raise ValueError("holds binary data")
    return text


Text = Annotated[str, Field(max_length=wire.MAX_TEXT), AfterValidator(_storable)]
Moment = Annotated[AwareDatetime, Field(ge=wire.EARLIEST, lt=wire.LATEST)]


def _zone(name: str) -> str:
    try:
        return ZoneInfo(name).key
    except (ValueError, OSError, ZoneInfoNotFoundError):
        raise ValueError("is no IANA time zone") from None


class Header(BaseModel):
    """The first line."""

    format: Literal["remi"]
    version: Literal[1]


class AttachmentRecord(BaseModel):
    reference: Text
    file_name: Text
    media_type: Text
    size_bytes: int


class MessageRecord(BaseModel):
    record: Literal["message"]
    id: UUID
    conversation: UUID
    role: Role
    author: Annotated[Text, Field(min_length=1, max_length=wire.MAX_NAME)]
    text: Text
    attachments: Annotated[tuple[AttachmentRecord, ...], Field(max_length=wire.MAX_ATTACHMENTS)] = ()
    sent_at: Moment
    reply_to: UUID | None = None
    replaced_by: UUID | None = None
    learned: bool = False


class SourceRecord(BaseModel):
    message: UUID
    quote: Annotated[Text, Field(min_length=1)]


class MemoryRecord(BaseModel):
    """`happens_…` are days [from, until); `…_reply` the replies that an instruction is for."""

    record: Literal["memory"]
    id: UUID
    kind: MemoryKind
    text: Annotated[Text, Field(min_length=1)]
    said_at: Moment
    learned_at: Moment
    superseded_at: Moment | None = None
    superseded_by: UUID | None = None
    retracted_by: UUID | None = None
    confidence: Annotated[float, Field(gt=0, le=1)] = PLAIN.confidence
    confirmed_at: Moment | None = None
    happens_from: date | None = None
    happens_until: date | None = None
    first_reply: Annotated[int, Field(ge=1, le=100)] | None = None
    last_reply: Annotated[int, Field(ge=1, le=100)] | None = None
    sources: Annotated[tuple[SourceRecord, ...], Field(min_length=1)]


class ReminderRecord(BaseModel):
    record: Literal["reminder"]
    id: UUID
    message: UUID
    text: Annotated[Text, Field(min_length=1)]
    starts: NaiveDatetime
    zone: Annotated[str, AfterValidator(_zone)]
    every: Annotated[int, Field(ge=1, le=10_000)] | None = None
    unit: Unit | None = None
    weekdays: tuple[Annotated[int, Field(ge=0, le=6)], ...] = ()
    next_due: Moment

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if (self.every is None) != (self.unit is None):
            raise ValueError("every and unit go together")
        return self


T = TypeVar("T")
Record = MessageRecord | MemoryRecord | ReminderRecord
_HEADER = TypeAdapter(Header)
_RECORD: TypeAdapter[Record] = TypeAdapter(Annotated[Record, Field(discriminator="record")])


@dataclass(frozen=True, slots=True)
class Imported:
    """How many records were added; `skipped` stood already, or rest on messages that aren't there.

    `conversations` are those of the messages, new or not.
    """

    messages: int = 0
    memories: int = 0
    reminders: int = 0
    skipped: int = 0
    conversations: frozenset[UUID] = frozenset()

    def __add__(self, other: "Imported") -> "Imported":
        return Imported(
            self.messages + other.messages,
            self.memories + other.memories,
            self.reminders + other.reminders,
            self.skipped + other.skipped,
            self.conversations | other.conversations,
        )


async def pieces(store: Store, space_id: UUID) -> AsyncGenerator[bytes, None]:
    """A space as JSON Lines, in pieces of at most PIECE bytes, cut anywhere. Raises StoreUnavailable."""
    header = {"format": "remi", "version": 1, "exported_at": datetime.now(UTC).isoformat()}
    buffer = bytearray(json.dumps(header).encode() + b"\n")
    async with aclosing(export.lines(store, space_id)) as lines:
        async for line in lines:
            buffer += line.encode() + b"\n"
            while len(buffer) > PIECE:
                yield bytes(buffer[:PIECE])
                del buffer[:PIECE]
    yield bytes(buffer)


async def bring(
    store: Store,
    access: Access,
    place: Place,
    chunks: AsyncIterator[bytes],
    worker_after: timedelta,
) -> Imported:
    """Bring an export into the access's space; everything in it counts as said by that person.

    To be indexed is the caller's, and then to be learned from (`work.begin`), or after a while a worker's. It
    is read whole before anything changes. Then it is added batch by batch, without effect a second time: an
    import that broke off is simply begun anew. Raises InvalidEvent with the number of the line, or what else,
    that can't be read; and Unavailable.
    """
    total = Imported()
    # A file without a name: what somebody brings is nowhere to be found once it is in, or refused.
    with tempfile.TemporaryFile() as staged:
        async for chunk in _unmarked(chunks):
            staged.write(chunk)
        said = await asyncio.to_thread(foreign.read, staged) if foreign.is_foreign(staged) else None
        for _ in _batches(staged, said):
            await asyncio.sleep(0)
        for batch in _batches(staged, said):
            async with scoped(store, [access.space_id]) as connection:
                await directory.hold(connection, access.person_id)
                total += await _add(connection, access, place, batch, worker_after)
    return total


async def _unmarked(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same without the mark that some editors put before a text."""
    head = b""
    async for chunk in chunks:
        head += chunk
        if len(head) >= len(BOM_UTF8):
            break
    yield head.removeprefix(BOM_UTF8)
    async for chunk in chunks:
        yield chunk


def summary(done: Imported) -> str:
    """What was brought, for whoever brought it."""
    new = [
        count(done.messages, "message"),
        count(done.memories, "memory", "memories"),
        count(done.reminders, "reminder"),
    ]
    told = f"I have brought in {new[0]}, {new[1]} and {new[2]}."
    if not done.skipped:
        return told
    was = "was" if done.skipped == 1 else "were"
    return f"{told} {count(done.skipped, 'record')} {was} there already, or rest on nothing."


async def _add(
    connection: Connection, access: Access, place: Place, batch: Sequence[Record], worker_after: timedelta
) -> Imported:
    space_id = access.space_id
    told = [record for record in batch if isinstance(record, MessageRecord)]
    learned = [record for record in batch if isinstance(record, MemoryRecord)]
    named = {each for record in batch for each in _named(record)}
    ours = {each: _derived(space_id, each) for each in named}
    standing = await export.standing(connection, space_id, named | set(ours.values()))
    # What was exported from this very space is known here under the id it has in the export.
    ours.update({each: each for each in named & standing})

    new = [_told(space_id, record, ours) for record in told if ours[record.id] not in standing]
    messages = await export.add_messages(connection, access, place, new, worker_after) if new else 0
    added = 0
    for record in learned:
        if ours[record.id] not in standing:
            added += await _learn(connection, space_id, record, ours)
    set_again = 0
    for due in (record for record in batch if isinstance(record, ReminderRecord)):
        if ours[due.id] not in standing:
            set_again += await _remind(connection, access, place, due, ours)
    skipped = len(batch) - messages - added - set_again
    return Imported(
        messages, added, set_again, skipped, frozenset(_conversation(space_id, each) for each in told)
    )


async def _remind(
    connection: Connection, access: Access, place: Place, record: ReminderRecord, ours: Mapping[UUID, UUID]
) -> bool:
    """Set a reminder again, to come where it is imported; False where its message is not there."""
    message_id = ours[record.message]
    if message_id not in await export.standing(connection, access.space_id, [message_id]):
        return False
    rule = Rule(record.every, record.unit, record.weekdays) if record.every and record.unit else None
    await export.add_conversations(connection, access, place, [access.conversation_id])
    new = New(
        ours[record.id],
        access.space_id,
        access.conversation_id,
        access.person_id,
        message_id,
        place.route,
        record.text,
        Due(record.starts, rule),
        ZoneInfo(record.zone),
        record.next_due,
    )
    await reminders.add(connection, new)
    return True


async def _learn(
    connection: Connection, space_id: UUID, record: MemoryRecord, ours: Mapping[UUID, UUID]
) -> bool:
    """Add a memory with those of its sources that stand; False where none does."""
    memory_id = ours[record.id]
    sources = [(ours[source.message], source.quote) for source in record.sources]
    details = Details(
        record.confidence,
        record.confirmed_at,
        _span(record.happens_from, record.happens_until),
        _replies(record),
    )
    is_added = await memories.insert(
        connection,
        space_id,
        memory_id,
        record.kind,
        record.text,
        record.learned_at,
        sources,
        record.said_at,
        details,
    )
    if is_added and record.superseded_at:
        by = ours[record.superseded_by] if record.superseded_by else None
        retracted_by = ours[record.retracted_by] if record.retracted_by else None
        await memories.supersede(connection, space_id, memory_id, record.superseded_at, by, retracted_by)
    return is_added


def _span(begins: date | None, ends: date | None) -> tuple[date, date] | None:
    return (begins, ends) if begins and ends and begins < ends else None


def _replies(record: MemoryRecord) -> tuple[int, int] | None:
    first, last = record.first_reply, record.last_reply
    return (first, last) if first and last and first <= last else None


def _told(space_id: UUID, record: MessageRecord, ours: Mapping[UUID, UUID]) -> export.Told:
    return export.Told(
        ours[record.id],
        _conversation(space_id, record),
        record.role,
        record.author,
        record.text,
        tuple(Attachment(**each.model_dump()) for each in record.attachments),
        record.sent_at,
        ours[record.reply_to] if record.reply_to else None,
        ours[record.replaced_by] if record.replaced_by else None,
        record.learned,
    )


def _conversation(space_id: UUID, record: MessageRecord) -> UUID:
    """Never one that goes on here: imported talk is not recent."""
    return _derived(space_id, record.conversation)


def _named(record: Record) -> Iterable[UUID]:
    """Every id of a message or memory that a record holds."""
    yield record.id
    match record:
        case MessageRecord():
            yield from (each for each in (record.reply_to, record.replaced_by) if each)
        case MemoryRecord():
            yield from (source.message for source in record.sources)
            yield from (each for each in (record.superseded_by, record.retracted_by) if each)
        case ReminderRecord():
            yield record.message
        case _:
            assert_never(record)


def _derived(space_id: UUID, exported: UUID) -> UUID:
    """The same id every time: a second import finds what the first one brought."""
    return uuid5(space_id, str(exported))


def _batches(staged: BinaryIO, said: Sequence[foreign.Said] | None) -> Iterator[list[Record]]:
    """The records of a staged file, or of what was `said` to another assistant. Raises InvalidEvent."""
    records = _own_records(staged) if said is None else map(_parse_foreign, said)
    while batch := list(islice(records, BATCH)):
        yield batch


def _own_records(staged: BinaryIO) -> Iterator[Record]:
    number = 0
    staged.seek(0)
    while line := staged.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise InvalidEvent("chunk", f"holds a line longer than {LONGEST_LINE:,} bytes")
        if number == 1:
            _parse(number, line, _HEADER)
        elif line.strip():
            yield _parse(number, line, _RECORD)
    if not number:
        raise InvalidEvent("chunk", "holds no export")


def _parse_foreign(said: foreign.Said) -> MessageRecord:
    try:
        return MessageRecord(
            record="message",
            id=said.message_id,
            conversation=said.conversation_id,
            role=said.role,
            author=said.author,
            text=said.text,
            sent_at=said.sent_at,
        )
    except ValidationError as error:
        where = error.errors(include_input=False)[0]["loc"][0]
        raise InvalidEvent(
            "chunk", f"a message of {said.sent_at:%Y-%m-%d} can't be read at {where}"
        ) from None


def _parse(number: int, line: bytes, kind: TypeAdapter[T]) -> T:
    try:
        return kind.validate_json(line)
    except ValidationError as error:
        # Where, not what: the line holds what people said.
        where = ".".join(str(part) for part in error.errors(include_input=False)[0]["loc"])
        raise InvalidEvent("chunk", f"line {number} can't be read{f' at {where}' if where else ''}") from None

"""Reminders, and each time that one came due. Every call wants a connection in scope of the space."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID
from zoneinfo import ZoneInfo

import asyncpg

from services.assistant.recurrence import Due, Rule
from services.assistant.store.connection import Connection, Store, alone
from services.assistant.store.queries import load
from services.assistant.store.work import Claim

SQL = load("reminders")

LEASE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Reminder:
    """What is to be called to mind, where, and when. `number` is what people call it by."""

    reminder_id: UUID
    space_id: UUID
    number: int
    conversation_id: UUID
    person_id: UUID
    author_name: str
    text: str
    due: Due
    zone: ZoneInfo
    next_due: datetime | None


@dataclass(frozen=True, slots=True)
class New:
    """A reminder to be made. `message_id` is the message that asks for it."""

    reminder_id: UUID
    space_id: UUID
    conversation_id: UUID
    person_id: UUID
    message_id: UUID
    route: str
    text: str
    due: Due
    zone: ZoneInfo
    next_due: datetime


async def add(connection: Connection, new: New) -> int:
    """Keep a reminder; the number it gets."""
    await connection.execute(SQL["hold"], new.space_id, new.conversation_id)
    number: int = await connection.fetchval(
        SQL["add"],
        new.space_id,
        new.reminder_id,
        new.conversation_id,
        new.person_id,
        new.message_id,
        new.text,
        new.due.starts,
        new.zone.key,
        *_rule(new.due),
        new.next_due,
        new.route,
    )
    return number


async def coming(connection: Connection, space_id: UUID, conversation_id: UUID, most: int) -> list[Reminder]:
    """What is still to come in a conversation, soonest first."""
    rows = await connection.fetch(SQL["coming"], space_id, conversation_id, most)
    return [_reminder(row) for row in rows]


async def numbered(
    connection: Connection, space_id: UUID, conversation_id: UUID, number: int
) -> Reminder | None:
    """One that is still to come, by its number in that conversation."""
    row = await connection.fetchrow(SQL["numbered"], space_id, conversation_id, number)
    return _reminder(row) if row else None


async def hold(connection: Connection, space_id: UUID, reminder_id: UUID) -> Reminder | None:
    """A reminder, to be fired, moved or cancelled in this transaction; None if it was forgotten."""
    row = await connection.fetchrow(SQL["one"], space_id, reminder_id)
    return _reminder(row) if row else None


async def is_removed(connection: Connection, person_id: UUID) -> bool:
    """Whether somebody was let in once and may not speak here any more."""
    removed: bool = await connection.fetchval(SQL["is_removed"], person_id)
    return removed


async def move(
    connection: Connection, reminder: Reminder, due: Due, zone: ZoneInfo, next_due: datetime
) -> bool:
    """Another time; False if it does not come any more."""
    return bool(
        await connection.fetchval(
            SQL["move"],
            reminder.space_id,
            reminder.reminder_id,
            due.starts,
            zone.key,
            *_rule(due),
            next_due,
        )
    )


async def cancel(connection: Connection, space_id: UUID, reminder_id: UUID) -> bool:
    """It does not come again; False if it would not have."""
    return bool(await connection.fetchval(SQL["cancel"], space_id, reminder_id))


async def due(store: Store, now: datetime, holder: UUID, limit: int) -> list[Claim]:
    """Lease up to `limit` reminders that are due by the caller's clock."""
    async with alone(store) as connection:
        rows = await connection.fetch(SQL["due"], now, LEASE, limit, holder)
    return [
        Claim(row["space_id"], row["subject_id"], row["route"], row["attempt"], row["wakes"], holder)
        for row in rows
    ]


async def fire(
    connection: Connection,
    reminder: Reminder,
    missed: Sequence[datetime],
    last: datetime,
    delivery_id: UUID,
    text: str,
    following: datetime | None,
    route: str,
) -> bool:
    """Send one delivery for what came due until `last`; False if it was fired, moved or cancelled."""
    return bool(
        await connection.fetchval(
            SQL["fire"],
            reminder.space_id,
            reminder.reminder_id,
            list(missed),
            last,
            delivery_id,
            text,
            following,
            reminder.next_due,
            route,
        )
    )


def _rule(due: Due) -> tuple[int | None, str | None, list[int]]:
    return (due.rule.every, due.rule.unit, list(due.rule.weekdays)) if due.rule else (None, None, [])


def _reminder(row: asyncpg.Record) -> Reminder:
    rule = Rule(row["every"], row["unit"], tuple(row["weekdays"])) if row["unit"] else None
    return Reminder(
        row["reminder_id"],
        row["space_id"],
        row["number"],
        row["conversation_id"],
        row["person_id"],
        row["author_name"],
        row["text"],
        Due(row["starts"], rule),
        ZoneInfo(row["zone"]),
        row["next_due"],
    )

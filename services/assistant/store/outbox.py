"""Deliveries: what is to be sent to a place, until the platform has taken it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import asyncpg

from services.assistant.domain import Button, ChatKind, Delivery, Place, Platform, Reply
from services.assistant.store.connection import Connection
from services.assistant.store.queries import load
from services.errors import Unreadable

SQL = load("outbox")

HOLDS_BACK = timedelta(minutes=3)
"""How long a delivery that isn't sent holds back the newer ones of its conversation."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The platform's last word: `state` is delivered, rejected or unknown."""

    state: str
    sent: Sequence[str]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Not all is sent yet: these parts stand, the rest is due after `delay`."""

    sent: Sequence[str]
    delay: timedelta


async def read(connection: Connection, space_id: UUID, delivery_id: UUID) -> Delivery | None:
    """A delivery as it is to be sent now; None if it was forgotten.

    Raises Unreadable where the row is broken, or of a newer version.
    """
    row = await connection.fetchrow(SQL["read"], space_id, delivery_id)
    if row is None:
        return None
    try:
        return _delivery(space_id, row)
    except (LookupError, TypeError, ValueError) as error:
        raise Unreadable(f"delivery {delivery_id} can't be read by this version") from error


async def of_turn(connection: Connection, space_id: UUID, turn_id: UUID) -> Delivery | None:
    """The delivery that carries a turn's outcome; None if it has none."""
    delivery_id = await connection.fetchval(SQL["of_turn"], space_id, turn_id)
    return await read(connection, space_id, delivery_id) if delivery_id else None


async def is_next(connection: Connection, space_id: UUID, delivery_id: UUID) -> bool:
    """Whether a delivery may go: none before it in its conversation waits, but for one that can't be sent."""
    return bool(await connection.fetchval(SQL["is_next"], space_id, delivery_id, HOLDS_BACK))


async def release(connection: Connection, delivery: Delivery) -> None:
    """Let the Deliver stream have a delivery that a broken Converse was to carry."""
    await connection.execute(SQL["release"], delivery.space_id, delivery.delivery_id)


async def record(
    connection: Connection, platform: Platform, space_id: UUID, delivery_id: UUID, result: Settled | Later
) -> bool:
    """Write down what the platform said. False if there is no such delivery on this platform."""
    match result:
        case Settled(state, sent, reason):
            found = await connection.fetchval(
                SQL["settle"], space_id, delivery_id, platform, state, list(sent), reason
            )
        case Later(sent, delay):
            found = await connection.fetchval(
                SQL["later"], space_id, delivery_id, platform, list(sent), delay
            )
    return bool(found)


def _delivery(space_id: UUID, row: asyncpg.Record) -> Delivery:
    place = Place(
        Platform(row["platform"]),
        row["bot_id"],
        row["chat_id"],
        row["thread_id"],
        ChatKind(row["chat_kind"]),
    )
    buttons = tuple(tuple(Button(*each) for each in line) for line in json.loads(row["buttons"]))
    reply = Reply(row["text"], buttons, row["file_name"], row["file_content"])
    return Delivery(
        row["delivery_id"],
        space_id,
        row["turn_id"],
        place,
        reply,
        row["reply_to"],
        tuple(row["replaces"]),
        tuple(row["sent"]),
    )

"""Deliveries: what is to be sent to a place, until the platform has taken it."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

import asyncpg

from services.assistant.domain import Author, Button, ChatKind, Delivery, Fetch, Place, Platform, Reply
from services.assistant.store.connection import Connection, Store, alone
from services.assistant.store.queries import load
from services.assistant.store.work import Claim
from services.errors import Unreadable

SQL = load("outbox")

HOLDS_BACK = timedelta(minutes=3)
"""How long a delivery that isn't sent holds back newer ones where no gateway listens for deliveries."""

LOOK_AGAIN = timedelta(seconds=1)
"""How long one that is held back rests until it is looked at again."""

CARRY = timedelta(seconds=30)
"""How long a delivery stays with whoever was given it before somebody else may have it."""


@dataclass(frozen=True, slots=True)
class Settled:
    """The platform's last word: `state` is delivered, or rejected or unknown, which is put aside."""

    state: str
    sent: Sequence[str]
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Later:
    """Not all is sent yet: these parts stand, the rest is due after `delay`. The chat may be closed."""

    sent: Sequence[str]
    delay: timedelta
    closed: bool = False


@dataclass(frozen=True, slots=True)
class GoingOn:
    """These parts stand, and the gateway is sending the rest."""

    sent: Sequence[str]


Result = Settled | Later | GoingOn


def is_delivered(result: Result) -> bool:
    """Whether the platform has all of it: that is written down in one statement."""
    return isinstance(result, Settled) and result.state == "delivered"


@dataclass(frozen=True, slots=True)
class Due:
    """A delivery as it is to be sent, after `wait`; now if that is None."""

    delivery: Delivery
    wait: timedelta | None


@dataclass(frozen=True, slots=True)
class Late:
    """A delivery whose time is over. `route` is platform:bot."""

    space_id: UUID
    delivery_id: UUID
    route: str


@dataclass(frozen=True, slots=True)
class Undelivered:
    """A delivery that was put aside. `route` is platform:bot; `state` is rejected, unknown or expired."""

    space_id: UUID
    delivery_id: UUID
    route: str
    chat_id: str
    state: str
    reason: str
    attempts: int
    created_at: datetime
    put_aside_at: datetime


async def claimed(connection: Connection, claims: Sequence[Claim]) -> dict[UUID, Due | Unreadable]:
    """Deliveries as they are to be sent, by their id; those are missing that were forgotten meanwhile.

    Unreadable stands for one whose row is broken, or of a newer version.
    """
    spaces, ids = [claim.space_id for claim in claims], [claim.subject_id for claim in claims]
    waiting = await connection.fetch(SQL["waits"], spaces, ids)
    waits: dict[UUID, timedelta] = {row["delivery_id"]: row["wait"] for row in waiting}
    for row in await connection.fetch(SQL["held_back"], spaces, [None for _ in ids], ids, HOLDS_BACK):
        waits.setdefault(row["delivery_id"], LOOK_AGAIN)
    due: dict[UUID, Due | Unreadable] = {}
    for row in await connection.fetch(SQL["read"], spaces, ids):
        try:
            due[row["delivery_id"]] = Due(_delivery(row), waits.get(row["delivery_id"]))
        except Unreadable as error:
            due[row["delivery_id"]] = error
    return due


async def of_turn(connection: Connection, space_id: UUID, turn_id: UUID) -> Delivery | None:
    """The delivery that carries a turn's outcome; None if it has none. Raises Unreadable."""
    delivery_id = await connection.fetchval(SQL["of_turn"], space_id, turn_id)
    row = await connection.fetchrow(SQL["read"], [space_id], [delivery_id]) if delivery_id else None
    return _delivery(row) if row else None


async def listen(store: Store, route: str) -> None:
    """Note that a gateway keeps a Deliver stream for this bot (platform:bot)."""
    async with alone(store) as connection:
        await connection.execute(SQL["listen"], route)


async def tell(
    connection: Connection, space_id: UUID, conversation_id: UUID, delivery_id: UUID, reply: Reply
) -> bool:
    """Send a text by itself to a conversation of the space; False if this delivery was made before."""
    buttons = json.dumps([[(each.label, each.action) for each in row] for row in reply.button_rows])
    return bool(
        await connection.fetchval(SQL["tell"], space_id, conversation_id, delivery_id, reply.text, buttons)
    )


async def is_next(connection: Connection, space_id: UUID, delivery_id: UUID) -> bool:
    """Whether a delivery may go: none before it in its conversation waits, but for one that can't be sent."""
    return not await connection.fetch(SQL["held_back"], [space_id], [None], [delivery_id], HOLDS_BACK)


async def is_clear(connection: Connection, space_id: UUID, conversation_id: UUID) -> bool:
    """Whether a reply that is still being written would be the next to go in its conversation."""
    return not await connection.fetch(SQL["held_back"], [space_id], [conversation_id], [None], HOLDS_BACK)


async def release(connection: Connection, delivery: Delivery) -> None:
    """Let the Deliver stream have a delivery that a broken Converse was to carry."""
    await connection.execute(SQL["release"], delivery.space_id, delivery.delivery_id)


async def record(
    connection: Connection, platform: Platform, space_id: UUID, delivery_id: UUID, result: Result
) -> bool:
    """Write down what the platform said. False if there is no such delivery on this platform."""
    if is_delivered(result):
        return bool(
            await connection.fetchval(SQL["settle"], space_id, delivery_id, platform, list(result.sent))
        )
    chat = await connection.fetchrow(SQL["standing"], space_id, delivery_id, platform, list(result.sent))
    if chat is None:
        return False
    match result:
        case Settled(state, _, reason):
            await connection.fetchval(SQL["put_aside"], space_id, delivery_id, platform, state, reason)
        case Later(_, delay, closed):
            await connection.execute(SQL["later"], space_id, delivery_id, delay)
            if closed:
                await connection.execute(SQL["close_chat"], chat["route"], chat["chat_id"], delay)
        case GoingOn():
            await connection.execute(SQL["go_on"], space_id, delivery_id, CARRY)
        case _:
            assert_never(result)
    return True


async def closed(connection: Connection, route: str) -> list[tuple[str, timedelta]]:
    """The chats of a bot (platform:bot) that the platform closed, each with the time until it is open."""
    await connection.execute(SQL["forget_open"], route)
    return [(row["chat_id"], row["open_after"]) for row in await connection.fetch(SQL["closed"], route)]


async def late(connection: Connection, after: timedelta, most: int) -> list[Late]:
    """What has waited for longer than `after` in all spaces and nobody sends now, oldest first."""
    rows = await connection.fetch(SQL["late"], after, most)
    return [Late(row["space_id"], row["subject_id"], row["route"]) for row in rows]


async def expire(connection: Connection, late: Late) -> bool:
    """Put aside what could not be delivered in its time; False if there was nothing to be sent."""
    platform = late.route.partition(":")[0]
    aside = await connection.fetchval(
        SQL["put_aside"], late.space_id, late.delivery_id, platform, "expired", "not delivered in time"
    )
    if not aside:
        await connection.execute(SQL["drop"], late.space_id, late.delivery_id)
    return bool(aside)


async def count_again(connection: Connection, delivery: Delivery) -> None:
    """It is handed out once more, and nobody said what became of it before: it may come to stand twice."""
    place = delivery.place
    await connection.execute(
        SQL["count_again"], delivery.space_id, delivery.delivery_id, place.route, place.chat_id
    )


async def sent_again(connection: Connection, within: timedelta) -> dict[str, int]:
    """By platform:bot, how many deliveries may stand twice."""
    rows = await connection.fetch(SQL["sent_again"], within)
    return {row["route"]: row["deliveries"] for row in rows}


async def undelivered(connection: Connection) -> list[Undelivered]:
    """What was put aside in all spaces, oldest first."""
    return [Undelivered(**row) for row in await connection.fetch(SQL["undelivered"])]


async def send_again(connection: Connection, space_id: UUID, delivery_id: UUID) -> bool:
    """Have one that was put aside sent once more; False if there is none. Needs the space's scope."""
    return bool(await connection.fetchval(SQL["send_again"], space_id, delivery_id))


def _delivery(row: asyncpg.Record) -> Delivery:
    try:
        place = Place(
            Platform(row["platform"]),
            row["bot_id"],
            row["chat_id"],
            row["thread_id"],
            ChatKind(row["chat_kind"]),
        )
        buttons = tuple(tuple(Button(*each) for each in line) for line in json.loads(row["buttons"]))
        fetch = _fetch(json.loads(row["fetches"])) if row["fetches"] else None
    except (LookupError, TypeError, ValueError) as error:
        raise Unreadable(f"delivery {row['delivery_id']} can't be read by this version") from error
    return Delivery(
        row["delivery_id"],
        row["space_id"],
        row["turn_id"],
        place,
        Reply(row["text"], buttons, row["file_name"], row["file_content"], fetch),
        row["reply_to"],
        tuple(row["replaces"]),
        tuple(row["sent"]),
        row["state"],
        row["created_at"],
    )


def _fetch(stored: dict[str, Any]) -> Fetch:
    author = stored["author"]
    return Fetch(stored["reference"], Author(**author | {"platform": Platform(author["platform"])}))

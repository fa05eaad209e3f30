"""Accounts on their way to become one person, and apart again. Belongs to no space."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal
from uuid import UUID, uuid4

import asyncpg

from services.assistant.domain import Author, Platform, TeamRole
from services.assistant.store import admin, directory
from services.assistant.store.connection import Connection, Store
from services.assistant.store.queries import load
from services.errors import Unavailable

SQL = load("links")

LIFETIME = timedelta(minutes=10)
"""How long a code waits to be sent, and then both sides for an answer."""

Part = Literal["issuer", "taker"]
State = Literal["offered", "asked", "agreed", "moving", "linked", "refused", "parted"]


@dataclass(frozen=True, slots=True)
class Side:
    """An account that takes part in a link, whose it is now, and its direct talk with Remi."""

    platform: Platform
    user_id: str
    name: str
    person_id: UUID
    role: TeamRole
    conversation_id: UUID


@dataclass(frozen=True, slots=True)
class Link:
    """The issuer gave a code, the taker sent it. `is_over`: the time to answer has passed."""

    link_id: UUID
    issuer: Side
    taker: Side
    state: State
    is_over: bool
    kept: UUID | None
    """The person who keeps their space, once they are being brought together, and"""
    gone: UUID | None
    """the one whose space goes into it."""

    @property
    def is_one_person(self) -> bool:
        return self.issuer.person_id == self.taker.person_id


def new_code() -> str:
    return f"link-{secrets.token_hex(8)}"


async def offer(store: Store, connection: Connection, code: str, by: Author, conversation_id: UUID) -> None:
    """Let a code work for a while. Only its digest is kept."""
    await connection.execute(
        SQL["offer"], uuid4(), by.platform, by.user_id, conversation_id, _digest(store, code), LIFETIME
    )


async def take(
    store: Store, connection: Connection, code: str, by: Author, conversation_id: UUID
) -> Link | None:
    """Use a code up; None where it doesn't work for this account."""
    link_id = await connection.fetchval(
        SQL["take"], _digest(store, code), by.platform, by.user_id, conversation_id, LIFETIME
    )
    return await find(connection, link_id) if link_id else None


async def void(store: Store, connection: Connection, code: str) -> None:
    """A code that others have seen works no more."""
    await connection.execute(SQL["void"], _digest(store, code))


async def find(connection: Connection, link_id: UUID) -> Link | None:
    """A link whose code was sent."""
    row = await connection.fetchrow(SQL["find"], link_id)
    if row is None:
        return None
    return Link(
        link_id,
        _side(row, "issuer", row["issuer_role"]),
        _side(row, "taker", row["taker_role_now"]),
        row["state"],
        row["is_over"],
        row["kept_person"],
        row["gone_person"],
    )


async def newest(connection: Connection, of: Author) -> Link | None:
    """The last link that an account takes part in and that still holds."""
    link_id = await connection.fetchval(SQL["newest"], of.platform, of.user_id)
    return await find(connection, link_id) if link_id else None


async def agree(connection: Connection, link_id: UUID, part: Part) -> None:
    """One side says yes; with the second yes, the work that brings them together is asked for."""
    await connection.execute(SQL["agree"], link_id, part)


async def refuse(connection: Connection, link_id: UUID) -> bool:
    """It won't be; False if that was settled before."""
    return bool(await connection.fetchval(SQL["refuse"], link_id))


async def require_still(connection: Connection, space_id: UUID) -> None:
    """For what may mean something that is still on its way into a space. Raises Unavailable while one is."""
    if await is_moving(connection, space_id):
        raise Unavailable("the accounts of a person are being brought together")


async def is_moving(connection: Connection, person_id: UUID) -> bool:
    """Whether another space is just being moved into this person's."""
    return bool(await connection.fetchval(SQL["is_moving"], person_id))


async def takes_last_admin(connection: Connection, link: Link) -> bool:
    """Whether the team would be left without an admin: the two have the issuer's role."""
    return link.issuer.role is not TeamRole.ADMIN and await admin.admins(connection) == {link.taker.person_id}


async def hold(connection: Connection, link: Link) -> None:
    """Keep events of both people's accounts waiting until the caller's transaction ends."""
    await connection.execute(SQL["hold"], link.issuer.person_id, link.taker.person_id)


async def larger(connection: Connection, link: Link) -> tuple[UUID, UUID]:
    """Who keeps their space, and whose goes into it: the smaller one, the taker's of two alike."""
    issuer, taker = link.issuer.person_id, link.taker.person_id
    row = await connection.fetchrow(SQL["count"], issuer, taker)
    assert row is not None
    return (issuer, taker) if row["ours"] >= row["theirs"] else (taker, issuer)


async def is_busy(connection: Connection, space_id: UUID) -> bool:
    """Whether a turn runs or waits in a space, a reply isn't sent, a worker is in it, another comes in."""
    return bool(await connection.fetchval(SQL["is_busy"], space_id))


async def join(connection: Connection, link: Link, kept: UUID, gone: UUID) -> bool:
    """Make one person of two; their events go to the kept space from the commit on."""
    issuer, taker = link.issuer, link.taker
    joined = await connection.fetchval(
        SQL["join"], link.link_id, kept, gone, issuer.person_id, taker.person_id
    )
    if joined:
        subject = f"{taker.platform}:{taker.user_id}"
        await directory.log(connection, kept, "link", subject)
    return bool(joined)


async def finish(connection: Connection, link_id: UUID) -> bool:
    """Everything was moved; False if somebody else has said so."""
    return bool(await connection.fetchval(SQL["finish"], link_id))


async def part(connection: Connection, link: Link) -> bool:
    """Make the taker's account a person of its own again, with a space that is empty.

    Wants the space of the two in scope: nothing of it is sent to that account any more. False if it was
    done before.
    """
    space_id, taker = link.issuer.person_id, link.taker
    if not await connection.fetchval(SQL["part"], link.link_id, space_id, uuid4()):
        return False
    await connection.execute(
        SQL["settle"],
        space_id,
        taker.platform,
        taker.user_id,
        taker.conversation_id,
        link.issuer.conversation_id,
    )
    await directory.log(connection, space_id, "unlink", f"{taker.platform}:{taker.user_id}")
    return True


def _side(row: asyncpg.Record, part: Part, role: str) -> Side:
    return Side(
        Platform(row[f"{part}_platform"]),
        row[f"{part}_id"],
        row[f"{part}_name"],
        row[f"{part}_person"],
        TeamRole(role),
        row[f"{part}_conversation"],
    )


def _digest(store: Store, code: str) -> bytes:
    return hmac.digest(store.secret, code.encode(), hashlib.sha256)

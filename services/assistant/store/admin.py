"""Members, roles, limits, usage and the audit: what admins see and change. Belongs to no space."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

from services.assistant.domain import Author, Platform, TeamRole
from services.assistant.store import directory
from services.assistant.store.connection import Connection, Store
from services.assistant.store.queries import load
from services.errors import NotAllowed, NotFound

SQL = load("admin")

INVITATION = timedelta(days=7)
"""How long an invitation code may wait to be used."""


@dataclass(frozen=True, slots=True)
class Member:
    """A person and the accounts they are known by. `turns_a_day` is 0 for no limit."""

    person_id: UUID
    role: TeamRole
    joined_at: datetime
    turns_a_day: int
    accounts: tuple[Author, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the audit. No `person_id`: the operator at the machine."""

    audit_id: int
    at: datetime
    person_id: UUID | None
    action: str
    subject_id: str


@dataclass(frozen=True, slots=True)
class Used:
    """What one person's turns came to."""

    person_id: UUID
    turns: int
    prompt_tokens: int
    completion_tokens: int


async def admins(connection: Connection) -> frozenset[UUID]:
    """Who is an admin, and stays so until the transaction ends."""
    return frozenset(row["person_id"] for row in await connection.fetch(SQL["admins"]))


async def invite(
    store: Store, connection: Connection, role: TeamRole, by: UUID | None
) -> tuple[str, datetime]:
    """A one-time code that lets whoever sends it in as `role`, and when it expires."""
    expires_at = datetime.now(UTC) + INVITATION
    code = await directory.invite(store, connection, role, expires_at, by)
    await directory.log(connection, by, "invite", role)
    return code, expires_at


async def members(connection: Connection) -> tuple[Member, ...]:
    """Everybody known, guests and removed people too; who joined first comes first."""
    rows = await connection.fetch(SQL["members"])
    return tuple(
        Member(
            row["person_id"],
            TeamRole(row["role"]),
            row["joined_at"],
            row["turns_a_day"],
            tuple(
                Author(Platform(platform), user_id, name)
                for platform, user_id, name in zip(
                    row["platforms"], row["user_ids"], row["names"], strict=True
                )
            ),
        )
        for row in rows
    )


async def set_role(connection: Connection, person_id: UUID, role: TeamRole, by: UUID) -> None:
    """Raises NotFound, or NotAllowed where the team would be left without an admin."""
    if role is not TeamRole.ADMIN and await admins(connection) == {person_id}:
        raise NotAllowed("this is the last admin; make somebody else one first")
    if not await connection.fetchval(SQL["set_role"], person_id, role):
        raise NotFound("there is no such person")
    await directory.log(connection, by, f"set_role:{role}", str(person_id))


async def set_limit(connection: Connection, person_id: UUID, turns_a_day: int, by: UUID) -> None:
    """How many turns a person may have a day; 0 for no limit. Raises NotFound."""
    if not await connection.fetchval(SQL["set_limit"], person_id, turns_a_day):
        raise NotFound("there is no such person")
    await directory.log(connection, by, f"set_limit:{turns_a_day}", str(person_id))


async def usage(connection: Connection, first: date, last: date) -> tuple[Used, ...]:
    """What everybody used on these days (in UTC), both included; most turns first."""
    rows = await connection.fetch(SQL["usage"], first, last)
    return tuple(Used(*row.values()) for row in rows)


async def audit(connection: Connection, before: int | None, size: int) -> tuple[Entry, ...]:
    """At most `size` entries, newest first; given an entry's id, those older than it."""
    rows = await connection.fetch(SQL["audit"], before, size)
    return tuple(Entry(*row.values()) for row in rows)

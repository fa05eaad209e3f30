"""People, their accounts, the chats let in, and invitations."""

import hashlib
import hmac
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID, uuid4

from services.assistant.domain import TEAM_SPACE, Author, ChatKind, GroupKeeps, Place, Platform, TeamRole
from services.assistant.store.connection import Connection, Store, alone
from services.assistant.store.queries import load
from services.errors import Unavailable

SQL = load("directory")


@dataclass(frozen=True, slots=True)
class Entry:
    """What the directory holds on an account and a chat; None where it knows nothing."""

    person_id: UUID | None
    role: TeamRole | None
    display_name: str | None
    group_space: UUID | None
    zone: str
    language: str
    listens: bool
    is_news: bool
    is_aside: bool


async def find(connection: Connection, author: Author, chat_id: str) -> Entry:
    row = await connection.fetchrow(SQL["find"], author.platform, author.user_id, chat_id)
    assert row is not None
    role = TeamRole(row["role"]) if row["role"] else None
    return Entry(
        row["person_id"],
        role,
        row["display_name"],
        row["group_space"],
        row["zone"] or "",
        row["language"] or "",
        row["listens"],
        row["is_news"],
        row["is_aside"],
    )


async def add_person(connection: Connection, author: Author, role: TeamRole) -> None:
    await connection.execute(
        SQL["add_person"], author.platform, author.user_id, uuid4(), author.display_name, role
    )


async def hold(connection: Connection, person_id: UUID) -> None:
    """Keep a person's accounts theirs until the caller's transaction ends; for what is no turn's to write.

    Raises Unavailable when they have become another person's since the caller asked.
    """
    if not await connection.fetchval(SQL["hold"], person_id):
        raise Unavailable("the account has just become another person's")


async def rename(connection: Connection, author: Author) -> None:
    await connection.execute(SQL["rename"], author.platform, author.user_id, author.display_name)


async def promote(connection: Connection, person_id: UUID, role: TeamRole, before: TeamRole) -> None:
    """Raise a person's role, unless it is not what it was before."""
    await connection.execute(SQL["promote"], person_id, role, before)


async def move(connection: Connection, person_id: UUID, zone: str) -> None:
    """A person lives in this time zone now, an IANA name."""
    await connection.execute(SQL["move"], person_id, zone)


async def role(connection: Connection, person_id: UUID) -> TeamRole:
    """What a person is in the team right now."""
    return TeamRole(await connection.fetchval(SQL["role"], person_id))


async def speak(connection: Connection, person_id: UUID, language: str) -> None:
    """A person wants answers in this language; empty for the one they write in."""
    await connection.execute(SQL["speak"], person_id, language)


async def listen(connection: Connection, space_id: UUID, listens: bool) -> None:
    """Keep in a group what isn't addressed to Remi too, or no longer."""
    await connection.execute(SQL["listen"], space_id, listens)


async def group_keeps(connection: Connection, space_id: UUID, author: Author) -> GroupKeeps:
    """What is kept in a group, and of what this account says there."""
    (row,) = await connection.fetch(SQL["group_keeps"], space_id, author.platform, author.user_id)
    return GroupKeeps(**row)


async def is_news(connection: Connection, space_id: UUID) -> bool:
    """Whether Remi has yet to say in a group what it keeps there."""
    return bool(await connection.fetchval(SQL["is_news"], space_id))


async def tell(connection: Connection, space_id: UUID) -> None:
    """Remi has said in a group what it keeps there."""
    await connection.execute(SQL["tell"], space_id)


async def spaces(connection: Connection) -> list[UUID]:
    """Every space there is: the team's, all people's and all groups'."""
    rows = await connection.fetch(SQL["spaces"])
    return [TEAM_SPACE, *(row["space_id"] for row in rows)]


async def put_aside(connection: Connection, space_id: UUID, author: Author, is_aside: bool) -> None:
    """Keep nothing of what an account says in a group, or keep it again."""
    query = SQL["step_aside"] if is_aside else SQL["step_back"]
    await connection.execute(query, space_id, author.platform, author.user_id)


async def admit_chat(connection: Connection, place: Place) -> None:
    await connection.execute(SQL["admit_chat"], place.platform, place.chat_id, place.group_space)


async def move_chat(store: Store, platform: Platform, chat_id: str, to_chat_id: str) -> None:
    """A chat that was let in is known by another id from now on, too."""
    async with alone(store) as connection:
        await connection.execute(SQL["move_chat"], platform, chat_id, to_chat_id)


async def invite(
    store: Store, connection: Connection, role: TeamRole, expires_at: datetime, by: UUID | None
) -> str:
    """Make a one-time code that lets whoever sends it in as `role`. Only its digest is kept."""
    code = f"remi-{secrets.token_hex(8)}"
    await connection.execute(SQL["invite"], _digest(store, code), role, by, expires_at)
    return code


async def redeem(store: Store, connection: Connection, code: str, account: str) -> TeamRole | None:
    """The role a code gives to an account (`platform:id`), using it up; None if it does not work."""
    role = await connection.fetchval(SQL["redeem"], _digest(store, code), account)
    if role is None:
        return None
    await log(connection, None, "redeem", account)
    return TeamRole(role)


async def tell_stranger(store: Store, place: Place, author: Author) -> bool:
    """Whether to tell this account now how to be let in. Keeps a keyed hash of it, and the time."""
    # A whole group is told once, not each of its people.
    account = author.user_id if place.chat_kind is ChatKind.DIRECT else f"chat {place.chat_id}"
    async with alone(store) as connection:
        told = await connection.fetchval(SQL["tell_stranger"], _digest(store, f"{place.platform}:{account}"))
    return bool(told)


async def log(connection: Connection, person_id: UUID | None, action: str, subject_id: str) -> None:
    await connection.execute(SQL["log"], person_id, action, subject_id)


async def cursors(store: Store, platform: Platform, bot_id: str) -> list[tuple[Place, str]]:
    """The newest message of each place of a bot whose platform does not send again what was missed."""
    async with alone(store) as connection:
        rows = await connection.fetch(SQL["cursors"], platform, bot_id)
    return [
        (
            Place(platform, bot_id, row["chat_id"], row["thread_id"], ChatKind(row["chat_kind"])),
            row["message_id"],
        )
        for row in rows
    ]


async def move_cursors(store: Store, platform: Platform, seen: Sequence[tuple[Place, str]]) -> None:
    """Cursors of one platform go forward to the newest messages that were seen; the others stay."""
    for bot_id in {place.bot_id for place, _ in seen}:
        own = [(place, message_id) for place, message_id in seen if place.bot_id == bot_id]
        async with alone(store) as connection:
            await connection.execute(
                SQL["move_cursors"],
                platform,
                bot_id,
                [place.chat_id for place, _ in own],
                [place.thread_id for place, _ in own],
                [message_id for _, message_id in own],
            )


def _digest(store: Store, text: str) -> bytes:
    return hmac.digest(store.secret, text.encode(), hashlib.sha256)

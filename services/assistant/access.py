"""Who may talk to Remi where. Denied by default."""

from dataclasses import dataclass, replace
from uuid import UUID

from cachetools import TTLCache

from services.assistant.domain import (
    UNNAMED,
    Access,
    Author,
    ChatKind,
    Commanded,
    Event,
    Place,
    Platform,
    Said,
    TeamRole,
)
from services.assistant.store import directory
from services.assistant.store.connection import Connection, Store, alone, unscoped
from services.assistant.store.directory import Entry

HOW_TO_BE_LET_IN = (
    "Hello! I only talk to people I was told about. Ask whoever runs me for an invitation code and send it "
    "to me here, and you are in."
)
HOW_A_GROUP_IS_LET_IN = (
    "Hello! I only talk in groups I was told about. Ask whoever runs me for an invitation code and post it "
    "here in a message to me, and this group is in."
)

CODE_IS_NOT_VALID = (
    "This invitation code is not valid, or was used already. Please look whether it is complete, or ask "
    "whoever runs me for a new one."
)

AccessCache = TTLCache[tuple[str, ...], Access]
"""What was found lately; every commit checks that the directory still says so."""


@dataclass(frozen=True, slots=True)
class Denied:
    """The author may not talk to Remi here. `text` is empty when they were told lately."""

    text: str


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """The operator's list of accounts and chats (`platform:id`), and what was found lately."""

    allowed: frozenset[str]
    lately: AccessCache


def doorkeeper(allowed: frozenset[str]) -> Doorkeeper:
    return Doorkeeper(allowed, TTLCache(maxsize=10_000, ttl=60))


async def admit(store: Store, door: Doorkeeper, event: Event) -> tuple[Event, Access] | Denied:
    """Find what the author may do in the event's place, letting in whoever the operator lists.

    A message that is an invitation code is used up here, and becomes `/start`: the code is never stored.
    """
    key = _key(event)
    if (lately := door.lately.get(key)) is not None:
        return event, lately
    place, author, given = event.place, event.author, None
    if code := _invitation_code(event):
        async with unscoped(store) as connection:
            given = await directory.redeem(store, connection, code, f"{author.platform}:{author.user_id}")
            access = await _enter(connection, door, place, author, given)
    else:
        access = await admit_actor(store, door, place, author)
    if access is not None:
        door.lately[key] = access
        return (event if given is None else replace(event, body=Commanded("start", ""))), access
    if code:
        return Denied(CODE_IS_NOT_VALID)
    if not event.addressed or not await directory.tell_stranger(store, place, author):
        return Denied("")
    return Denied(HOW_TO_BE_LET_IN if place.chat_kind is ChatKind.DIRECT else HOW_A_GROUP_IS_LET_IN)


async def admit_actor(store: Store, door: Doorkeeper, place: Place, author: Author) -> Access | None:
    """What an account may do in a place right now; None if nothing. One statement, where nothing is new."""
    async with alone(store) as connection:
        entry = await directory.find(connection, author, place.chat_id)
    role = _role(door, place, author, entry, None)
    if not _is_let_in(door, place, entry, role, None):
        return None
    if _is_written(place, author, entry, role):
        return _access(place, entry)
    async with unscoped(store) as connection:
        return await _write(connection, place, author, entry, role)


async def space_of(connection: Connection, place: Place, author: Author) -> UUID | None:
    """The space in which a place's talk is kept, whoever may still speak there; None if nothing ever was."""
    entry = await directory.find(connection, author, place.chat_id)
    return entry.person_id if place.chat_kind is ChatKind.DIRECT else entry.group_space


async def _enter(
    connection: Connection, door: Doorkeeper, place: Place, author: Author, given: TeamRole | None
) -> Access | None:
    """The access of whoever may be here, whom the directory then knows; `given` is a code's role."""
    entry = await directory.find(connection, author, place.chat_id)
    role = _role(door, place, author, entry, given)
    if not _is_let_in(door, place, entry, role, given):
        return None
    return await _write(connection, place, author, entry, role)


async def _write(
    connection: Connection, place: Place, author: Author, entry: Entry, role: TeamRole | None
) -> Access | None:
    """Have the directory say what is new of a person and a place; None if the person is let in no longer."""
    if _is_written(place, author, entry, role):
        return _access(place, entry)
    if entry.person_id is None:
        await directory.add_person(connection, author, role or TeamRole.GUEST)
    else:
        assert entry.role is not None
        await directory.promote(connection, entry.person_id, role or TeamRole.GUEST, entry.role)
        await directory.rename(connection, author)
    if place.chat_kind is not ChatKind.DIRECT and entry.group_space is None:
        await directory.admit_chat(connection, place)
    entry = await directory.find(connection, author, place.chat_id)
    return None if entry.role is TeamRole.REMOVED else _access(place, entry)


def _role(
    door: Doorkeeper, place: Place, author: Author, entry: Entry, given: TeamRole | None
) -> TeamRole | None:
    role = _standing(door, author, entry.role)
    is_raised = place.chat_kind is ChatKind.DIRECT and given and role is not TeamRole.ADMIN
    return given if is_raised else role


def _is_let_in(
    door: Doorkeeper, place: Place, entry: Entry, role: TeamRole | None, given: TeamRole | None
) -> bool:
    if place.chat_kind is ChatKind.DIRECT:
        return role in (TeamRole.ADMIN, TeamRole.MEMBER)
    is_listed = f"{place.platform}:{place.chat_id}" in door.allowed
    return (entry.group_space is not None or is_listed or given is not None) and role is not TeamRole.REMOVED


def _is_written(place: Place, author: Author, entry: Entry, role: TeamRole | None) -> bool:
    """Whether the directory has the person as they are now, and the place."""
    is_placed = place.chat_kind is ChatKind.DIRECT or entry.group_space is not None
    is_named = author.display_name in (entry.display_name, UNNAMED)
    return entry.person_id is not None and entry.role is role and is_named and is_placed


def _access(place: Place, entry: Entry) -> Access:
    is_direct = place.chat_kind is ChatKind.DIRECT
    space_id = entry.person_id if is_direct else entry.group_space
    assert entry.person_id is not None
    assert entry.role is not None
    assert space_id is not None
    return Access(
        entry.person_id,
        entry.role,
        space_id,
        place.conversation_id,
        entry.zone,
        entry.language,
        entry.listens,
        entry.is_news and not is_direct,
        entry.is_aside,
    )


def forget_lately(door: Doorkeeper, event: Event) -> None:
    """The directory no longer says what was found: look it up anew next time."""
    door.lately.pop(_key(event), None)


def _key(event: Event) -> tuple[str, ...]:
    author, place = event.author, event.place
    return (place.platform, place.bot_id, place.chat_id, place.thread_id, author.user_id, author.display_name)


def _standing(door: Doorkeeper, author: Author, role: TeamRole | None) -> TeamRole | None:
    if role is TeamRole.REMOVED:
        return role
    # Whoever holds the terminal's token sits at the operator's machine.
    if author.platform is Platform.TERMINAL:
        return TeamRole.ADMIN
    is_listed = f"{author.platform}:{author.user_id}" in door.allowed
    if role in (None, TeamRole.GUEST) and (is_listed or author.platform is Platform.BENCHMARK):
        return TeamRole.MEMBER
    return role


def _invitation_code(event: Event) -> str | None:
    if not isinstance(event.body, Said) or not event.addressed:
        return None
    return next((word for word in event.body.text.split() if word.startswith("remi-")), None)

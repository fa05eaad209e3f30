"""Who may talk to Remi where. Denied by default."""

from dataclasses import dataclass, replace

from cachetools import TTLCache

from services.assistant.domain import (
    Access,
    ChatKind,
    Commanded,
    Event,
    Platform,
    Said,
    TeamRole,
)
from services.assistant.store import directory
from services.assistant.store.connection import Store, unscoped

HOW_TO_BE_LET_IN = (
    "Hello! I only talk to people I was told about. Ask whoever runs me for an invitation code and send it "
    "to me here, and you are in."
)
HOW_A_GROUP_IS_LET_IN = (
    "Hello! I only talk in groups I was told about. Ask whoever runs me for an invitation code and post it "
    "here in a message to me, and this group is in."
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
    lately = door.lately.get(key)
    if lately is not None:
        return event, lately
    async with unscoped(store) as connection:
        entry = await directory.find(connection, event.author, event.place.chat_id)
        role = _standing(door, event, entry.role)
        is_chat_in = event.place.chat_kind is ChatKind.DIRECT or (
            entry.group_space is not None or f"{event.place.platform}:{event.place.chat_id}" in door.allowed
        )
        if code := _invitation_code(event):
            given = await directory.redeem(store, connection, code, entry.person_id)
            if given is not None:
                event = replace(event, body=Commanded("start", ""))
                await directory.log(connection, entry.person_id, "redeem", event.place.chat_id)
                if event.place.chat_kind is ChatKind.DIRECT:
                    role = given if role is not TeamRole.ADMIN else role
                is_chat_in = True
        is_in = role in (TeamRole.ADMIN, TeamRole.MEMBER)
        in_group = event.place.chat_kind is ChatKind.GROUP
        if is_chat_in and (is_in or (in_group and role is not TeamRole.REMOVED)):
            role = role or TeamRole.GUEST
            if entry.person_id is None:
                await directory.add_person(connection, event.author, role)
            else:
                await directory.promote(connection, entry.person_id, role)
                await directory.rename(connection, event.author)
            if in_group:
                await directory.admit_chat(connection, event.place)
            entry = await directory.find(connection, event.author, event.place.chat_id)
            assert entry.person_id is not None
            assert entry.role is not None
            space_id = entry.group_space if in_group else entry.person_id
            assert space_id is not None
            access = Access(entry.person_id, entry.role, space_id, event.place.conversation_id)
            door.lately[key] = access
            return event, access
    if not event.addressed or not await directory.tell_stranger(store, event.place, event.author):
        return Denied("")
    return Denied(HOW_A_GROUP_IS_LET_IN if in_group else HOW_TO_BE_LET_IN)


def forget_lately(door: Doorkeeper, event: Event) -> None:
    """The directory no longer says what was found: look it up anew next time."""
    door.lately.pop(_key(event), None)


def _key(event: Event) -> tuple[str, ...]:
    author, place = event.author, event.place
    return (place.platform, place.bot_id, place.chat_id, place.thread_id, author.user_id, author.display_name)


def _standing(door: Doorkeeper, event: Event, role: TeamRole | None) -> TeamRole | None:
    if role is TeamRole.REMOVED:
        return role
    # Whoever holds the terminal's token sits at the operator's machine.
    if event.author.platform is Platform.TERMINAL:
        return TeamRole.ADMIN
    is_listed = f"{event.author.platform}:{event.author.user_id}" in door.allowed
    if role in (None, TeamRole.GUEST) and (is_listed or event.author.platform is Platform.BENCHMARK):
        return TeamRole.MEMBER
    return role


def _invitation_code(event: Event) -> str | None:
    if not isinstance(event.body, Said) or not event.addressed:
        return None
    return next((word for word in event.body.text.split() if word.startswith("remi-")), None)

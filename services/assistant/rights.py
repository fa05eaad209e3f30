"""Whose memory is whose: in a direct talk all of it is the person's, in a group each has what they said.

An admin of a group's chat is in charge of all of the group's. What was derived from a message goes with it
when it is forgotten, whoever else it was learned from. What was shared with the team is its sharer's.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from services.assistant.domain import TEAM_SPACE, Author, ChatKind, Place, TeamRole, Turn
from services.assistant.store import conversations, directory
from services.assistant.store.connection import Connection


@dataclass(frozen=True, slots=True)
class Asker:
    """Somebody who asks for something to be done to the memory of a space."""

    person_id: UUID
    space_id: UUID
    is_in_charge: bool


def asker(person_id: UUID, space_id: UUID, place: Place, author: Author) -> Asker:
    """`space_id` is the place's own."""
    return Asker(person_id, space_id, place.chat_kind is ChatKind.DIRECT or author.is_chat_admin)


def asker_of(turn: Turn) -> Asker:
    """Who gave the command or pressed the button, in the turn's own space."""
    newest = turn.newest
    return asker(newest.person_id, turn.space_id, newest.event.place, newest.event.author)


async def asker_in(connection: Connection, turn: Turn, space_id: UUID) -> Asker:
    """The same in any space that the turn sees: of the team's, an admin of the team is in charge."""
    if space_id != TEAM_SPACE:
        return asker_of(turn)
    role = await directory.role(connection, turn.newest.person_id)
    return Asker(turn.newest.person_id, TEAM_SPACE, role is TeamRole.ADMIN)


def is_direct(turn: Turn) -> bool:
    return turn.newest.event.place.chat_kind is ChatKind.DIRECT


async def not_theirs(
    connection: Connection, who: Asker, message_ids: Collection[UUID], memory_ids: Collection[UUID]
) -> frozenset[UUID]:
    """Which of these the asker may not have erased: said by, or learned from, somebody else."""
    if who.is_in_charge:
        return frozenset()
    return await conversations.of_others(connection, who.space_id, who.person_id, message_ids, memory_ids)

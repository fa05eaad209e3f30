"""Whose memory is whose: in a direct talk all of it is the person's, in a group each has what they said.

An admin of a group's chat is in charge of all of the group's. What was derived from a message goes with it
when it is forgotten, whoever else it was learned from.
"""

from collections.abc import Collection
from dataclasses import dataclass
from uuid import UUID

from services.assistant.domain import Author, ChatKind, Place
from services.assistant.store import conversations
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


async def not_theirs(
    connection: Connection, who: Asker, message_ids: Collection[UUID], memory_ids: Collection[UUID]
) -> frozenset[UUID]:
    """Which of these the asker may not have erased: said by, or learned from, somebody else."""
    if who.is_in_charge:
        return frozenset()
    return await conversations.of_others(connection, who.space_id, who.person_id, message_ids, memory_ids)

"""Conversations and whose messages stand in them. Every call wants a connection in scope of the space."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from services.assistant.domain import Access, Author, Message, Place, Role
from services.assistant.store.connection import Connection
from services.assistant.store.queries import load

SQL = load("conversations")


async def begin_topic(connection: Connection, space_id: UUID, conversation_id: UUID) -> None:
    """Let recent talk begin after what was said so far."""
    await connection.execute(SQL["begin_topic"], space_id, conversation_id)


async def count_messages(connection: Connection, space_id: UUID) -> int:
    """How many messages of people a space holds, edited ones once."""
    return int(await connection.fetchval(SQL["count_messages"], space_id))


async def of_others(
    connection: Connection,
    space_id: UUID,
    person_id: UUID,
    message_ids: Collection[UUID],
    memory_ids: Collection[UUID],
) -> frozenset[UUID]:
    """Of these, the messages that the person did not say and the memories that came from others too."""
    rows = await connection.fetch(SQL["of_others"], space_id, person_id, list(message_ids), list(memory_ids))
    return frozenset(row["id"] for row in rows)


async def said(
    connection: Connection, spaces: Sequence[UUID], message_ids: Collection[UUID]
) -> tuple[Message, ...]:
    """Those of these messages that there are, newest first."""
    return tuple(
        Message(
            row["message_id"],
            Role(row["role"]),
            row["author_name"],
            row["text"],
            row["sent_at"],
            row["person_id"],
        )
        for row in await connection.fetch(SQL["said"], spaces, list(message_ids))
    )


async def behind(
    connection: Connection, space_id: UUID, conversation_id: UUID, platform_message_id: str
) -> UUID | None:
    """Our id of a message of the platform's, or of the reply that it is a part of; None if none is kept."""
    message_id: UUID | None = await connection.fetchval(
        SQL["behind"], space_id, conversation_id, platform_message_id
    )
    return message_id


async def newest_reply(connection: Connection, space_id: UUID, conversation_id: UUID) -> UUID | None:
    """Remi's last reply of a conversation that is kept."""
    message_id: UUID | None = await connection.fetchval(SQL["newest_reply"], space_id, conversation_id)
    return message_id


async def platform_ids(
    connection: Connection, spaces: Sequence[UUID], message_ids: Collection[UUID]
) -> dict[UUID, str]:
    """The platform's ids of these messages; imported ones have none."""
    rows = await connection.fetch(SQL["platform_ids"], spaces, list(message_ids))
    return {row["message_id"]: row["platform_message_id"] for row in rows}


async def note(
    connection: Connection,
    place: Place,
    author: Author,
    access: Access,
    text: str,
    now: datetime,
    message_id: UUID | None = None,
) -> UUID:
    """Keep something a person said beside the talk, such as a correction; its message's id.

    Under an id that is given, and stands already, nothing is kept anew.
    """
    message_id = message_id or uuid4()
    await connection.execute(
        SQL["note"],
        access.space_id,
        access.conversation_id,
        place.platform,
        place.bot_id,
        place.chat_id,
        place.thread_id,
        place.chat_kind,
        message_id,
        access.person_id,
        author.display_name,
        text,
        now,
    )
    return message_id

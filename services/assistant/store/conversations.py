"""Conversations and whose messages stand in them. Every call wants a connection in scope of the space."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID, uuid4

from services.assistant.domain import Access, Author, Place
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


async def platform_ids(
    connection: Connection, spaces: Sequence[UUID], message_ids: Collection[UUID]
) -> dict[UUID, str]:
    """The platform's ids of these messages; imported ones have none."""
    rows = await connection.fetch(SQL["platform_ids"], spaces, list(message_ids))
    return {row["message_id"]: row["platform_message_id"] for row in rows}


async def note(
    connection: Connection, place: Place, author: Author, access: Access, text: str, now: datetime
) -> UUID:
    """Keep something a person said beside the talk, such as a correction; its message's id."""
    message_id = uuid4()
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

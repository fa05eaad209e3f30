"""A space as lines of JSON, and messages brought back into one."""

import json
from collections.abc import AsyncGenerator, Collection, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from services.assistant.domain import Access, Attachment, Place, Role
from services.assistant.store.connection import Connection, Store, scoped
from services.assistant.store.queries import load

SQL = load("export")

PAGE = 200
"""Records read in one transaction."""


@dataclass(frozen=True, slots=True)
class Told:
    """A message to be added. `is_learned`: what it holds was learned already."""

    message_id: UUID
    conversation_id: UUID
    role: Role
    author_name: str
    text: str
    attachments: tuple[Attachment, ...]
    sent_at: datetime
    reply_to: UUID | None
    replaced_by: UUID | None
    is_learned: bool


async def lines(store: Store, space_id: UUID) -> AsyncGenerator[str, None]:
    """One JSON object a record: messages, memories, reminders. No transaction is open between pages.

    What is learned meanwhile is left out: the messages it came from may be too. Raises StoreUnavailable.
    """
    began = datetime.now(UTC)
    conversation_id, position = UUID(int=0), 0
    while True:
        async with scoped(store, [space_id]) as connection:
            page = await connection.fetch(SQL["messages"], space_id, conversation_id, position, PAGE)
        for row in page:
            yield row["line"]
        if len(page) < PAGE:
            break
        conversation_id, position = page[-1]["conversation_id"], page[-1]["position"]
    learned_at, memory_id = datetime.fromtimestamp(0, UTC), UUID(int=0)
    while True:
        async with scoped(store, [space_id]) as connection:
            page = await connection.fetch(SQL["memories"], space_id, learned_at, memory_id, began, PAGE)
        for row in page:
            yield row["line"]
        if len(page) < PAGE:
            break
        learned_at, memory_id = page[-1]["learned_at"], page[-1]["memory_id"]
    async with scoped(store, [space_id]) as connection:
        reminders = await connection.fetch(SQL["reminders"], space_id)
    for row in reminders:
        yield row["line"]


async def standing(connection: Connection, space_id: UUID, ids: Collection[UUID]) -> frozenset[UUID]:
    """Which of these are ids of messages, memories or reminders of the space."""
    rows = await connection.fetch(SQL["standing"], space_id, list(ids))
    return frozenset(row["id"] for row in rows)


async def add_conversations(
    connection: Connection, access: Access, place: Place, conversations: Sequence[UUID]
) -> None:
    """See to it that these conversations of the place are known."""
    await connection.execute(
        SQL["add_conversations"],
        access.space_id,
        conversations,
        place.platform,
        place.bot_id,
        place.chat_id,
        place.thread_id,
        place.chat_kind,
    )


async def add_messages(
    connection: Connection, access: Access, place: Place, messages: Sequence[Told], worker_after: timedelta
) -> int:
    """Add messages in this order as the person's own; how many are new.

    They are to be indexed and learned from after a while, unless the caller has seen to it.
    """
    conversations = list({message.conversation_id for message in messages})
    await add_conversations(connection, access, place, conversations)
    added: int = await connection.fetchval(
        SQL["add_messages"],
        access.space_id,
        access.person_id,
        [message.message_id for message in messages],
        [message.conversation_id for message in messages],
        [message.role for message in messages],
        [message.author_name for message in messages],
        [message.text for message in messages],
        [json.dumps([asdict(each) for each in message.attachments]) for message in messages],
        [message.sent_at for message in messages],
        [message.reply_to for message in messages],
        [message.replaced_by for message in messages],
        [message.is_learned for message in messages],
        place.route,
        worker_after,
    )
    return added

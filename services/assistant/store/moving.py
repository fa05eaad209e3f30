"""One private space goes into another: the only place where two of them are in scope at once.

Each batch is taken out of the one and put into the other in one transaction. So whatever dies, a row stands
in exactly one of them, and what is left is simply moved later.
"""

from uuid import UUID

from services.assistant.domain import TEAM_SPACE
from services.assistant.store import forgetting
from services.assistant.store.connection import Connection, Store, scoped, unscoped
from services.assistant.store.queries import load

SQL = load("moving")

BATCH = 500
"""Rows moved or erased in one transaction."""

_IN_ORDER = ("turns", "events", "messages", "receipts", "memories")
_SIGNED = ("message", "event", "turn", "reminder", "action")
"""Tables that name a person."""


async def begin(connection: Connection, kept: UUID, gone: UUID) -> None:
    """What may not wait, in the transaction that makes one person of two: talks, and what fires by itself."""
    await forgetting.lock(connection, gone)
    await connection.execute(SQL["conversations"], kept, gone)
    rows = await connection.fetch(SQL["reminded"], gone)
    reminded = [row["message_id"] for row in rows]
    await connection.fetch(SQL["messages"], kept, gone, len(reminded), reminded)
    await connection.execute(SQL["reminders"], kept, gone)


async def some(store: Store, kept: UUID, gone: UUID) -> bool:
    """Move a batch; False when nothing is left to be moved. Raises StoreUnavailable."""
    for name in _IN_ORDER:
        async with scoped(store, [kept, gone]) as connection:
            await forgetting.lock(connection, gone)
            rest = (None,) if name == "messages" else ()
            if await connection.fetch(SQL[name], kept, gone, BATCH, *rest):
                return True
    async with scoped(store, [kept]) as connection:
        await connection.execute(SQL["index"], kept)
    return False


async def erase(store: Store, space_id: UUID) -> bool:
    """Erase a batch of what a space still holds, in every table; False when nothing is left."""
    async with scoped(store, [space_id]) as connection:
        for row in await connection.fetch(SQL["tables"]):
            sql = SQL["erase"].format(table=row["relname"])
            if await connection.fetch(sql, space_id, BATCH):
                return True
        await connection.execute(SQL["unlist"], space_id)
    return False


async def sign(store: Store, kept: UUID, gone: UUID) -> None:
    """In groups, what the one person said is the other's: they are the same. One space after the other."""
    async with unscoped(store) as connection:
        rows = await connection.fetch(SQL["spaces"])
    for space_id in (TEAM_SPACE, *(row["space_id"] for row in rows)):
        async with scoped(store, [space_id]) as connection:
            for table in _SIGNED:
                await connection.execute(SQL["sign"].format(table=table), space_id, kept, gone)

"""The operator's invitation: a one-time code, made at the machine."""

from services.assistant.domain import TeamRole
from services.assistant.store import admin
from services.assistant.store.connection import Store, unscoped


async def invite(store: Store, role: TeamRole) -> str:
    """A code that lets whoever sends it to a bot within a week in as `role`. Raises StoreUnavailable."""
    async with unscoped(store) as connection:
        code, _ = await admin.invite(store, connection, role, by=None)
    return code

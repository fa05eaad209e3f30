"""Row-level security: what the database itself refuses, whatever the service asks."""

from uuid import uuid4

import asyncpg
import pytest

from conftest import Database
from services.assistant.store.connection import Store, connect, scoped, unscoped
from services.errors import SettingsError

UNPROTECTED = {"work", "chat", "undelivered", "sent_again"}
"""Hold ids only, and must be readable before a scope is set."""


async def test_every_table_of_a_space_forces_row_level_security(database: Database) -> None:
    owner = await asyncpg.connect(database.owner_dsn)
    rows = await owner.fetch(
        "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid AND attname = 'space_id'"
        " WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        " AND NOT (relrowsecurity AND relforcerowsecurity)"
    )
    await owner.close()
    assert {row["relname"] for row in rows} == UNPROTECTED


async def test_an_unset_scope_sees_and_writes_nothing(store: Store) -> None:
    space, conversation = uuid4(), uuid4()
    insert = "INSERT INTO conversation VALUES ($1, $2, 'terminal', 'b', 'c', '', 'direct')"
    async with scoped(store, [space]) as connection:
        await connection.execute(insert, space, conversation)
    async with unscoped(store) as connection:
        assert await connection.fetch("SELECT * FROM conversation") == []
    async with scoped(store, [uuid4()]) as connection:
        assert await connection.fetch("SELECT * FROM conversation") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with scoped(store, [uuid4()]) as connection:
            await connection.execute(insert, uuid4(), conversation)


async def test_the_owner_role_is_refused_as_application_role(database: Database) -> None:
    with pytest.raises(SettingsError, match="row-level security"):
        await connect(database.owner_dsn, b"secret")

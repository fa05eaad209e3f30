"""Row-level security: what the database itself refuses, whatever the service asks."""

from collections.abc import Awaitable
from dataclasses import replace
from uuid import UUID, uuid4

import asyncpg
import pytest

from conftest import Database
from services.assistant.store.connection import Store, alone, connect, scoped, unscoped
from services.errors import SettingsError

INSERT = "INSERT INTO conversation VALUES ($1, $2, 'terminal', 'b', 'c', '', 'direct')"
STATEMENTS = {
    "plain": "SELECT conversation_id FROM conversation WHERE conversation_id <> $1",
    "with": "WITH c AS (TABLE conversation) SELECT conversation_id FROM c WHERE conversation_id <> $1",
    "recursive": """-- Counts, too.
-- Of $1: none.
WITH RECURSIVE n AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM n WHERE n < 2)
SELECT conversation_id FROM n JOIN conversation ON conversation_id <> $1 WHERE n = 1""",
    "changes": "UPDATE conversation SET chat_id = 'd' WHERE conversation_id <> $1 RETURNING conversation_id",
}
UNPROTECTED = {"work", "chat", "undelivered", "sent_again", "forgetting"}
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
    async with scoped(store, [space]) as connection:
        await connection.execute(INSERT, space, conversation)
    async with unscoped(store) as connection:
        assert await connection.fetch("SELECT * FROM conversation") == []
    async with scoped(store, [uuid4()]) as connection:
        assert await connection.fetch("SELECT * FROM conversation") == []
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        async with scoped(store, [uuid4()]) as connection:
            await connection.execute(INSERT, uuid4(), conversation)


@pytest.mark.parametrize("is_distributed", [False, True], ids=["", "distributed"])
@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS)
async def test_a_statement_alone_sees_its_spaces_and_leaves_no_scope_behind(
    database: Database, statement: str, is_distributed: bool
) -> None:
    store = replace(await connect(database.app_dsn, b"secret", size=2), is_distributed=is_distributed)
    mine, other = uuid4(), uuid4()
    for space in (mine, other):
        async with alone(store, [space]) as connection:
            await connection.execute(INSERT, space, space)
    for spaces in ([mine], [mine, other], [uuid4()]):
        async with alone(store, spaces) as connection:
            assert await found(connection.fetch(statement, uuid4())) == {mine, other} & set(spaces)
        for begin in (alone, unscoped):
            async with begin(store) as connection:
                assert await found(connection.fetch(statement, uuid4())) == set()
    await store.pool.close()


async def found(rows: Awaitable[list[asyncpg.Record]]) -> set[UUID]:
    return {row["conversation_id"] for row in await rows}


async def test_a_statement_alone_writes_nowhere_else(store: Store) -> None:
    async with alone(store, [uuid4()]) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute(INSERT, uuid4(), uuid4())


async def test_only_what_can_be_redone_does_not_wait_for_the_disk(store: Store) -> None:
    waits = "SELECT current_setting('synchronous_commit')"
    async with alone(store, [uuid4()], durable=False) as connection:
        assert await connection.fetchval(waits) == "off"
    async with alone(store, [uuid4()]) as connection:
        assert await connection.fetchval(waits) == "on"


async def test_the_owner_role_is_refused_as_application_role(database: Database) -> None:
    with pytest.raises(SettingsError, match="row-level security"):
        await connect(database.owner_dsn, b"secret")

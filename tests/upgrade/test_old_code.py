"""A rolling upgrade: the release before runs on the schema of this one."""

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from conftest import Database
from services.assistant.store.migrate import migrate, migrations

PREVIOUS = (Path(__file__).parent / "previous.sql").read_text(encoding="utf-8")
STATEMENTS = dict(re.findall(r"^-- name: (\w+)\n(.*?)(?=^-- name: |\Z)", PREVIOUS, re.MULTILINE | re.DOTALL))
(LAST,) = (int(number) for number in re.findall(r"last migration has the number (\d+)", PREVIOUS))


@pytest.fixture
async def old(postgres: Database) -> AsyncIterator[asyncpg.Connection]:
    """The owner's connection to a database as the release before left it, without any rows."""
    name = f"test_{uuid4().hex}"
    server = await asyncpg.connect(postgres.owner_dsn)
    await server.execute(f"CREATE DATABASE {name}")
    owner = await asyncpg.connect(postgres.owner_dsn.replace("/postgres?", f"/{name}?"))
    for migration in migrations():
        if migration.number <= LAST:
            await owner.execute(migration.sql)
    yield owner
    await owner.close()
    await server.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await server.close()


async def test_every_statement_of_the_release_before_still_stands(
    old: asyncpg.Connection, database: Database
) -> None:
    application = await asyncpg.connect(database.app_dsn)
    # What did not even stand on its own schema is a part, of which the code makes statements.
    fallen = await _fallen(application) - await _fallen(old)
    await application.close()
    assert not fallen


async def _fallen(connection: asyncpg.Connection) -> set[str]:
    """The statements that can't be prepared here."""
    fallen = set()
    for name, sql in STATEMENTS.items():
        try:
            await connection.prepare(sql)
        except asyncpg.PostgresError:
            fallen.add(name)
    assert len(STATEMENTS) - len(fallen) > 80
    return fallen


async def test_columns_stay_and_new_ones_ask_nothing_of_the_release_before(
    old: asyncpg.Connection, database: Database
) -> None:
    new = await asyncpg.connect(database.owner_dsn)
    before, now = [{row["name"]: row for row in await each.fetch(_COLUMNS)} for each in (old, new)]
    await new.close()
    tables = {row["table"] for row in before.values()}
    assert not before.keys() - now.keys(), "went away"
    for name, column in now.items():
        if name in before:
            assert column["type"] == before[name]["type"], name
            assert column["is_nullable"] or not before[name]["is_nullable"], name
        elif column["table"] in tables:
            assert column["is_nullable"] or column["has_default"], name


async def test_constraints_on_what_the_release_before_writes_only_widen(
    old: asyncpg.Connection, database: Database
) -> None:
    new = await asyncpg.connect(database.owner_dsn)
    before, now = [{row["name"]: row for row in await each.fetch(_CONSTRAINTS)} for each in (old, new)]
    columns = {row["name"] for row in await old.fetch(_COLUMNS)}
    tables = {row["table"] for row in await old.fetch(_COLUMNS)}
    indexes = {row["name"] for row in await old.fetch(_UNIQUE)}
    for row in await new.fetch(_UNIQUE):
        # One that holds for some rows only holds for rows that this release alone writes.
        assert row["name"] in indexes or row["table"] not in tables or row["is_partial"], row["name"]
    await new.close()
    for name, constraint in now.items():
        if name not in before:
            assert not columns.issuperset(constraint["columns"]) or constraint["table"] not in tables, name
        elif constraint["definition"] != before[name]["definition"]:
            assert _allowed(constraint["definition"]) > _allowed(before[name]["definition"]), name


def _allowed(definition: str) -> set[str]:
    """The values that a constraint lists."""
    return set(re.findall(r"'([^']*)'", definition))


async def test_who_starts_while_another_migrates_waits_for_it(old: asyncpg.Connection) -> None:
    name = await old.fetchval("SELECT current_database()")
    host = await old.fetchval("SELECT split_part(current_setting('unix_socket_directories'), ',', 1)")
    await old.execute(
        "CREATE TABLE migration (number integer PRIMARY KEY, name text, applied_at timestamptz)"
    )
    await old.execute("INSERT INTO migration SELECT number FROM generate_series(1, $1) AS number", LAST)
    dsn = f"postgresql://postgres:@/{name}?host={host}"
    first, second = await asyncio.gather(migrate(dsn), migrate(dsn))
    assert sorted((len(first), len(second)))[0] == 0
    assert [*first, *second] == [each.name for each in migrations() if each.number > LAST]


_COLUMNS = """
SELECT c.relname AS table, c.relname || '.' || a.attname AS name,
       format_type(a.atttypid, a.atttypmod) AS type, NOT a.attnotnull AS is_nullable,
       a.atthasdef OR a.attidentity <> '' AS has_default
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relkind = 'r' AND c.relnamespace = 'public'::regnamespace AND c.relname <> 'migration'
  AND a.attnum > 0 AND NOT a.attisdropped
"""
_CONSTRAINTS = """
SELECT c.relname AS table, c.relname || '.' || o.conname AS name, pg_get_constraintdef(o.oid) AS definition,
       ARRAY(SELECT c.relname || '.' || a.attname FROM pg_attribute a
             WHERE a.attrelid = c.oid AND a.attnum = ANY (o.conkey)) AS columns
FROM pg_constraint o JOIN pg_class c ON c.oid = o.conrelid
WHERE c.relnamespace = 'public'::regnamespace AND o.contype IN ('c', 'f', 'p', 'u', 'x')
"""
_UNIQUE = """
SELECT c.relname AS table, i.relname AS name, x.indpred IS NOT NULL AS is_partial
FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
WHERE x.indisunique AND c.relnamespace = 'public'::regnamespace
"""

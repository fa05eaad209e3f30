"""What was deleted leaves the files: tables rewritten, statistics made anew, the write-ahead log begun anew.

DELETE only marks rows: their bytes stand in pages, in pg_statistic and in the log until they are overwritten.
"""

import asyncio
import re
from collections.abc import Callable
from dataclasses import dataclass

import asyncpg

from services.errors import RemiError

LOCK_SECONDS = 30
"""How long the purge waits for a table that others use."""
PAUSES = (0.2, 1.0, 5.0, 20.0)
"""Seconds between tries to rewrite a table of which others still see deleted rows."""
_HELD = re.compile(r"([1-9]\d*) dead row versions cannot be removed yet")

_TABLES = """
SELECT format('%I.%I', nspname, relname) AS name, relname AS short
FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind = 'r'
  AND (nspname = 'public'
       OR $1 AND nspname = 'pg_catalog' AND relname IN ('pg_statistic', 'pg_statistic_ext_data'))
ORDER BY nspname DESC, pg_table_size(pg_class.oid)
"""
_NEWEST_LOG_FILE = "SELECT max(name) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$'"
_LOG_FILES = "SELECT count(*) FROM pg_ls_waldir() WHERE name ~ '^[0-9A-F]{24}$' AND name <= $1"
_LOG_FILE_IN_USE = "SELECT pg_walfile_name(pg_current_wal_insert_lsn())"


class InUse(RemiError):
    """Others hold on to deleted rows. The message tells the operator what to do."""


@dataclass(frozen=True, slots=True)
class Purged:
    """What was rewritten. `left`: where old bytes may still stand, as a sentence; or empty."""

    tables: int
    log_files: int
    left: str


async def purge(owner_dsn: str, tell: Callable[[str], None]) -> Purged:
    """Rewrite every table of the schema; as a superuser the statistics and the write-ahead log too.

    A table is locked while it is rewritten, one at a time. `tell` gets a line a step. Raises InUse.
    """
    connection = await asyncpg.connect(owner_dsn)
    try:
        is_superuser = await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        await connection.execute(f"SET lock_timeout = '{LOCK_SECONDS}s'")
        tables = await connection.fetch(_TABLES, is_superuser)
        for number, table in enumerate(tables, 1):
            tell(f"{number} of {len(tables)}: {table['short']}")
            await _rewrite(connection, table["name"], table["short"])
        if not is_superuser:
            left = (
                "This role is no superuser: pg_statistic and the write-ahead log keep old bytes until Postgres "
                "overwrites them, as do its archive and its replicas."
            )
            return Purged(len(tables), 0, left)
        tell("the write-ahead log")
        removed, held = await _renew_log(connection, owner_dsn)
        left = f"{held} old files of the write-ahead log are held by an archive or a replica." if held else ""
        return Purged(len(tables), removed, left)
    finally:
        await connection.close()


async def _rewrite(connection: asyncpg.Connection, table: str, short: str) -> None:
    """VACUUM FULL, again while a transaction elsewhere may still see what was deleted."""
    held: list[str] = []

    def listen(_: object, message: asyncpg.PostgresLogMessage) -> None:
        held.extend(_HELD.findall(message.detail or ""))

    connection.add_log_listener(listen)
    try:
        for pause in (*PAUSES, None):
            held.clear()
            await connection.execute(f"VACUUM (FULL, VERBOSE) {table}")
            if not held:
                break
            if pause is None:
                raise InUse(
                    f"{short}: a transaction elsewhere still sees deleted rows. Stop Remi, and purge again."
                )
            await asyncio.sleep(pause)
    except asyncpg.LockNotAvailableError:
        raise InUse(
            f"{short} is in use for longer than {LOCK_SECONDS} s. Stop Remi, and purge again."
        ) from None
    finally:
        connection.remove_log_listener(listen)
    # A rewritten table has no visibility map, which index-only scans need.
    await connection.execute(f"VACUUM (ANALYZE) {table}")


async def _renew_log(connection: asyncpg.Connection, owner_dsn: str) -> tuple[int, int]:
    """Move the log on past every file, those kept for reuse too; how many went, and how many are held."""
    newest = await connection.fetchval(_NEWEST_LOG_FILE)
    before = await connection.fetchval(_LOG_FILES, newest)
    await connection.execute("ALTER SYSTEM SET wal_recycle = off")
    try:
        await _reload(connection, owner_dsn)
        while await connection.fetchval(_LOG_FILE_IN_USE) <= newest:
            # A switch moves on only if something was written since the last one.
            await connection.fetchval("SELECT pg_logical_emit_message(false, 'remi', 'purge')")
            await connection.fetchval("SELECT pg_switch_wal()")
            # Files behind the checkpoint are removed, none is taken up again under a new name.
            await connection.execute("CHECKPOINT")
        await connection.execute("CHECKPOINT")
    finally:
        await connection.execute("ALTER SYSTEM RESET wal_recycle")
        await connection.execute("SELECT pg_reload_conf()")
    held = await connection.fetchval(_LOG_FILES, newest)
    return before - held, held


async def _reload(connection: asyncpg.Connection, owner_dsn: str) -> None:
    """Have the server read its settings: a new connection sees them once every process was told."""
    await connection.execute("SELECT pg_reload_conf()")
    async with asyncio.timeout(LOCK_SECONDS):
        while True:
            fresh = await asyncpg.connect(owner_dsn)
            try:
                if await fresh.fetchval("SHOW wal_recycle") == "off":
                    return
            finally:
                await fresh.close()
            await asyncio.sleep(0.05)

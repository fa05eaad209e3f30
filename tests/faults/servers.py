"""Postgres for a line: a server of its own, that it may stop and kill."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from conftest import Database
from services.assistant.store.embedded import start_embedded
from services.assistant.store.migrate import migrate


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[Database]:
    """A migrated database on a server that ends with the block."""
    server = await start_embedded(folder / "postgres")
    await migrate(server.owner_dsn)
    yield Database(server.owner_dsn, server.app_dsn)

"""HNSW indexes: left out while a database is filled, then built as they were. The same for each contender."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg

PATIENCE = 600.0
"""Seconds that building one may take."""

_ALL = "SELECT indexname, indexdef FROM pg_indexes WHERE indexdef LIKE '% USING hnsw %'"


@asynccontextmanager
async def without_hnsw(database: str) -> AsyncIterator[None]:
    """The database of this address has none while the block runs; tidied up and analysed afterwards."""
    connection = await asyncpg.connect(database)
    try:
        indexes = await connection.fetch(_ALL)
        for index in indexes:
            await connection.execute(f"DROP INDEX {index['indexname']}")
        yield
        await connection.execute("SET maintenance_work_mem = '1GB'")
        for index in indexes:
            await connection.execute(index["indexdef"], timeout=PATIENCE)
        await connection.execute("VACUUM ANALYZE", timeout=PATIENCE)
    finally:
        await connection.close()

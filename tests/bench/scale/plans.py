"""How Postgres carries a search out on its tenth execution, when it has settled for a plan."""

from pgvector import HalfVector

from services.assistant.store import passages
from services.assistant.store.connection import BY_INDEX, Connection, Store
from services.assistant.store.passages import Asked

EXECUTIONS = 10
_TABLES = (
    "passage",
    "posting",
    "term",
    "space_statistics",
    "message",
    "memory",
    "memory_source",
    "conversation",
)
_EXACT = ("Index Only Scan using passage_near", "Index Only Scan using passage_worded")
_TIERS = ("Index Scan using passage_placed_384", "Index Only Scan using posting_pkey")


async def are_indexed(store: Store, connection: Connection, asked: Asked) -> bool:
    """Whether the statements that answer this go by the indexes that are there for them."""
    settled = await _settled(connection, passages.WHOLE, asked)
    indexed = not _scanned(settled)
    rows = await passages.seen(store, asked)
    if any(row["part"] == "large" for row in rows):
        assert asked.vector is not None
        await connection.execute(BY_INDEX)
        settled = await _settled(connection, passages.searched(1, asked.vector.dimensions(), False), asked)
        indexed &= not _scanned(settled) and all(scan in settled for scan in (*_EXACT, *_TIERS))
    return indexed


async def _settled(connection: Connection, statement: str, asked: Asked) -> str:
    """The plan of a prepared statement on its tenth execution, kept or not as the transaction says."""
    literals = ", ".join(map(_literal, asked.arguments()))
    await connection.execute(f"PREPARE settled AS {statement}")
    for _ in range(EXECUTIONS - 1):
        await connection.execute(f"EXECUTE settled ({literals})")
    rows = await connection.fetch(f"EXPLAIN EXECUTE settled ({literals})")
    await connection.execute("DEALLOCATE settled")
    return "\n".join(row[0] for row in rows)


def _literal(value: object) -> str:
    match value:
        case list():
            return f"'{{{','.join(map(str, value))}}}'"
        case HalfVector():
            return f"'{value.to_list()}'"
    return f"'{value}'"


def _scanned(plan: str) -> bool:
    return any(f"Seq Scan on {table} " in plan for table in _TABLES)

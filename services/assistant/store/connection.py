"""The pool, and the one place where a transaction enters a scope."""

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any, Literal, TypeAlias
from uuid import UUID

import asyncpg
from cachetools import TTLCache
from pgvector.asyncpg import register_vector

from services.errors import SettingsError, StoreUnavailable

Pooled: TypeAlias = "asyncpg.pool.PoolConnectionProxy[asyncpg.Record]"
Connection: TypeAlias = "Pooled | Alone"
Scope: TypeAlias = Literal["scope", "hasty_scope", "indexed_scope"]
"""The types by which a scope is bound with a statement."""

AWAY = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # A line that Postgres has ended is used before its end was seen.
    asyncpg.InternalClientError,
    asyncpg.exceptions.CannotConnectNowError,
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.PostgresSystemError,
)
"""Errors that mean Postgres is away or full, or its disk fails: the same call may work later."""


REFUSED = (asyncpg.InvalidAuthorizationSpecificationError, asyncpg.InvalidCatalogNameError)
"""Errors of a connection that no repetition changes."""

CONNECTION_SECONDS = 8.0
"""The longest that making a connection may take."""
QUERY_SECONDS = 20.0
"""The longest a statement may take: less than a gateway's patience with a call."""
BY_INDEX = "SET LOCAL enable_sort = off"
"""Plan by the orders of indexes: the planner takes every space for small, and would rather sort."""


@dataclass(frozen=True, slots=True)
class Store:
    """Postgres as the application role sees it. `secret` keys what must not be guessed from a digest."""

    pool: asyncpg.Pool
    secret: bytes
    is_distributed: bool = False
    """By Citus, whose workers hear of a scope by SET LOCAL alone."""
    large: TTLCache[UUID, None] = field(default_factory=lambda: TTLCache(maxsize=10_000, ttl=600))
    """Spaces lately found too large to be read whole: their search begins in their tiers."""
    authors: TTLCache[UUID, frozenset[int]] = field(default_factory=lambda: TTLCache(maxsize=10_000, ttl=600))
    """Who spoke in a space when it was last looked up: the dimensions of their names' words."""


async def connect(dsn: str, secret: bytes, size: int = 10) -> Store:
    """Open the pool. Raises StoreUnavailable, or SettingsError for an address or a role that won't do."""
    try:
        pool = await asyncpg.create_pool(
            dsn,
            min_size=2,
            max_size=size,
            init=_prepare,
            reset=_keep,
            timeout=CONNECTION_SECONDS,
            command_timeout=QUERY_SECONDS,
            server_settings=_SERVER_SETTINGS
            | {"idle_in_transaction_session_timeout": f"{QUERY_SECONDS:.0f}s"},
        )
    except ValueError:
        # Without its words: they may quote the password.
        raise SettingsError("DATABASE_URL: can't be read as the address of a database") from None
    except REFUSED as error:
        raise SettingsError("DATABASE_URL: Postgres refuses this role, or has no such database") from error
    except AWAY as error:
        raise StoreUnavailable(f"Postgres does not answer: {type(error).__name__}") from error
    (role,) = await pool.fetch(_ROLE)
    if role["can_bypass"]:
        await pool.close()
        raise SettingsError(
            "DATABASE_URL: this role can bypass row-level security; use the application role remi_app"
        )
    return Store(pool, secret, role["is_distributed"])


async def close(store: Store) -> None:
    """Say goodbye on every connection, and drop those on which Postgres has no word to say to it."""
    try:
        await store.pool.close()
    except TimeoutError:
        store.pool.terminate()


@asynccontextmanager
async def scoped(
    store: Store, spaces: Sequence[UUID], *, durable: bool = True, by_index: bool = False
) -> AsyncIterator[Connection]:
    """A transaction that sees these spaces and no other. Raises StoreUnavailable when Postgres is away.

    The scope is a literal: the ids are UUIDs, so nothing in them can end the string. What is not `durable`
    need not be on disk when the block ends: a crash may take it back whole, so it must be what can be redone.
    `by_index`, statements are planned to go by the orders of indexes: a large space is searched so.
    """
    literal = ",".join(str(UUID(int=space.int)) for space in spaces)
    begin = f"BEGIN; SET LOCAL remi.spaces = '{{{literal}}}'"
    if not durable:
        begin += "; SET LOCAL synchronous_commit = off"
    if by_index:
        begin += f"; {BY_INDEX}"
    async with _transaction(store, begin) as connection:
        yield connection


@asynccontextmanager
async def unscoped(store: Store) -> AsyncIterator[Connection]:
    """A transaction on the tables that belong to no space; of the others it sees nothing."""
    async with _transaction(store, "BEGIN") as connection:
        yield connection


@asynccontextmanager
async def alone(
    store: Store, spaces: Sequence[UUID] = (), *, durable: bool = True, by_index: bool = False
) -> AsyncIterator[Connection]:
    """For one statement, which is a transaction by itself: a round trip instead of three.

    It sees these spaces; without any, the tables that belong to none. The scope is bound with the statement
    and gone with it (docs/decisions/0213). What is not `durable`, and `by_index`, are as for `scoped`.
    """
    if spaces and store.is_distributed:
        async with scoped(store, spaces, durable=durable, by_index=by_index) as connection:
            yield connection
        return
    scope: Scope = "indexed_scope" if by_index else "scope" if durable else "hasty_scope"
    async with _acquired(store) as connection:
        yield Alone(connection, spaces, scope) if spaces else connection


@dataclass(frozen=True, slots=True)
class Alone:
    """A connection on which each statement is a transaction by itself, in the same scope."""

    connection: Pooled
    spaces: Sequence[UUID]
    scope: Scope

    async def fetch(self, query: str, *arguments: object) -> list[asyncpg.Record]:
        return await self.connection.fetch(_bound(query, self.scope), *arguments, self.spaces)

    async def fetchrow(self, query: str, *arguments: object) -> asyncpg.Record | None:
        return await self.connection.fetchrow(_bound(query, self.scope), *arguments, self.spaces)

    async def fetchval(self, query: str, *arguments: object) -> Any:
        return await self.connection.fetchval(_bound(query, self.scope), *arguments, self.spaces)

    async def execute(self, query: str, *arguments: object) -> str:
        return await self.connection.execute(_bound(query, self.scope), *arguments, self.spaces)


@cache
def _bound(query: str, scope: Scope) -> str:
    """The statement with one parameter more, behind its own: the scope in which it runs."""
    number = 1 + max((int(each) for each in _PARAMETER.findall(query)), default=0)
    begins = _BEGINNING.match(query)
    assert begins is not None
    rest = f"{',' if begins['with'] else ''} {query[begins.end() :]}"
    return f"{begins['comments']}{begins['with'] or 'WITH '}scope AS (SELECT ${number}::{scope}){rest}"


_PARAMETER = re.compile(r"\$(\d+)")
_BEGINNING = re.compile(r"(?P<comments>(?:--[^\n]*\n)*)(?P<with>WITH (?:RECURSIVE )?)?")


@asynccontextmanager
async def _transaction(store: Store, begin: str) -> AsyncIterator[Pooled]:
    async with _acquired(store) as connection:
        try:
            await connection.execute(begin)
            yield connection
            await connection.execute("COMMIT")
        except TimeoutError:
            raise
        except BaseException:
            if not connection.is_closed():
                await connection.execute("ROLLBACK")
            raise


@asynccontextmanager
async def _acquired(store: Store) -> AsyncIterator[Pooled]:
    try:
        async with store.pool.acquire() as connection:
            try:
                yield connection
            except TimeoutError:
                # The line is dead, and most likely that of the other connections too.
                connection.terminate()
                await store.pool.expire_connections()
                raise
    except AWAY as error:
        raise StoreUnavailable(f"Postgres is away: {type(error).__name__}") from error


async def _prepare(connection: asyncpg.Connection) -> None:
    await register_vector(connection)


async def _keep(_connection: asyncpg.Connection) -> None:
    """Nothing of ours outlives its transaction: a connection goes back without a query that clears it."""


# Planning a statement anew costs more than running it. Rows are found through indexes: a scan works out the
# policy for each row, and in a database with one space the planner would choose it. Pages are in memory, so a
# covering index is read rather than the table in its order. The vector index is
# walked on until enough of what it brings up lies in the space. Where the line is dead, Postgres should find
# out, and let the rows of the transaction go.
_SERVER_SETTINGS = {
    "application_name": "remi",
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "random_page_cost": "1.1",
    "jit": "off",
    "hnsw.iterative_scan": "relaxed_order",
    "hnsw.ef_search": "160",
    "tcp_keepalives_idle": "15",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
}

_ROLE = """
SELECT rolsuper OR rolbypassrls
    OR EXISTS (SELECT FROM pg_class WHERE relname = 'message' AND pg_has_role(relowner, 'usage'))
    AS can_bypass,
    EXISTS (SELECT FROM pg_extension WHERE extname = 'citus') AS is_distributed
FROM pg_roles WHERE rolname = current_user
"""

"""A line between two services that can be cut, or go dead without a word to either end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal, TypeAlias
from urllib.parse import parse_qs, urlsplit

from conftest import Database

Target: TypeAlias = str | tuple[str, int]
"""A unix socket's path, or a host and port."""
State: TypeAlias = Literal["whole", "cut", "dead"]


@dataclass(slots=True)
class Proxy:
    """Where clients dial instead of the target: `port`, on loopback."""

    target: Target
    port: int = 0
    state: State = "whole"
    _standing: set["_Connection"] = field(default_factory=set)

    def cut(self) -> None:
        """Both ends see every connection break, and new ones are refused."""
        self.state = "cut"
        self.drop()

    def deaden(self) -> None:
        """Half-open: nothing comes through any more, in connections that stand and in new ones, for good."""
        self.state = "dead"
        for connection in self._standing:
            connection.is_dead = True

    def mend(self) -> None:
        """New connections come through; those that went dead stay so."""
        self.state = "whole"

    def drop(self) -> None:
        """Break every connection there is."""
        for connection in list(self._standing):
            connection.abort()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Carry one connection until one of its ends is done with it."""
        connection = _Connection([writer], is_dead=self.state == "dead")
        self._standing.add(connection)
        try:
            if self.state == "cut":
                return
            if connection.is_dead:
                await connection.carry(reader, writer)
                return
            match self.target:
                case str(path):
                    there, back = await asyncio.open_unix_connection(path)
                case host, port:
                    there, back = await asyncio.open_connection(host, port)
            connection.ends.append(back)
            await asyncio.gather(connection.carry(reader, back), connection.carry(there, writer))
        except OSError:
            # The target takes no connection just now; the client sees that this one breaks.
            return
        finally:
            connection.abort()
            self._standing.discard(connection)


@dataclass(slots=True, eq=False)
class _Connection:
    ends: list[asyncio.StreamWriter]
    is_dead: bool

    async def carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        """One way, to the end of the source. An end of a dead connection hears nothing of the other's."""
        with contextlib.suppress(OSError):
            while data := await source.read(1 << 16):
                if not self.is_dead:
                    sink.write(data)
                    await sink.drain()
        if not self.is_dead:
            sink.close()

    def abort(self) -> None:
        for end in self.ends:
            end.transport.abort()


@asynccontextmanager
async def proxy(target: Target) -> AsyncIterator[Proxy]:
    """A proxy to `target` on a loopback port, while the block runs."""
    made = Proxy(target)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
        made.drop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await server.wait_closed()


@asynccontextmanager
async def before_postgres(database: Database) -> AsyncIterator[tuple[Proxy, Database]]:
    """A proxy before a database's server, and the database as the application reaches it that way."""
    parts = urlsplit(database.app_dsn)
    (folder,) = parse_qs(parts.query)["host"]
    async with proxy(f"{folder}/.s.PGSQL.5432") as made:
        dsn = f"postgresql://{parts.username}@127.0.0.1:{made.port}{parts.path}?sslmode=disable"
        yield made, Database(database.owner_dsn, dsn)

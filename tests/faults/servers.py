"""Postgres for a line: a server of its own, that it may stop and kill."""

import asyncio
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import asyncpg

from conftest import Database
from services.assistant.store.embedded import start_embedded
from services.assistant.store.migrate import migrate

PATIENCE = 60.0
"""Seconds that `pg_ctl` may take."""
PASSING = 0.5
"""Seconds that stand for a lease's time in the lines' smallest part."""


@asynccontextmanager
async def postgres(folder: Path) -> AsyncIterator[Database]:
    """A migrated database on a server that ends with the block."""
    server = await start_embedded(folder / "postgres")
    await migrate(server.owner_dsn)
    yield Database(server.owner_dsn, server.app_dsn)


@dataclass(frozen=True, slots=True)
class Switch:
    """What turns the Postgres of a line off and on again, as it was started."""

    data: Path
    postgres: str
    options: str

    async def restart(self) -> None:
        """As after a power cut: nothing is finished or written, and the log is played back."""
        await self._control("restart", "-m", "immediate", "-w")

    async def off(self, mode: Literal["fast", "immediate"] = "fast") -> None:
        await self._control("stop", "-m", mode, "-w")

    async def on(self) -> None:
        await self._control("start", "-w", "-o", self.options)

    async def on_again(self) -> None:
        """As whatever watches over a server does: start it if it ended."""
        if await self._call("status"):
            await self.on()

    async def _control(self, *arguments: str) -> None:
        """Raises RuntimeError if `pg_ctl` says that it did not work."""
        if code := await self._call(*arguments):
            raise RuntimeError(f"pg_ctl {arguments[0]} ended with {code}")

    async def _call(self, *arguments: str) -> int:
        owner = self.data.stat()
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", _AS_OWNER, str(owner.st_uid), str(owner.st_gid)),
            str(Path(self.postgres).with_name("pg_ctl")),
            *("-D", str(self.data), "-s", "-l", str(self.data / "log"), *arguments),
            cwd="/",
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        async with asyncio.timeout(PATIENCE):
            return await process.wait()


def switch(folder: Path) -> Switch:
    """The switch of the server that `postgres(folder)` started."""
    data = folder / "postgres"
    program, *options = shlex.split((data / "postmaster.opts").read_text())
    return Switch(data, program, shlex.join(options))


# Postgres runs as whoever owns its data, never as root. The interpreter's own `user=` forks without exec,
# and gRPC's threads don't survive that: the child died of SIGSEGV now and then.
_AS_OWNER = """
import os, sys
user, group, *command = sys.argv[1:]
if os.getuid() != int(user):
    os.setgroups([])
    os.setgid(int(group))
    os.setuid(int(user))
os.execv(command[0], command)
"""


@asynccontextmanager
async def no_lease_lasts(database: Database) -> AsyncIterator[None]:
    """While the block runs, what the dead hold is free within moments instead of half a minute.

    So is what the living hold, which must not matter: their commits are fenced.
    """
    owner = await asyncpg.connect(database.owner_dsn)

    async def end_leases() -> None:
        while True:
            await owner.execute("UPDATE work SET lease_until = now() WHERE lease_until > now()")
            await asyncio.sleep(PASSING)

    ending = asyncio.create_task(end_leases())
    try:
        yield
    finally:
        ending.cancel()
        await asyncio.wait([ending])
        await owner.close()

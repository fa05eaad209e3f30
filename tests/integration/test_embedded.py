"""The Postgres that Remi brings along stops with its last user, also when another was killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import asyncpg
import pytest

from client import PATIENCE
from services.assistant.store import embedded

USER = """
import asyncio, sys
from pathlib import Path
from services.assistant.store.embedded import start_embedded

asyncio.run(start_embedded(Path(sys.argv[1])))
print("started", flush=True)
sys.stdin.read()
"""


def start(folder: Path) -> "subprocess.Popen[bytes]":
    """A process that uses the server until its standard input ends."""
    user = subprocess.Popen(
        [sys.executable, "-c", USER, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert user.stdout is not None
    assert user.stdout.readline() == b"started\n"
    return user


def test_it_does_not_outlive_its_last_user() -> None:
    with TemporaryDirectory(prefix="remi") as parent:
        Path(parent).chmod(0o755)
        folder = Path(parent) / "postgres"
        killed = start(folder)
        killed.kill()
        killed.communicate()
        assert (folder / "postmaster.pid").exists()

        last = start(folder)
        assert json.loads((folder / ".handle_pids.json").read_text()) == [last.pid]
        last.communicate(b"", timeout=30)
        assert not (folder / "postmaster.pid").exists()


async def test_its_cache_is_enlarged_once_and_not_under_the_feet_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def cache(dsn: str) -> int:
        connection = await asyncpg.connect(dsn)
        size: int = await connection.fetchval("SELECT pg_size_bytes(current_setting('shared_buffers'))")
        await connection.close()
        return size

    with TemporaryDirectory(prefix="remi") as parent:
        os.chmod(parent, 0o755)
        folder = Path(parent) / "postgres"
        monkeypatch.setattr(embedded, "MOST_CACHE", 160 << 20)
        server = await embedded.start_embedded(folder)
        assert await cache(server.owner_dsn) == 160 << 20
        first = _postmaster(folder)
        await embedded.start_embedded(folder)
        assert _postmaster(folder) == first

        other = start(folder)
        monkeypatch.setattr(embedded, "MOST_CACHE", 192 << 20)
        await embedded.start_embedded(folder)
        assert _postmaster(folder) == first
        other.communicate(b"", timeout=30)
        embedded._server(folder).cleanup()


async def test_it_is_started_again_when_it_dies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "WATCH", 0.1)
    with TemporaryDirectory(prefix="remi") as parent:
        os.chmod(parent, 0o755)
        folder = Path(parent) / "postgres"
        server = await embedded.start_embedded(folder)
        watching = asyncio.create_task(embedded.keep_running(folder))
        before = _postmaster(folder)
        os.kill(before, signal.SIGQUIT)
        async with asyncio.timeout(PATIENCE):
            while _postmaster(folder) in (0, before):  # noqa: ASYNC110 - a file tells nobody
                await asyncio.sleep(0.05)
            while (connection := await _connected(server.owner_dsn)) is None:  # noqa: ASYNC110
                await asyncio.sleep(0.05)
        assert await connection.fetchval("SELECT 1") == 1
        await connection.close()
        watching.cancel()
        await asyncio.wait([watching])
        # Its thread may still be on its way out of the start, with the lock that the cleanup takes.
        await asyncio.get_running_loop().shutdown_default_executor()
        embedded._server(folder).cleanup()


def _postmaster(folder: Path) -> int:
    """Its process id; 0 while there is none."""
    file = folder / "postmaster.pid"
    return int(file.read_text().splitlines()[0]) if file.exists() else 0


async def _connected(dsn: str) -> asyncpg.Connection | None:
    try:
        return await asyncpg.connect(dsn)
    except (OSError, asyncpg.PostgresError):
        return None

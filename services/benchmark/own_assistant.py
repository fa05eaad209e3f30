"""An assistant of the benchmark's own, offline unless told otherwise."""

import asyncio
import fcntl
import os
import sys
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

from pydantic import SecretStr

from services.errors import Unavailable
from services.gateway.client import is_serving, open_channel
from services.gateway.process import STOP_SECONDS, end, end_with_parent
from services.gateway.settings import GatewaySettings

START_SECONDS = 120

_ROOT = Path(__file__).parents[2]
# What the environment says of models and databases is meant for the operator's own assistant.
_NOT_PASSED_ON = ("OPENAI_", "DATABASE_", "REMI_")


@asynccontextmanager
async def own_assistant(
    data: Path | None = None, environment: Mapping[str, str] | None = None
) -> AsyncIterator[GatewaySettings]:
    """How to reach it, while the block runs. Raises Unavailable where it does not start.

    Without a data folder it has one that is gone afterwards. In a given one it goes on with what it finds;
    one that a killed process left running there ends first.
    """
    with TemporaryDirectory(prefix="remi-benchmark-") as folder:
        # A socket's path must be short.
        listen = f"unix:{folder}/assistant.sock"
        data = Path(folder) if data is None else data
        settings = GatewaySettings(assistant=listen, data=data)
        log = data / "assistant.log"
        with _lock_of(data) as lock:
            await asyncio.to_thread(_wait_for, lock)
            with log.open("ab") as file:
                process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-m",
                    "services.assistant",
                    # Where no .env file stands.
                    cwd=data,
                    env=_environment(data, listen) | dict(environment or {}),
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=file,
                    stderr=file,
                    # Ctrl-C is for the benchmark, which then stops this.
                    start_new_session=True,
                    preexec_fn=end_with_parent,
                    # It keeps the lock for as long as it lives.
                    pass_fds=[lock.fileno()],
                )
            try:
                await _until_serving(process, settings, log)
                token = (data / "tokens" / "benchmark").read_text(encoding="ascii")
                yield settings.model_copy(update={"gateway_token": SecretStr(token)})
            finally:
                await end(process)


def _lock_of(data: Path) -> BinaryIO:
    data.mkdir(parents=True, exist_ok=True)
    return (data / "lock").open("wb")


def _wait_for(lock: BinaryIO) -> None:
    """Take the lock. Raises Unavailable where another process keeps it."""
    until = time.monotonic() + STOP_SECONDS
    while True:
        try:
            return fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > until:
                raise Unavailable(f"another assistant runs with {lock.name}") from None
        time.sleep(0.1)


def _environment(data: Path, listen: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_NOT_PASSED_ON)}
    return {
        **kept,
        "PYTHONPATH": str(_ROOT),
        "REMI_DATA": str(data),
        "REMI_LISTEN": listen,
        "REMI_LOG_LEVEL": "WARNING",
    }


async def _until_serving(process: asyncio.subprocess.Process, settings: GatewaySettings, log: Path) -> None:
    async with open_channel(settings) as channel:
        try:
            async with asyncio.timeout(START_SECONDS):
                while process.returncode is None:
                    if await is_serving(channel):
                        return
                    await asyncio.sleep(0.05)
        except TimeoutError:
            pass
    raise Unavailable(f"the assistant does not start: {_last_line(log)}")


def _last_line(log: Path) -> str:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it gave no reason"

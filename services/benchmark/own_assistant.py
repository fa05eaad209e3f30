"""An assistant of the benchmark's own: offline, on a data folder that is gone afterwards."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from pydantic import SecretStr

from services.errors import Unavailable
from services.gateway.client import is_serving, open_channel
from services.gateway.settings import GatewaySettings

START_SECONDS = 120
STOP_SECONDS = 30

_ROOT = Path(__file__).parents[2]
# What the environment says of models and databases is meant for the operator's own assistant.
_NOT_PASSED_ON = ("OPENAI_", "DATABASE_", "REMI_")


@asynccontextmanager
async def own_assistant() -> AsyncIterator[GatewaySettings]:
    """How to reach it, while the block runs. Raises Unavailable where it does not start."""
    with TemporaryDirectory(prefix="remi-benchmark-") as folder:
        data = Path(folder)
        settings = GatewaySettings(assistant=f"unix:{data}/assistant.sock", data=data)
        log = data / "assistant.log"
        with log.open("wb") as file:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "services.assistant",
                # Where no .env file stands.
                cwd=data,
                env=_environment(data, settings.assistant),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=file,
                stderr=file,
                # Ctrl-C is for the benchmark, which then stops this.
                start_new_session=True,
            )
        try:
            await _until_serving(process, settings, log)
            token = (data / "tokens" / "benchmark").read_text(encoding="ascii")
            yield settings.model_copy(update={"gateway_token": SecretStr(token)})
        finally:
            await _end(process)


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


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

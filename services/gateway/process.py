"""The frame of a process: settings, logs, signals, exit code; and how a child ends with its parent."""

import asyncio
import contextlib
import ctypes
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

import uvloop

from services import logs
from services.errors import SettingsError
from services.gateway.settings import GatewaySettings, load

STOP_SECONDS = 30
"""How long a child may take to stop by itself."""

S = TypeVar("S", bound=GatewaySettings)

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def run(service: str, settings_type: type[S], serve: Callable[[S], Coroutine[Any, Any, None]]) -> int:
    """Run `serve` until it returns or SIGTERM or SIGINT cancels it; the exit code of the process.

    0 after either, 2 after one line on standard error for a SettingsError.
    """
    try:
        settings = load(settings_type)
        logs.configure(service, settings.log_level)
        uvloop.run(_until_signalled(serve(settings)))
    except SettingsError as error:
        print(f"remi {service}: {error}", file=sys.stderr)
        return 2
    return 0


async def _until_signalled(serving: Coroutine[Any, Any, None]) -> None:
    task = asyncio.create_task(serving)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def end_with_parent() -> None:
    """In a child, before its program begins: should the parent be killed outright, it gets SIGTERM."""
    if sys.platform == "linux":
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


async def end(process: asyncio.subprocess.Process) -> None:
    """Stop a child, if it runs: it is killed if it takes longer than STOP_SECONDS."""
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()

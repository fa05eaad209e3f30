"""Children of the bench: started, waited for, and ended, each within bounds."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import asdict
from pathlib import Path

import grpc

from bench.load import Plan, Seen

START = 60.0
"""Seconds a child may take until it serves."""
WORK = 60.0
"""Seconds the load may take."""
STOP = 30.0

_ROOT = Path(__file__).parents[2]
_PYTHONPATH = os.pathsep.join([str(_ROOT), str(_ROOT / "tests")])


class DidNotRun(Exception):
    """A child failed; says which, and its last line."""


@asynccontextmanager
async def child(
    module: str,
    *arguments: str,
    log: Path,
    environment: Mapping[str, str] | None = None,
    python: Path | str = sys.executable,
    stdin: int = DEVNULL,
) -> AsyncIterator[Process]:
    """`python -m module` while the block runs, where no `.env` is read. Standard error goes to `log`."""
    with log.open("wb") as errors:
        process = await asyncio.create_subprocess_exec(
            python,
            "-m",
            module,
            *arguments,
            cwd=log.parent,
            env={**os.environ, "PYTHONPATH": _PYTHONPATH, **(environment or {})},
            stdin=stdin,
            stdout=PIPE,
            stderr=errors,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), STOP)
            except TimeoutError:
                process.kill()
                await process.wait()


async def first_line(process: Process, log: Path) -> str:
    """What a child says when it serves."""
    assert process.stdout is not None
    line = await asyncio.wait_for(process.stdout.readline(), START)
    if not line:
        raise failure(log)
    return line.decode().strip()


async def until_serving(process: Process, address: str, log: Path) -> None:
    """Wait for a gRPC server."""
    async with grpc.aio.insecure_channel(address) as channel:
        ready = asyncio.create_task(channel.channel_ready())
        ended = asyncio.create_task(process.wait())
        await asyncio.wait([ready, ended], timeout=START, return_when=asyncio.FIRST_COMPLETED)
        is_ready = ready.done()
        ready.cancel()
        ended.cancel()
        await asyncio.wait([ready, ended])
    if not is_ready:
        raise failure(log)


async def load(address: str, token: str, plan: Plan, log: Path) -> list[Seen]:
    """The load as a process of its own."""
    arguments = (address, token, json.dumps(asdict(plan)))
    async with child("bench.load", *arguments, log=log) as process, asyncio.timeout(WORK):
        told, _ = await process.communicate()
    if process.returncode:
        raise failure(log)
    return [Seen(**json.loads(turn)) for turn in told.splitlines()]


async def resident(process: Process) -> float:
    """Memory of a child, in MB."""
    asking = await asyncio.create_subprocess_exec("ps", "-o", "rss=", "-p", str(process.pid), stdout=PIPE)
    told, _ = await asking.communicate()
    return int(told) / 1024


def failure(log: Path) -> DidNotRun:
    """A child's failure, by the last line it wrote."""
    lines = log.read_text(errors="replace").splitlines()
    return DidNotRun(f"{log.stem}: {lines[-1] if lines else 'no word'}")

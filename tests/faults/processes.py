"""Services as processes of their own: forked from one that has imported them, or started cold."""

import asyncio
import contextlib
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

import grpc

from services.gateway.client import is_serving

START = 60.0
"""Seconds a service may take until it serves."""
STOP = 30.0

_ROOT = Path(__file__).parents[2]
PATHS = os.pathsep.join([str(_ROOT), str(_ROOT / "tests")])

Aim: TypeAlias = tuple[str, str, int]
"""A table of points, a point in it, and at which pass the process kills itself there."""


class DidNotStart(Exception):
    """A service ended or stayed silent; with the last line of its log."""


@dataclass(frozen=True, slots=True)
class Running:
    """A service's process. `ended` is set when it has, however it did."""

    pid: int
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def kill(self) -> None:
        """SIGKILL, if it still runs."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)

    async def stop(self) -> None:
        """SIGTERM, and its end; SIGKILL if that takes too long."""
        if not self.ended.is_set():
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)
            try:
                async with asyncio.timeout(STOP):
                    await self.ended.wait()
            except TimeoutError:
                self.kill()
                await self.ended.wait()


@dataclass(frozen=True, slots=True)
class Forge:
    """Where services are started from. `folder` is their working folder, where no `.env` stands."""

    process: asyncio.subprocess.Process
    folder: Path
    started: list[Running] = field(default_factory=list)

    async def start(
        self, service: str, environment: Mapping[str, str], aim: Aim | None = None, *, name: str = ""
    ) -> Running:
        """A service by a fork: it has its imports already. `name` tells its log from those of its like."""
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        order = {
            "service": service,
            "environment": dict(environment),
            "point": aim,
            "folder": str(self.folder),
            "log": str(self.folder / f"{name or service}.log"),
        }
        self.process.stdin.write(json.dumps(order).encode() + b"\n")
        async with asyncio.timeout(START):
            line = await self.process.stdout.readline()
        return self._watched(int(line))

    async def start_cold(self, service: str, environment: Mapping[str, str]) -> Running:
        """A service as an operator starts it."""
        with (self.folder / f"{service}.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"services.{service}",
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": PATHS, **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        return self._watched(process.pid)

    def _watched(self, pid: int) -> Running:
        running = Running(pid)
        loop = asyncio.get_running_loop()
        try:
            descriptor = os.pidfd_open(pid)
        except ProcessLookupError:
            running.ended.set()
            return running

        def ended() -> None:
            loop.remove_reader(descriptor)
            os.close(descriptor)
            running.ended.set()

        loop.add_reader(descriptor, ended)
        self.started.append(running)
        return running


@asynccontextmanager
async def forge(folder: Path, *gateways: str) -> AsyncIterator[Forge]:
    """Start assistants and these gateways while the block runs; all of them end with it."""
    with (folder / "forge.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "faults.forge",
            *gateways,
            cwd=folder,
            env={**os.environ, "PYTHONPATH": PATHS},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    made = Forge(process, folder)
    try:
        async with asyncio.timeout(START):
            if not await process.stdout.readline():
                raise DidNotStart((folder / "forge.log").read_text()[-300:])
        yield made
    finally:
        for running in made.started:
            running.kill()
            await running.ended.wait()
        process.kill()
        await process.wait()


def free_addresses(count: int) -> list[str]:
    """Addresses of this machine where nobody listens; all are held until the last is found."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [f"127.0.0.1:{each.getsockname()[1]}" for each in sockets]


async def until_serving(running: Running, address: str) -> bool:
    """Wait for a gRPC server; False if its process ended before it served."""
    async with grpc.aio.insecure_channel(address) as channel, asyncio.timeout(START):
        while not running.ended.is_set():
            if await is_serving(channel):
                return True
            await asyncio.sleep(0.02)
    return False

"""The bench's side of the protocol: a contender's adapter in a process of its own."""

import asyncio
import json
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.processes import DidNotRun, child, failure, first_line


@dataclass(frozen=True, slots=True)
class Contender:
    """Whose memory is measured: the interpreter that has it, and the adapter to run."""

    name: str
    python: Path
    module: str
    arguments: Sequence[str]


@dataclass(frozen=True, slots=True)
class Answer:
    seconds: float
    result: Any


@dataclass(frozen=True, slots=True)
class Peer:
    """An adapter that runs."""

    name: str
    version: str
    process: Process
    log: Path

    async def call(self, do: str, patience: float, **arguments: object) -> Answer | None:
        """What an operation took and gave; None where this memory lacks it.

        Raises DidNotRun with the error, or the last line of a process that ended; also after `patience`.
        """
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        try:
            self.process.stdin.write(json.dumps({"do": do, **arguments}).encode() + b"\n")
            async with asyncio.timeout(patience):
                await self.process.stdin.drain()
                line = await self.process.stdout.readline()
        except TimeoutError:
            raise DidNotRun(f"{self.name}: {do} took longer than {patience:.0f} s") from None
        except ConnectionError:
            raise failure(self.log) from None
        if not line:
            raise failure(self.log)
        answer = json.loads(line)
        if "error" in answer:
            raise DidNotRun(f"{self.name}: {do}: {answer['error']}")
        return None if answer.get("lacks") else Answer(answer["seconds"], answer["result"])


@asynccontextmanager
async def running(
    contender: Contender, folder: Path, environment: Mapping[str, str] | None = None
) -> AsyncIterator[Peer]:
    """A contender's adapter while the block runs. Raises DidNotRun."""
    log = folder / f"{contender.name}.log"
    async with child(
        contender.module,
        *contender.arguments,
        log=log,
        environment=environment,
        python=contender.python,
        stdin=PIPE,
    ) as process:
        version = json.loads(await first_line(process, log))["result"]
        yield Peer(contender.name, version, process, log)

"""Load: many turns a second with a model that thinks for two seconds, then a burst of more than that.

What it costs: memory, and the time until an event is accepted.
"""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from dataclasses import dataclass, field
from itertools import count, cycle
from pathlib import Path
from statistics import quantiles

import asyncpg
import psutil
from pydantic import SecretStr

from conftest import Database
from faults.line import FULL, Line, Outcome, Size
from faults.processes import PATHS, START, Running, forge, until_serving
from faults.servers import postgres
from faults.talk import Town, request, town
from services.gateway.client import converse
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb

RATE, STEADY = 80, 300
"""Turns a second, for so many seconds."""
BURST, BURST_SECONDS = 500, 30
CROWD = 10_000
"""Conversations that all of it goes over."""
DRAIN = 600.0
"""Seconds until everything must be answered after the burst."""
MOST_MEGABYTES = 700
MOST_WAIT = 50
"""Milliseconds: the 99th percentile of the time to Accepted, outside the burst."""
TOKEN = "the town's"


@dataclass(slots=True)
class Load:
    """Says messages at a rate, without waiting for answers, and takes the time until each is accepted."""

    people: Town
    messages: Iterator[pb.ConverseRequest]
    waits: list[float] = field(default_factory=list)
    said: int = 0

    async def go_on(self, rate: int, seconds: int) -> None:
        now = asyncio.get_running_loop().time
        began = now()
        async with asyncio.TaskGroup() as streams:
            for number in range(rate * seconds):
                await asyncio.sleep(max(0.0, began + number / rate - now()))
                streams.create_task(self._say(next(self.messages)))
        self.said += rate * seconds

    async def _say(self, message: pb.ConverseRequest) -> None:
        now = asyncio.get_running_loop().time
        asked = now()
        async with aclosing(converse(self.people.client, message)) as responses:
            async for response in responses:
                match response.WhichOneof("outcome"):
                    case "accepted":
                        self.waits.append(now() - asked)
                    case "final":
                        await self.people.deliveries.send(response.final.delivery)

    @property
    def p99(self) -> float:
        """Milliseconds."""
        return quantiles(self.waits, n=100)[-1] * 1000


async def run(size: Size, folder: Path) -> Outcome:
    steady, burst, crowd = size.of(STEADY, 3), size.of(BURST_SECONDS, 1), size.of(CROWD, 200)
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres(folder))
        model = await stack.enter_async_context(slow_model(folder))
        smith = await stack.enter_async_context(forge(folder))
        address = f"unix:{folder}/assistant.sock"
        assistant = await smith.start("assistant", _environment(folder, address, database, model))
        await until_serving(assistant, address)
        settings = GatewaySettings(assistant=address, data=folder, gateway_token=SecretStr(TOKEN))
        people = await stack.enter_async_context(town(settings, crowd))
        messages = _messages(people)
        calm, storm = Load(people, messages), Load(people, messages)
        async with _watched(assistant) as megabytes:
            await calm.go_on(RATE, steady)
            await storm.go_on(BURST, burst)
            drained = await _drained(database, calm.said + storm.said)
            await calm.go_on(RATE, max(3, steady // 10))
            drained = drained and await _drained(database, calm.said + storm.said)
        await assistant.stop()
    figure = (
        f"{calm.said:,} turns at {RATE}/s: Accepted p99 {calm.p99:.0f} ms; burst of {storm.said:,} at "
        f"{BURST}/s over {crowd:,} talks: p99 {storm.p99:.0f} ms, {'' if drained else 'NOT '}drained, "
        f"peak {max(megabytes):.0f} MB"
    )
    must = f"under {MOST_MEGABYTES} MB, drained, Accepted p99 under {MOST_WAIT} ms outside the burst"
    # A part of it, on a machine that does other things too, says nothing of times.
    is_swift = calm.p99 < MOST_WAIT or size != FULL
    is_met = drained and is_swift and max(megabytes) < MOST_MEGABYTES
    return Outcome(figure, must, is_met)


@asynccontextmanager
async def slow_model(folder: Path) -> AsyncIterator[str]:
    """The address of a model that thinks for two seconds, in a process of its own."""
    with (folder / "model.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "faults.slow_model",
            env={**os.environ, "PYTHONPATH": PATHS},
            cwd=folder,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=log,
        )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(START):
            address = (await process.stdout.readline()).decode().strip()
        yield address
    finally:
        process.kill()
        await process.wait()


def _environment(folder: Path, address: str, database: Database, model: str) -> dict[str, str]:
    return {
        "REMI_DATA": str(folder / "data"),
        "REMI_LISTEN": address,
        "DATABASE_URL": database.app_dsn,
        "REMI_SECRET": "a secret that only the tests know",
        "REMI_TOKEN_BENCHMARK": TOKEN,
        "OPENAI_BASE_URL": model,
        "OPENAI_API_KEY": "sk-fake",
        "REMI_CHAT_MODEL": "fake-chat",
        "REMI_LOG_LEVEL": "WARNING",
    }


def _messages(people: Town) -> Iterator[pb.ConverseRequest]:
    """Messages without end, by everybody in turn."""
    numbers = count()
    return (request(chat, next(numbers)) for chat in cycle(people.chats))


@asynccontextmanager
async def _watched(assistant: Running) -> AsyncIterator[list[float]]:
    """The memory of the assistant, in MB, every half second while the block runs."""
    process, megabytes = psutil.Process(assistant.pid), list[float]()

    async def watch() -> None:
        while not assistant.ended.is_set():
            megabytes.append(process.memory_info().rss / 1024**2)
            await asyncio.sleep(0.5)

    watching = asyncio.create_task(watch())
    try:
        yield megabytes
    finally:
        watching.cancel()


async def _drained(database: Database, messages: int) -> bool:
    """Whether so many messages come to be answered, each by a turn that is done, delivered and indexed."""
    owner = await asyncpg.connect(database.owner_dsn)
    try:
        async with asyncio.timeout(DRAIN):
            while True:
                answered = await owner.fetchval(
                    "SELECT count(*) FROM event JOIN turn USING (space_id, turn_id)"
                    " WHERE kind = 'message' AND state = 'done'"
                )
                left = await owner.fetchval("SELECT count(*) FROM work WHERE kind <> 'learn'")
                if answered == messages and not left:
                    return True
                await asyncio.sleep(0.5)
    except TimeoutError:
        return False
    finally:
        await owner.close()


LINE = Line("load", run, is_timed=True)

"""What is measured: all contenders by turns, so that a busy machine slows them alike."""

import asyncio
import json
import random
import sys
from asyncio.subprocess import PIPE, Process
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import asyncpg

from bench import queries
from bench.peers.child import Contender, Peer, running
from bench.peers.environments import LOCKS, python_with
from bench.peers.indexes import without_hnsw
from bench.peers.model import DIMENSIONS, Calls
from bench.peers.people import Size, asks, says
from bench.processes import DidNotRun, child, first_line, until_serving

QUESTIONS = 40
"""In each class."""
ASKED = 4
"""People of a class who are asked, and who say more."""
WRITES = 24
"""In each class."""
TURNS = 20
WARM_UP = 3
"""Operations before those that are measured."""
BATCH = 1_000
"""Texts of one fill."""
PATIENCE = 30.0
"""Seconds that an operation may take."""
FILL_PATIENCE = 240.0
"""Seconds that a fill may take."""

FAILURES = (DidNotRun, TimeoutError, asyncpg.PostgresError)
"""What puts a contender out, and nobody else."""

REMI = "remi"
PEERS = ("mem0", "langgraph")


@dataclass(slots=True)
class Measured:
    """What a contender did, by how much a person has to remember. Times are in milliseconds."""

    version: str = ""
    searches: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    exact_searches: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """With every memory of the person compared."""
    writes: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    turns: list[float] = field(default_factory=list)
    recalls: dict[int, list[float]] = field(default_factory=lambda: defaultdict(list))
    """Shares of what exact search finds."""
    hits: dict[int, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """Whether the memory that a question is about was found."""
    calls: dict[str, list[Calls]] = field(default_factory=lambda: defaultdict(list))
    """Of the model, for each search and write; for all turns together, and for the rest that they left."""
    failure: str = ""


@dataclass(frozen=True, slots=True)
class Model:
    """The instant model's process."""

    process: Process
    address: str
    log: Path

    async def count(self) -> Calls:
        """What was asked of it since the last count."""
        assert self.process.stdin is not None
        self.process.stdin.write(b"\n")
        return Calls(**json.loads(await first_line(self.process, self.log)))


@dataclass(frozen=True, slots=True)
class Question:
    text: str
    evidence: str
    """The memory that it is about."""


@dataclass(frozen=True, slots=True)
class Contest:
    """The contenders that run, and what came of it so far. Who fails is out."""

    model: Model
    measured: dict[str, Measured] = field(default_factory=dict)
    peers: dict[str, Peer] = field(default_factory=dict)

    async def each(self, do: Callable[[Peer, Measured], Awaitable[None]]) -> None:
        """Have every contender that still runs do something, one after the other."""
        for name, peer in list(self.peers.items()):
            try:
                await do(peer, self.measured[name])
            except FAILURES as error:
                self.measured[name].failure = str(error) or f"{name}: something took too long"
                del self.peers[name]


async def measure(folder: Path, sizes: Sequence[Size]) -> Mapping[str, Measured]:
    """Start everything, measure, and end it. Raises DidNotRun where the model or Remi does not start."""
    data = folder / "data"
    data.mkdir()
    async with AsyncExitStack() as stack:
        log = folder / "model.log"
        process = await stack.enter_async_context(child("bench.peers.model", log=log, stdin=PIPE))
        model = Model(process, await first_line(process, log), log)
        address = await _assistant(stack, folder, data, model.address)
        databases = {REMI: queries.owner_dsn(data / "postgres")}
        contest = Contest(model)
        ours = (address, str(data), databases[REMI], model.address)
        await _enter(contest, stack, folder, REMI, ours)
        for name in PEERS:
            databases[name] = await _database(databases[REMI], name)
            theirs = (databases[name], model.address, str(DIMENSIONS))
            await _enter(contest, stack, folder, name, theirs)
        await contest.each(lambda peer, _: _fill(peer, databases[peer.name], sizes))
        for size in sizes:
            await _search(contest, size)
        for size in sizes:
            await _write(contest, size)
        await contest.each(
            lambda peer, measured: _talk(contest.model, peer, measured, sizes[len(sizes) // 2])
        )
    return contest.measured


async def _enter(
    contest: Contest, stack: AsyncExitStack, folder: Path, name: str, arguments: Sequence[str]
) -> None:
    """Start a contender's adapter, in the environment that has it."""
    contest.measured[name] = measured = Measured()
    try:
        python = Path(sys.executable)
        if name != REMI:
            python = await asyncio.to_thread(python_with, LOCKS / f"peers-{name}.txt")
        contender = Contender(name, python, f"bench.peers.{name}_adapter", arguments)
        contest.peers[name] = await stack.enter_async_context(running(contender, folder))
        measured.version = contest.peers[name].version
    except FAILURES as error:
        measured.failure = str(error) or f"{name}: does not start"


async def _assistant(stack: AsyncExitStack, folder: Path, data: Path, model: str) -> str:
    """Start ours with its own Postgres; its address."""
    log, address = folder / "assistant.log", f"unix:{folder}/assistant.sock"
    environment = {
        "REMI_DATA": str(data),
        "REMI_LISTEN": address,
        "OPENAI_BASE_URL": model,
        "OPENAI_API_KEY": "sk-fake",
        "REMI_CHAT_MODEL": "instant",
        "REMI_EMBEDDING_MODEL": "instant",
    }
    process = await stack.enter_async_context(child("services.assistant", log=log, environment=environment))
    await until_serving(process, address, log)
    return address


async def _database(owner: str, name: str) -> str:
    """A database of its own on the same server; its address."""
    connection = await asyncpg.connect(owner)
    await connection.execute(f"CREATE DATABASE {name}")
    await connection.close()
    return owner.replace("/postgres?", f"/{name}?")


async def _fill(peer: Peer, database: str, sizes: Sequence[Size]) -> None:
    total = sum(size.memories * size.people for size in sizes)
    print(
        f"{peer.version}: filling with {total:,} memories of {sum(size.people for size in sizes)} people.",
        file=sys.stderr,
    )
    # Its tables may only be made when the first text comes.
    await peer.call("write", PATIENCE, person="first", text="Something to begin with.")
    async with without_hnsw(database):
        for size in sizes:
            for person in size.names():
                for first in range(0, size.memories, BATCH):
                    numbers = range(first, min(first + BATCH, size.memories))
                    texts = [says(person, number) for number in numbers]
                    await peer.call("fill", FILL_PATIENCE, person=person, texts=texts)
        await peer.call("rest", FILL_PATIENCE)


async def _search(contest: Contest, size: Size) -> None:
    chance = random.Random(size.memories)
    for turn in range(-WARM_UP, QUESTIONS):
        person, number = _person(size, turn), chance.randrange(size.memories)
        question = Question(asks(person, number), says(person, number))
        await contest.each(partial(_ask, contest.model, size, person, question, turn >= 0))


async def _ask(
    model: Model, size: Size, person: str, question: Question, counts: bool, peer: Peer, measured: Measured
) -> None:
    arguments = {"person": person, "question": question.text}
    took, found, calls = await _timed(model, peer, "search", **arguments)
    exactly, best, _ = await _timed(model, peer, "search_exactly", **arguments)
    if counts:
        measured.searches[size.memories].append(took)
        measured.exact_searches[size.memories].append(exactly)
        measured.recalls[size.memories].append(len({*best} & {*found}) / max(len(best), 1))
        measured.hits[size.memories].append(question.evidence in found)
        measured.calls["search"].append(calls)


async def _write(contest: Contest, size: Size) -> None:
    texts = [says(_person(size, turn), size.memories + turn) for turn in range(WARM_UP + WRITES)]
    for turn, text in enumerate(texts):
        if turn == WARM_UP:
            await contest.each(_rest)
        await contest.each(partial(_keep, contest.model, size, _person(size, turn), text, turn >= WARM_UP))


async def _keep(
    model: Model, size: Size, person: str, text: str, counts: bool, peer: Peer, measured: Measured
) -> None:
    took, _, calls = await _timed(model, peer, "write", person=person, text=text)
    if counts:
        measured.writes[size.memories].append(took)
        measured.calls["write"].append(calls)


def _person(size: Size, turn: int) -> str:
    names = size.names()
    return names[turn % min(ASKED, len(names))]


async def _rest(peer: Peer, _: Measured) -> None:
    """A class may begin to count as large with the first writes; what that asks for is done once."""
    await peer.call("rest", FILL_PATIENCE)


async def _talk(model: Model, peer: Peer, measured: Measured, size: Size) -> None:
    """Turns without a pause, and what is learned from them afterwards."""
    person = size.names()[-1]
    texts = [says(person, size.memories + 1_000 + number) for number in range(WARM_UP + TURNS)]
    for text in texts[:WARM_UP]:
        await peer.call("turn", PATIENCE, person=person, text=text)
    await peer.call("rest", PATIENCE)
    await model.count()
    for text in texts[WARM_UP:]:
        answer = await peer.call("turn", PATIENCE, person=person, text=text)
        if answer is not None:
            measured.turns.append(1000 * answer.seconds)
    measured.calls["turn"].append(await model.count())
    await peer.call("rest", PATIENCE)
    measured.calls["rest"].append(await model.count())


async def _timed(model: Model, peer: Peer, do: str, **arguments: str) -> tuple[float, list[str], Calls]:
    """Milliseconds of an operation, what it found, and its model calls."""
    await model.count()
    answer = await peer.call(do, PATIENCE, **arguments)
    if answer is None:
        raise DidNotRun(f"{peer.name}: has no {do}")
    return 1000 * answer.seconds, answer.result or [], await model.count()

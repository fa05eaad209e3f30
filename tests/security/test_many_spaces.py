"""Two hundred people with two hundred secrets each ask for one another's: of Remi, and of each of its walls.

One wall is the database's row-level security, the other are the filters in our statements. Each is shown to
hold alone.
"""

import asyncio
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from pgvector.asyncpg import register_vector

from conftest import SECRET, Database, new_database
from fakes.openai import FakeOpenAI
from remembering import BUDGET, Talk, models
from services.assistant.domain import TEAM_SPACE, MemoryKind, Recollection
from services.assistant.index import promote
from services.assistant.model import Embedder
from services.assistant.recall import Query, recall
from services.assistant.store import memories, passages
from services.assistant.store.connection import Store, connect, scoped
from talk import NOON

PEOPLE = 200
SECRETS = 200
A_MESSAGE = 10
"""Secrets in one message."""
ASKED = 10_000
TOGETHER = 4

# Ten thousand recalls are a matter of minutes where the machine is slow.
pytestmark = pytest.mark.timeout(600)

_MARK = re.compile(r"vault(\d+)x\d+")


@dataclass(frozen=True, slots=True)
class Town:
    database: Database
    spaces: Sequence[UUID]
    """By the number of the person."""


def secret(person: int, number: int) -> str:
    return f"My code for door {number} is vault{person}x{number}."


@pytest.fixture(scope="module")
def town(postgres: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Town]:
    with asyncio.Runner() as runner:
        opened = new_database(postgres)
        database = runner.run(opened.__aenter__())
        yield runner.run(inhabited(database, tmp_path_factory.mktemp("town")))
        runner.run(opened.__aexit__(None, None, None))


async def inhabited(database: Database, folder: Path) -> Town:
    store = await connect(database.app_dsn, SECRET, size=TOGETHER)
    async with FakeOpenAI() as fake, models(fake, folder) as opened:
        talks = [Talk(store, opened) for _ in range(PEOPLE)]
        await in_lanes(lambda person: move_in(talks[person], person), range(PEOPLE))
    await store.pool.close()
    return Town(database, [talk.space_id for talk in talks])


async def move_in(talk: Talk, person: int) -> None:
    await talk.begin()
    for first in range(0, SECRETS, A_MESSAGE):
        said = [secret(person, number) for number in range(first, first + A_MESSAGE)]
        message_id = await talk.say(" ".join(said))
    async with scoped(talk.store, [talk.space_id]) as connection:
        for kind, text in zip(MemoryKind, said, strict=False):
            await memories.insert(connection, talk.space_id, uuid4(), kind, text, NOON, [(message_id, text)])
    await talk.index()


async def in_lanes(work: Callable[[int], Coroutine[Any, Any, None]], numbers: Iterable[int]) -> None:
    """Do this for each number, TOGETHER at a time."""
    waiting = iter(numbers)

    async def lane() -> None:
        for number in waiting:
            await work(number)

    async with asyncio.TaskGroup() as lanes:
        for _ in range(TOGETHER):
            lanes.create_task(lane())


@pytest.fixture
async def embedder(tmp_path: Path) -> AsyncIterator[Embedder]:
    async with FakeOpenAI() as fake, models(fake, tmp_path) as opened:
        yield opened.embedder


@pytest.fixture
async def store(town: Town) -> AsyncIterator[Store]:
    """As the service sees the database."""
    opened = await connect(town.database.app_dsn, SECRET, size=TOGETHER)
    yield opened
    await opened.pool.close()


@pytest.fixture
async def unwalled(town: Town) -> AsyncIterator[Store]:
    """As a role whom row-level security does not bind."""
    pool = await asyncpg.create_pool(town.database.owner_dsn, init=register_vector, min_size=1, max_size=4)
    yield Store(pool, SECRET)
    await pool.close()


async def test_nobody_finds_what_another_said(town: Town, store: Store, embedder: Embedder) -> None:
    assert await seen(town, store, embedder) == Seen(own=ASKED, others=0)


async def test_nobody_does_with_the_filters_gone_from_our_statement(
    town: Town, store: Store, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages, "WHOLE", without_filters(passages.WHOLE))
    assert await seen(town, store, embedder) == Seen(own=ASKED, others=0)


async def test_nobody_does_with_row_level_security_gone(
    town: Town, unwalled: Store, embedder: Embedder
) -> None:
    assert await seen(town, unwalled, embedder, 2_000) == Seen(own=2_000, others=0)


async def test_with_both_gone_everybody_would(
    town: Town, unwalled: Store, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(passages, "WHOLE", without_filters(passages.WHOLE))
    assert (await seen(town, unwalled, embedder, 20)).others > 0


@pytest.fixture
async def tiers(town: Town, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every space is in the tiers of large ones, and searched there."""
    monkeypatch.setattr(passages, "LARGE", 0)
    monkeypatch.setattr(passages, "FAR", 0)
    monkeypatch.setattr(passages, "WHOLE", passages.WHOLE.replace("passages > 2000", "passages > 0"))

    async def move(person: int) -> None:
        while await promote(store, town.spaces[person], waiting=1):
            pass

    await in_lanes(move, range(PEOPLE))


@pytest.mark.usefixtures("tiers")
async def test_nobody_does_in_large_spaces_with_the_filters_gone(
    town: Town, store: Store, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful = without_filters(passages.searched(2, embedder.dimensions, False))
    monkeypatch.setattr(passages, "searched", lambda *_: forgetful)
    assert await seen(town, store, embedder, 500) == Seen(own=500, others=0)


@pytest.mark.usefixtures("tiers")
async def test_nobody_does_in_large_spaces_with_row_level_security_gone(
    town: Town, unwalled: Store, embedder: Embedder
) -> None:
    assert await seen(town, unwalled, embedder, 500) == Seen(own=500, others=0)


@dataclass(frozen=True, slots=True)
class Seen:
    """How many answers held secrets of the asker's own, and how many another's."""

    own: int
    others: int


async def seen(town: Town, store: Store, embedder: Embedder, asked: int = ASKED) -> Seen:
    """Somebody asks for another's secret, word for word, so many times."""
    chance = random.Random(7)
    pairs = [chance.sample(range(PEOPLE), 2) for _ in range(asked)]
    texts = [secret(other, chance.randrange(SECRETS)) for _, other in pairs]
    vectors = await embedder.embed(texts)
    found: Counter[str] = Counter()

    async def ask(number: int) -> None:
        asker, _ = pairs[number]
        spaces = (town.spaces[asker], TEAM_SPACE)
        query = Query(texts[number], spaces, NOON, BUDGET, vector=vectors[number])
        whose = {int(mark) for mark in _MARK.findall(all_text(await recall(store, embedder, query)))}
        found.update(own=asker in whose, others=bool(whose - {asker}))

    await in_lanes(ask, range(asked))
    return Seen(found["own"], found["others"])


def all_text(recollection: Recollection) -> str:
    """Everything that a prompt or a trace could take from it."""
    return repr(recollection)


def without_filters(statement: str) -> str:
    """Our statement, as if whoever wrote it had forgotten about spaces.

    But where one row is asked for: there it would fail.
    """
    one_row = r"(?<!FROM asked WHERE )(?<!promoted FROM space_statistics WHERE )"
    forgetful, removed = re.subn(
        one_row + r"\b(\w+\.)?space_id = (ANY \(\$1::uuid\[\]\)|\(\$1::uuid\[\]\)\[[12]\])", "true", statement
    )
    assert removed >= 8
    return forgetful

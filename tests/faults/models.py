"""A model in every kind of trouble: cut after each chunk, errors, silence, nonsense, again and again.

The endpoint fails each turn some times before it answers it. Some people press "Try again", all talk on.
"""

import asyncio
import random
import re
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import asyncpg

from client import Gateway, gateway
from conftest import SECRET, Assistant, Database, thinks_with
from fakes.openai import Body, FakeOpenAI, Step
from faults.line import Line, Outcome, Size
from faults.servers import postgres
from services.assistant import fallover
from services.assistant.__main__ import running
from services.assistant.settings import Settings, gateway_tokens
from services.assistant.turn import MODEL_IS_AWAY
from services.stubs.assistant.v1 import assistant_pb2 as pb

HALF = "Half of an answer that never ends"
PIECES = 6
CHUNKS = PIECES + 3
"""With the one that names the role, the one with the finish reason, and the usage."""
FAULTS = (
    *(Step(text=HALF, pieces=PIECES, cut_after=sent) for sent in range(CHUNKS)),
    *(Step(text=HALF, pieces=PIECES, error_after=sent) for sent in range(CHUNKS)),
    *(Step(text=HALF, pieces=PIECES, hang_after=sent) for sent in (0, 1, 4)),
    *(Step(status=status) for status in (408, 409, 429, 500, 502, 503, 504, 529)),
    *(Step(status=status) for status in (401, 403, 404)),
    Step(status=429, retry_after=0.05),
    Step(status=503, retry_after=0.05),
    Step(text=HALF, finish=""),
    Step(text=""),
    Step(raw="<html>Bad gateway</html>"),
    Step(raw='{"choices": ['),
)
PEOPLE = 20
MOST_FAULTS = 5
"""Of one turn, in a row."""
LONGEST = 300.0
"""Seconds until everything is answered, once everybody has spoken."""


@dataclass(slots=True)
class Trouble:
    """What the endpoint does to each question before it answers it."""

    chance: random.Random
    planned: dict[str, deque[Step]] = field(default_factory=dict)
    served: Counter[int] = field(default_factory=Counter)
    is_over: bool = False

    def plan(self, question: str, number: int) -> None:
        """Every fault comes first for some question."""
        more = self.chance.choices(range(len(FAULTS)), k=self.chance.randrange(MOST_FAULTS))
        self.planned[question] = deque(FAULTS[index] for index in (number % len(FAULTS), *more))

    def reply(self, body: Body) -> Step:
        if body["model"] == "fake-memory":
            whole = Step(text='{"memories": []}')
            return whole if self.is_over else self.chance.choice([*FAULTS[-6:], *[whole] * 6])
        for question in re.findall(r"What of (c\d+q\d+)", str(body["messages"])):
            if self.planned[question]:
                fault = self.planned[question].popleft()
                self.served[FAULTS.index(fault)] += 1
                return fault
        return Step(text="A whole answer, to its end.", pieces=PIECES)


@dataclass(slots=True)
class Seen:
    """What reached the people, by the delivery's id, so that sending one again counts once."""

    apologies: dict[str, str] = field(default_factory=dict)

    def take(self, delivery: pb.Delivery) -> None:
        if delivery.text == MODEL_IS_AWAY:
            self.apologies[delivery.delivery_id] = delivery.turn_id


async def run(size: Size, folder: Path) -> Outcome:
    turns = size.of(1000, 60)
    trouble, seen = Trouble(random.Random(turns)), Seen()
    async with postgres(folder) as database, FakeOpenAI() as model:
        model.reply = trouble.reply
        # Nobody waits long; how long to wait, and when to rest, is shown by test_fallover.py.
        with patch.multiple(fallover, FIRST_WAIT=0.02, REST=0.001, LONGEST_REST=0.001):
            async with _assistant(database, model, folder) as assistant, gateway(assistant) as telegram:
                standing = asyncio.create_task(_receive(telegram, seen))
                async with asyncio.TaskGroup() as people:
                    for person in range(PEOPLE):
                        questions = range(person, turns, PEOPLE)
                        people.create_task(_talk(telegram, person, questions, trouble, seen))
                await _drained(database, "turn", "retry")
                trouble.is_over = True
                await _drained(database, "turn", "retry", "deliver", "index", "learn")
                standing.cancel()
                await asyncio.wait([standing])
        found = await _found(database, turns, seen)
    unserved = len(FAULTS) - len(trouble.served)
    figure = (
        f"{turns} turns, {trouble.served.total()} faults of {len(trouble.served)} kinds, "
        f"{len(seen.apologies)} parked: " + ", ".join(f"{count} {what}" for what, count in found.items())
    )
    must = "0 lost, 0 partial memories, one apology a turn"
    return Outcome(figure, must, met=not any(found.values()) and not unserved and bool(seen.apologies))


@asynccontextmanager
async def _assistant(database: Database, model: FakeOpenAI, folder: Path) -> AsyncIterator[Assistant]:
    address = f"unix:{folder}/assistant.sock"
    settings = Settings.model_validate(
        {
            "data": folder,
            "listen": address,
            "database_url": database.app_dsn,
            "secret": SECRET.decode(),
            "drain_seconds": 5,
            "allow": frozenset(f"telegram:{1000 + person}" for person in range(PEOPLE)),
            "first_token_seconds": 0.5,
            "between_tokens_seconds": 0.5,
            "memory_model": "fake-memory",
            **thinks_with(model),
        }
    )
    tokens = {platform: token for token, platform in gateway_tokens(settings).items()}
    async with running(settings) as remi:
        yield Assistant(remi, address, tokens)


async def _talk(telegram: Gateway, person: int, questions: range, trouble: Trouble, seen: Seen) -> None:
    user = str(1000 + person)
    chance = random.Random(person)
    for number in questions:
        question = f"c{person}q{number}"
        trouble.plan(question, number)
        last = (await telegram.converse(telegram.request(f"What of {question}?", user=user)))[-1]
        if last.WhichOneof("outcome") != "final":
            continue
        delivery = last.final.delivery
        seen.take(delivery)
        await telegram.acknowledge(delivery)
        if delivery.text == MODEL_IS_AWAY and chance.random() < 0.5:
            for _ in range(chance.choice((1, 2))):
                await telegram.press(delivery, "Try again", user=user)


async def _receive(telegram: Gateway, seen: Seen) -> None:
    """Take what no stream carries, for as long as the gateway stands."""
    async with telegram.deliver() as items:
        while True:
            item = await items.get()
            if item.HasField("delivery"):
                seen.take(item.delivery)
                await telegram.acknowledge(item.delivery)


async def _drained(database: Database, *kinds: str) -> None:
    """Let work of these kinds that waits for later come now, until none is left. Raises TimeoutError."""
    owner = await asyncpg.connect(database.owner_dsn)
    try:
        async with asyncio.timeout(LONGEST):
            while await owner.fetchval("SELECT count(*) FROM work WHERE kind = ANY ($1)", kinds):
                await owner.execute(
                    "UPDATE work SET due_at = now()"
                    " WHERE kind = ANY ($1) AND lease_until IS NULL AND due_at > now()",
                    kinds,
                )
                await asyncio.sleep(0.2)
    finally:
        await owner.close()


async def _found(database: Database, turns: int, seen: Seen) -> dict[str, int]:
    """What should not be, read from the database and from what people were sent."""
    owner = await asyncpg.connect(database.owner_dsn)
    answered = await owner.fetchval(
        "SELECT count(*) FROM event JOIN turn USING (space_id, turn_id)"
        " WHERE event.kind = 'message' AND turn.state = 'done'"
    )
    partial = await owner.fetchval(
        "SELECT count(*) FROM message WHERE role = 'remi' AND text <> 'A whole answer, to its end.'"
    )
    for table in ("memory", "memory_source", "passage"):
        partial += await owner.fetchval(f"SELECT count(*) FROM {table} t WHERE t::text LIKE '%Half of%'")
    doubled = await owner.fetchval(
        "SELECT count(*) - count(DISTINCT turn_id) FROM message WHERE role = 'remi'"
    )
    told = {
        str(row["turn_id"]) for row in await owner.fetch("SELECT turn_id FROM turn WHERE told_at IS NOT NULL")
    }
    await owner.close()
    apologies = Counter(seen.apologies.values())
    return {
        "lost": turns - answered,
        "partial": partial,
        "answered twice": doubled,
        "told twice": sum(count > 1 for count in apologies.values()),
        "not told": len(told - set(apologies)),
    }


LINE = Line("model faults", run)

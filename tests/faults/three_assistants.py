"""Three assistants on one Postgres die by turns, and the others go on with what they left."""

import asyncio
import random
from collections import Counter
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import asyncpg
from pydantic import SecretStr

from fakes.openai import Body, FakeOpenAI, Step
from faults import points
from faults.assistant_kills import A_KILL, AIMED, DRAIN, TOKEN, assistant_environment
from faults.ledger import settled
from faults.line import SMOKE, Line, Outcome, Size
from faults.processes import Aim, Forge, Running, forge, free_addresses, until_serving
from faults.servers import no_lease_lasts, postgres
from faults.talk import Town, repeat, request, town
from services.assistant.store.work import LEASE
from services.gateway.client import converse
from services.gateway.settings import GatewaySettings

REPLICAS = 3
KILLS = 300
CHATS = 40
"""Conversations of each of the gateways, of which there are as many as assistants."""
LOOK = 0.05
TAKEN_OVER = LEASE.total_seconds() + 2
"""Seconds after which another replica must have gone on with a turn whose worker died."""


@dataclass(slots=True)
class Replica:
    """One of the assistants, at an address of its own."""

    forge: Forge
    environment: dict[str, str]
    name: str
    running: Running | None = None
    aimed: bool = False

    async def start(self, aim: Aim | None = None) -> None:
        self.aimed = aim is not None
        self.running = await self.forge.start("assistant", self.environment, aim, name=self.name)
        await until_serving(self.running, self.environment["REMI_LISTEN"])

    async def die(self, patience: float) -> None:
        """Wait so long for its end, then kill it."""
        assert self.running is not None
        try:
            async with asyncio.timeout(patience):
                await self.running.ended.wait()
        except TimeoutError:
            self.running.kill()
            await self.running.ended.wait()

    @property
    def log(self) -> Path:
        return self.forge.folder / f"{self.name}.log"

    def turns(self) -> int:
        """How many turns it did, by its log."""
        return self.log.read_text().count('"turn_done"')


async def run(size: Size, folder: Path) -> Outcome:
    kills, chats = size.of(KILLS, 6), size.of(CHATS, 4)
    messages = max(2, kills * A_KILL // (REPLICAS * chats))
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres(folder))
        model = await stack.enter_async_context(FakeOpenAI(reply=repeat))
        smith = await stack.enter_async_context(forge(folder))
        addresses = free_addresses(REPLICAS)
        replicas = [
            Replica(
                smith,
                {
                    **assistant_environment(folder, address, database, model),
                    "REMI_LOG_LEVEL": "INFO",
                },
                f"assistant-{number}",
            )
            for number, address in enumerate(addresses)
        ]
        towns = [
            await stack.enter_async_context(
                town(_towards(addresses, number, folder), chats, f"town-{number}")
            )
            for number in range(REPLICAS)
        ]
        talking = asyncio.gather(*(each.talk(chat, messages) for each in towns for chat in each.chats))
        stack.callback(talking.cancel)
        for replica in replicas:
            await replica.start()
        await _kill_by_turns(replicas, towns, kills)
        for each in towns:
            each.let_say(messages * chats)
        async with no_lease_lasts(database) if size == SMOKE else nullcontext():
            async with asyncio.timeout(DRAIN):
                await talking
            for each in towns:
                await each.until_answered(messages, DRAIN)
        ledger = await settled(database, [chat for each in towns for chat in each.chats], messages)
        died = sum((points.deaths(replica.log) for replica in replicas), Counter[str]())
        spread = [replica.turns() for replica in replicas]
        took = (
            0.0 if size == SMOKE else await _taken_over(database.owner_dsn, model, replicas, towns, messages)
        )
    figure = (
        f"{kills} kills, {died.total()} of them at {len(died)} named points, over "
        f"{REPLICAS * chats * messages:,} messages: {ledger}; "
        f"{' + '.join(map(str, spread))} turns; left turns taken over within {took:.1f} s"
    )
    is_spread = min(spread) > 0 or size == SMOKE
    is_met = ledger.is_clean and not ledger.repeated and is_spread and took <= TAKEN_OVER
    must = f"0 lost, 0 double turns, 0 out of order; turns of all three; within {TAKEN_OVER:.0f} s"
    return Outcome(figure, must, is_met)


async def _kill_by_turns(replicas: list[Replica], towns: list[Town], kills: int) -> None:
    """Kill one after the other, at each point and at random."""
    chance = random.Random(kills)
    named = list(points.ASSISTANT)
    for number in range(kills):
        replica = replicas[number % REPLICAS]
        towns[number % REPLICAS].let_say(A_KILL)
        await replica.die(AIMED if replica.aimed else chance.uniform(0, 0.5))
        at = named[number // 2 % len(named)]
        await replica.start(("ASSISTANT", at, chance.randrange(1, 5)) if number % 2 else None)


async def _taken_over(
    owner_dsn: str, model: FakeOpenAI, replicas: list[Replica], towns: list[Town], messages: int
) -> float:
    """Kill all while the model thinks; the seconds until every turn that was left runs again."""
    gate, asked = asyncio.Event(), count(1)
    reached = asyncio.Event()

    def think(body: Body) -> Step:
        if next(asked) == len(towns):
            reached.set()
        return Step(gate=gate)

    model.reply = think
    owner = await asyncpg.connect(owner_dsn)
    now = asyncio.get_running_loop().time
    try:
        for replica in replicas:
            await replica.die(0)
            await replica.start()
        async with asyncio.TaskGroup() as streams, asyncio.timeout(2 * TAKEN_OVER):
            for each in towns:
                streams.create_task(_say(each, messages))
            await reached.wait()
            attempts = {row["turn_id"]: row["attempt"] for row in await owner.fetch(_RUNNING)}
            for replica in replicas:
                await replica.die(0)
            died = now()
            for replica in replicas:
                await replica.start()
            left = await owner.prepare(_LEFT)
            while await left.fetchval(list(attempts), list(attempts.values())):  # noqa: ASYNC110
                await asyncio.sleep(LOOK)
            took = now() - died
            gate.set()
    finally:
        gate.set()
        await owner.close()
    return took


async def _say(people: Town, number: int) -> None:
    async for _ in converse(people.client, request(people.chats[0], number, people.bot)):
        pass


def _towards(addresses: list[str], first: int, folder: Path) -> GatewaySettings:
    """A gateway goes to an assistant of its own, and while that is away to the next."""
    order = [*addresses[first:], *addresses[:first]]
    return GatewaySettings(
        assistant=f"ipv4:{','.join(order)}",
        data=folder,
        gateway_token=SecretStr(TOKEN),
        closed_network=True,
    )


_RUNNING = "SELECT turn_id, attempt FROM turn WHERE state = 'running'"
_LEFT = """
SELECT count(*) FROM turn JOIN unnest($1::uuid[], $2::integer[]) AS died (turn_id, attempt) USING (turn_id)
WHERE turn.attempt = died.attempt
"""

LINE = Line("three assistants, one Postgres", run)

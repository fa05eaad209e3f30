"""The assistant dies by SIGKILL, at every named point and at random, while many conversations go on."""

import asyncio
import random
from collections.abc import Mapping
from contextlib import AsyncExitStack, nullcontext
from pathlib import Path

from pydantic import SecretStr

from conftest import Database
from fakes.openai import FakeOpenAI
from faults import points
from faults.ledger import settled
from faults.line import SMOKE, Line, Outcome, Size
from faults.processes import Aim, Forge, forge, until_serving
from faults.servers import no_lease_lasts, postgres
from faults.talk import Town, repeat, town
from services.gateway.settings import GatewaySettings

KILLS = 500
A_KILL = 20
"""Messages said between two kills."""
CHATS = 100
COLD = 20
"""Starts that go through every import."""
TOKEN = "the town's"
LEAST_POINTS = 12
AIMED = 1.2
"""Seconds that a process which is aimed at a point may take to come by it."""
DRAIN = 120.0
"""Seconds until everything must be answered after the last kill: leases run out first."""


async def run(size: Size, folder: Path) -> Outcome:
    kills, chats = size.of(KILLS, 6), size.of(CHATS, 10)
    cold, messages = size.of(COLD, 1), kills * A_KILL // chats
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres(folder))
        model = await stack.enter_async_context(FakeOpenAI())
        model.reply = repeat
        smith = await stack.enter_async_context(forge(folder))
        address = f"unix:{folder}/assistant.sock"
        environment = assistant_environment(folder, address, database, model)
        settings = GatewaySettings(assistant=address, data=folder, gateway_token=SecretStr(TOKEN))
        people = await stack.enter_async_context(town(settings, chats))
        talking = asyncio.gather(*(people.talk(chat, messages) for chat in people.chats))
        await _kill(smith, people, environment, address, kills, cold)
        last = await smith.start("assistant", environment)
        await until_serving(last, address)
        async with no_lease_lasts(database) if size == SMOKE else nullcontext():
            async with asyncio.timeout(DRAIN):
                await talking
            await people.until_answered(messages, DRAIN)
        ledger = await settled(database, people.chats, messages)
        await last.stop()
        died = points.deaths(folder / "assistant.log")
    figure = (
        f"{kills} kills, {died.total()} of them at {len(died)} named points, over {chats * messages:,} "
        f"messages, {cold} cold starts: {ledger}"
    )
    is_met = ledger.is_clean and not ledger.repeated and (len(died) >= LEAST_POINTS or size == SMOKE)
    return Outcome(figure, "0 lost, 0 double turns, 0 out of order", is_met)


def assistant_environment(
    folder: Path, address: str, database: Database, model: FakeOpenAI
) -> Mapping[str, str]:
    """An assistant of the line's own."""
    return {
        "REMI_DATA": str(folder / "data"),
        "REMI_LISTEN": address,
        "DATABASE_URL": database.app_dsn,
        "REMI_SECRET": "a secret that only the tests know",
        "REMI_TOKEN_BENCHMARK": TOKEN,
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": model.api_key,
        "REMI_CHAT_MODEL": "fake-chat",
        "REMI_LOG_LEVEL": "WARNING",
    }


async def _kill(
    smith: Forge, people: Town, environment: Mapping[str, str], address: str, kills: int, cold: int
) -> None:
    """Kill so often, by turns at each point and at random."""
    chance = random.Random(kills)
    named = list(points.ASSISTANT)
    for number in range(kills):
        aim: Aim | None = None
        if cold and number % (kills // cold) == 0:
            running = await smith.start_cold("assistant", environment)
        else:
            if number % 2:
                aim = ("ASSISTANT", named[number // 2 % len(named)], chance.randrange(1, 5))
            running = await smith.start("assistant", environment, aim)
        people.let_say(A_KILL)
        await until_serving(running, address)
        try:
            async with asyncio.timeout(AIMED if aim else chance.uniform(0, 0.5)):
                await running.ended.wait()
        except TimeoutError:
            running.kill()
            await running.ended.wait()


LINE = Line("assistant SIGKILL", run)

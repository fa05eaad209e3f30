"""Postgres restarts as after a power cut, again and again, while many conversations go on."""

import asyncio
import time
from contextlib import AsyncExitStack
from pathlib import Path

from pydantic import SecretStr

from fakes.openai import FakeOpenAI
from faults.assistant_kills import TOKEN, assistant_environment
from faults.ledger import settled
from faults.line import Line, Outcome, Size
from faults.processes import forge, until_serving
from faults.servers import Switch, postgres, switch
from faults.talk import Town, repeat, town
from services.gateway.settings import GatewaySettings

RESTARTS = 20
A_RESTART = 200
"""Messages said around each restart."""
CHATS = 50
WITHIN = 5.0
"""Seconds after a restart within which everything said so far is accepted."""
DRAIN = 120.0


async def run(size: Size, folder: Path) -> Outcome:
    restarts, chats = size.of(RESTARTS, 2), size.of(CHATS, 10)
    messages = restarts * A_RESTART // CHATS
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres(folder))
        model = await stack.enter_async_context(FakeOpenAI())
        model.reply = repeat
        smith = await stack.enter_async_context(forge(folder))
        address = f"unix:{folder}/assistant.sock"
        assistant = await smith.start("assistant", assistant_environment(folder, address, database, model))
        await until_serving(assistant, address)
        settings = GatewaySettings(assistant=address, data=folder, gateway_token=SecretStr(TOKEN))
        people = await stack.enter_async_context(town(settings, chats))
        talking = asyncio.gather(*(people.talk(chat, messages) for chat in people.chats))
        power, slowest = switch(folder), 0.0
        share = chats * messages // restarts
        for number in range(restarts):
            slowest = max(slowest, await _restart(power, people, number * share, share))
        async with asyncio.timeout(DRAIN):
            await talking
        await people.until_answered(messages, DRAIN)
        ledger = await settled(database, people.chats, messages)
        is_alive = not assistant.ended.is_set()
        await assistant.stop()
    figure = (
        f"{restarts} restarts, slowest serving again after {slowest:.1f} s, {chats * messages:,} messages: "
        f"{ledger}"
    )
    return Outcome(
        figure, "0 lost, serving again within 5 s", ledger.is_clean and is_alive and slowest <= WITHIN
    )


async def _restart(power: Switch, people: Town, said: int, share: int) -> float:
    """Say a share of the messages around a restart; seconds from its end until all said is accepted."""
    people.let_say(share // 2)
    await asyncio.sleep(0.1)
    await power.restart()
    back = time.monotonic()
    people.let_say(share - share // 2)
    await people.until_accepted(said + share, DRAIN)
    return time.monotonic() - back


LINE = Line("Postgres immediate restart", run)

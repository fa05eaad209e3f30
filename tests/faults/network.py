"""The network between two services is cut, or goes dead without a word, while many conversations go on."""

import asyncio
import time
from collections.abc import Mapping
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from fakes.openai import FakeOpenAI
from faults.assistant_kills import TOKEN, assistant_environment
from faults.ledger import settled
from faults.line import SMOKE, Line, Outcome, Size
from faults.processes import forge, until_serving
from faults.proxy import Proxy, before_postgres, proxy
from faults.servers import postgres
from faults.talk import Town, repeat, town
from services.gateway.settings import GatewaySettings

AWAY = 30.0
CHATS = 50
A_FAULT = 4
"""Messages of each conversation around a fault."""
MODEL_PATIENCE = 5.0
"""Seconds that the model may be silent."""
NOTICED = 60.0
"""Seconds after which nothing may wait any more for a connection that is dead."""
DRAIN = 180.0


async def run(size: Size, folder: Path) -> Outcome:
    away, chats = max(0.5, AWAY * size.share), size.of(CHATS, 10)
    # A dead connection is noticed within a minute, and a model tried again after half of one: the tests don't
    # have the time.
    faults = ("cut",) if size == SMOKE else ("cut", "dead")
    cables = ("assistant", "Postgres") if size == SMOKE else ("assistant", "Postgres", "model")
    async with AsyncExitStack() as stack:
        database = await stack.enter_async_context(postgres(folder))
        model = await stack.enter_async_context(FakeOpenAI())
        model.reply = repeat
        smith = await stack.enter_async_context(forge(folder))
        address = f"unix:{folder}/assistant.sock"
        line, through = await stack.enter_async_context(before_postgres(database))
        lines: Mapping[str, Proxy] = {
            "assistant": await stack.enter_async_context(proxy(f"{folder}/assistant.sock")),
            "Postgres": line,
            "model": await stack.enter_async_context(proxy(_target(model.base_url))),
        }
        environment = {
            **assistant_environment(folder, address, through, model),
            "OPENAI_BASE_URL": f"http://127.0.0.1:{lines['model'].port}/v1",
            "REMI_FIRST_TOKEN_SECONDS": str(MODEL_PATIENCE),
            "REMI_BETWEEN_TOKENS_SECONDS": str(MODEL_PATIENCE),
        }
        assistant = await smith.start("assistant", environment)
        await until_serving(assistant, address)
        gateway = GatewaySettings(
            assistant=f"127.0.0.1:{lines['assistant'].port}", data=folder, gateway_token=SecretStr(TOKEN)
        )
        people = await stack.enter_async_context(town(gateway, chats))
        messages = A_FAULT * len(faults) * len(cables)
        talking = asyncio.gather(*(people.talk(chat, messages) for chat in people.chats))
        slowest = 0.0
        for number, (fault, cable) in enumerate(product(faults, cables)):
            said = number * chats * A_FAULT
            slowest = max(slowest, await _around(people, lines[cable], fault, away, said, chats * A_FAULT))
            if size == SMOKE:
                await people.until_quiet(DRAIN)
        async with asyncio.timeout(DRAIN):
            await talking
        await people.until_answered(messages, DRAIN)
        ledger = await settled(database, people.chats, messages)
        is_alive = not assistant.ended.is_set()
        await assistant.stop()
    figure = (
        f"{' and '.join(faults)} for {away:.1f} s before {', '.join(cables)}, "
        f"{chats * messages:,} messages: {ledger}, all taken {slowest:.0f} s after it at the latest"
    )
    # What was parked while the model was away is answered after newer ones: order is shown, not asked.
    is_met = not (ledger.lost or ledger.doubled) and is_alive and slowest <= NOTICED
    return Outcome(figure, "no loss, no double, nothing hangs for ever", is_met)


async def _around(people: Town, line: Proxy, fault: str, away: float, said: int, share: int) -> float:
    """Say a share of the messages around a fault; seconds from its end until all of it is accepted."""
    people.let_say(share // 2)
    if fault == "cut":
        line.cut()
    else:
        line.deaden()
    await asyncio.sleep(away)
    line.mend()
    mended = time.monotonic()
    people.let_say(share - share // 2)
    await people.until_accepted(said + share, DRAIN)
    return time.monotonic() - mended


def _target(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    assert parts.hostname is not None
    assert parts.port is not None
    return parts.hostname, parts.port


LINE = Line("network cut 30 s, half-open", run)

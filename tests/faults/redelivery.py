"""Every event comes three times, in any order: to the assistant itself, and polled or posted by Telegram."""

import asyncio
import random
from pathlib import Path

from pydantic import SecretStr

from faults.assistant_kills import TOKEN
from faults.ledger import settled
from faults.line import Line, Outcome, Size
from faults.processes import free_addresses
from faults.scenes import TelegramScene, telegram
from faults.stage import Stage, stage
from faults.talk import Town, request, town
from services.gateway.client import converse
from services.gateway.settings import GatewaySettings

TIMES = 3
EVENTS = 1000
"""Said to the assistant directly. So many come from Telegram, half of them polled and half posted."""
PEOPLE = 40
AT_ONCE = 64


async def run(size: Size, folder: Path) -> Outcome:
    people = size.of(PEOPLE, 5)
    half = size.of(EVENTS, 40) // people // 2
    chance = random.Random(half)
    async with stage(folder, telegram, people) as made:
        gateway = await made.start()
        settings = GatewaySettings(
            assistant=made.environment["REMI_ASSISTANT"], data=folder, gateway_token=SecretStr(TOKEN)
        )
        async with town(settings, people) as direct:
            await _say(direct, 2 * half, chance)
            is_answered = await direct.until_answered(2 * half, 60)
        await _tell(made, half, chance)
        # It may say what it has just sent: only one that dies may have to send it again.
        await gateway.stop()
        made.environment.update(_webhook())
        await made.start()
        await _tell(made, half, chance)
        ledger = await settled(made.database, [*direct.chats, *made.chats], 2 * half)
    # They came in any order, and were answered in that.
    figure = (
        f"{4 * people * half:,} events, each {TIMES} times, directly, polled and posted: "
        f"{ledger.lost} lost, {ledger.doubled} double turns, {ledger.repeated} sent twice"
    )
    is_met = is_answered and not (ledger.lost or ledger.doubled or ledger.repeated)
    return Outcome(figure, "one turn each", is_met)


async def _say(direct: Town, each: int, chance: random.Random) -> None:
    """Each event three times, many at once; answers are sent as they come."""
    events = [request(chat, number) for chat in direct.chats for number in range(each)] * TIMES
    chance.shuffle(events)
    room = asyncio.Semaphore(AT_ONCE)

    async def say(number: int) -> None:
        async with room:
            async for response in converse(direct.client, events[number]):
                if response.HasField("final"):
                    await direct.deliveries.send(response.final.delivery)

    await asyncio.gather(*(say(number) for number in range(len(events))))


async def _tell(made: Stage[TelegramScene], each: int, chance: random.Random) -> None:
    """Each update three times under ids of its own, as Telegram may after a crash of its own."""
    numbers = range(made.said[0], made.said[0] + each)
    events = [made.scene.unsent(chat.number, number) for chat in made.chats for number in numbers] * TIMES
    chance.shuffle(events)
    for event in events:
        made.scene.fake.update("message", dict(event))
    made.said[:] = [numbers.stop] * len(made.said)
    await made.answered()
    await made.scene.heard()


def _webhook() -> dict[str, str]:
    """What makes the gateway take posts."""
    [address] = free_addresses(1)
    return {
        "TELEGRAM_WEBHOOK_URL": f"http://{address}/telegram",
        "TELEGRAM_WEBHOOK_SECRET": "a" * 32,
        "TELEGRAM_WEBHOOK_LISTEN": address,
    }


LINE = Line("redelivery", run)

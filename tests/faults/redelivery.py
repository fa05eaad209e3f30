"""Every event comes three times, in any order: to the assistant itself, and through Telegram's poll."""

import asyncio
import random
from pathlib import Path

from pydantic import SecretStr

from faults.assistant_kills import TOKEN
from faults.line import Line, Outcome, Size
from faults.scenes import TelegramScene, telegram
from faults.stage import Stage, stage
from faults.talk import Town, request, town
from services.gateway.client import converse
from services.gateway.settings import GatewaySettings

TIMES = 3
EVENTS = 2000
"""For each of the ways."""
PEOPLE = 40
AT_ONCE = 64


async def run(size: Size, folder: Path) -> Outcome:
    people = size.of(PEOPLE, 5)
    each = size.of(EVENTS, 40) // people
    chance = random.Random(each)
    async with stage(folder, telegram, people) as made:
        await made.start()
        settings = GatewaySettings(
            assistant=made.environment["REMI_ASSISTANT"], data=folder, gateway_token=SecretStr(TOKEN)
        )
        async with town(settings, people) as direct:
            await _say(direct, each, chance)
            _poll(made, each, chance)
            await made.answered()
            is_answered = await direct.until_answered(each, 60)
        polled, said = made.chats, direct.chats
        made.chats, made.said = [*polled, *said], [each] * (2 * people)
        ledger = await made.ledger()
    # They came in any order, and were answered in that.
    figure = (
        f"{2 * people * each:,} events, each {TIMES} times, directly and polled: "
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


def _poll(made: Stage[TelegramScene], each: int, chance: random.Random) -> None:
    """Each update three times under ids of its own, as Telegram may after a crash of its own."""
    events = [made.scene.unsent(chat.number, number) for chat in made.chats for number in range(each)] * TIMES
    chance.shuffle(events)
    for event in events:
        made.scene.fake.update("message", dict(event))
    made.said[:] = [each] * len(made.said)


LINE = Line("redelivery", run)

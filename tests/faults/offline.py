"""Discord ends the gateway's sessions, or is out of reach for long: what was missed is read from history."""

from pathlib import Path

from faults.line import SMOKE, Line, Outcome, Size
from faults.scenes import discord
from faults.stage import stage

ROUNDS = 12
PEOPLE = 12
MISSED = 25
"""Messages in each channel while nobody listens; eight times as many, two pages of history, once."""


async def run(size: Size, folder: Path) -> Outcome:
    rounds, people = size.of(ROUNDS, 3), size.of(PEOPLE, 4)
    missed = size.of(MISSED, 3)
    async with stage(folder, discord, people) as made:
        fake = made.scene.fake
        gateway = await made.start()
        made.say(people)
        await made.answered()
        for number in range(rounds):
            match number % 3:
                case 0:
                    # The session is gone on Discord's side: resuming it is refused.
                    fake.gateway.session = None
                    made.say(missed * people)
                    await fake.drop()
                case 1:
                    await fake.goes_away()
                    made.say((missed if number > 1 else 8 * missed) * people)
                    fake.comes_back()
                case _:
                    await made.kill(gateway)
                    made.say(missed * people)
                    gateway = await made.start()
            await made.answered(hurry=size == SMOKE)
        ledger = await made.ledger()
    figure = (
        f"{rounds} times away, {sum(made.said) - people:,} messages missed in {people} channels: {ledger}"
    )
    return Outcome(figure, "each answered once", ledger.is_clean and not ledger.repeated)


LINE = Line("Discord invalid session, long offline", run)

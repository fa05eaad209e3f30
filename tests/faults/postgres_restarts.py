"""Postgres restarts as after a power cut, again and again, while many conversations go on."""

import asyncio
import time
from pathlib import Path

from faults.household import household
from faults.line import Line, Outcome, Size
from faults.servers import Switch, switch
from faults.talk import Town

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
    async with household(folder, chats, messages) as home:
        power, slowest = switch(folder), 0.0
        share = chats * messages // restarts
        for number in range(restarts):
            slowest = max(slowest, await _restart(power, home.people, number * share, share))
        ledger, is_alive = await home.settled(DRAIN), home.is_alive
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


LINE = Line("Postgres immediate restart", run, is_timed=True)

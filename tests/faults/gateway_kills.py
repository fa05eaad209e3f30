"""A gateway dies by SIGKILL, at every named point and at random, while people write and get answers."""

import asyncio
import random
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, suppress
from pathlib import Path

from faults.ledger import Ledger
from faults.line import SMOKE, Line, Outcome, Size
from faults.points import deaths
from faults.processes import Aim
from faults.scenes import discord, telegram
from faults.stage import S, Stage, stage

KILLS = 200
A_KILL = 8
"""Messages said between two kills."""
PEOPLE = 40
COLD = 20
AIMED = 1.5
"""Seconds that a process which is aimed at a point may take to come by it."""


async def _run(
    size: Size, folder: Path, platform: Callable[[int], AbstractAsyncContextManager[S]]
) -> tuple[str, Stage[S], Ledger]:
    people, kills, cold = size.of(PEOPLE, 5), size.of(KILLS, 5), size.of(COLD, 1)
    async with stage(folder, platform, people) as made:
        # A first word makes each channel known.
        first = await made.start()
        made.say(people)
        await made.answered()
        await made.kill(first)
        await _kill_often(made, kills, cold)
        await made.start()
        made.say(-sum(made.said) % people)
        await made.answered(hurry=size == SMOKE)
        ledger = await made.ledger()
        died = deaths(folder / f"{made.scene.platform}.log")
    figure = (
        f"{kills} kills, {died.total()} of them at {len(died)} named points, over {sum(made.said):,} "
        f"messages, {cold} cold starts: {ledger}"
    )
    return figure, made, ledger


async def _kill_often(made: Stage[S], kills: int, cold: int) -> None:
    """Kill so often, by turns at each point and at random."""
    chance = random.Random(kills)
    table, known = made.scene.points
    named = list(known)
    for number in range(kills):
        is_cold = number % (kills // cold) == 0
        aim: Aim | None = None
        if number % 2 and not is_cold:
            aim = (table, named[number // 2 % len(named)], chance.randrange(1, 4))
        made.say(A_KILL)
        gateway = await made.start(aim, is_cold=is_cold)
        with suppress(TimeoutError):
            async with asyncio.timeout(AIMED if aim else chance.uniform(0, 0.5)):
                await gateway.ended.wait()
        await made.kill(gateway)


async def run_telegram(size: Size, folder: Path) -> Outcome:
    """Telegram can't be asked what it took: what was sent when the gateway died may stand twice."""
    figure, made, ledger = await _run(size, folder, telegram)
    wrong = made.repeated_in_one_life()
    return Outcome(
        f"{figure}, {wrong} of them by one process",
        "0 lost; twice only what a dead process had sent",
        ledger.is_clean and not wrong,
    )


async def run_discord(size: Size, folder: Path) -> Outcome:
    figure, _, ledger = await _run(size, folder, discord)
    return Outcome(figure, "0 lost, 0 sent twice", ledger.is_clean and not ledger.repeated)


TELEGRAM = Line("Telegram gateway SIGKILL", run_telegram)
DISCORD = Line("Discord gateway SIGKILL", run_discord)

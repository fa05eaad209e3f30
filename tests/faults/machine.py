"""Inbox, turn and outbox against a simple model of them, in any order of steps."""

import asyncio
from pathlib import Path

from faults.line import Line, Outcome, Size
from faults.servers import postgres
from machine import ground, run_machine

RUNS, STEPS = 500, 50


async def run(size: Size, folder: Path) -> Outcome:
    runs, steps = size.of(RUNS, 25), 30 if size.share < 0.1 else STEPS
    async with postgres(folder) as database:

        def found() -> str:
            with ground(database.owner_dsn, database.app_dsn) as here:
                try:
                    run_machine(here, runs, steps)
                except AssertionError as error:
                    return f"{error}\n" + "\n".join(getattr(error, "__notes__", ()))
            return ""

        difference = await asyncio.to_thread(found)
    figure = f"{runs} runs of up to {steps} steps: " + (difference or "the tables said what the model said")
    return Outcome(figure, "tables and model are the same after every step", not difference)


LINE = Line("state machine", run)

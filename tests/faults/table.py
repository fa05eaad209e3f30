"""All lines of the faults' table, and how one of them is filled in."""

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory

from faults import (
    assistant_kills,
    disk_full,
    gateway_kills,
    load,
    machine,
    models,
    network,
    offline,
    poison,
    postgres_away,
    postgres_restarts,
    redelivery,
    reminders,
    three_assistants,
)
from faults.line import Line, Outcome, Size

LINES: Sequence[Line] = (
    assistant_kills.LINE,
    three_assistants.LINE,
    gateway_kills.TELEGRAM,
    gateway_kills.DISCORD,
    load.LINE,
    machine.LINE,
    models.LINE,
    network.LINE,
    offline.LINE,
    poison.LINE,
    postgres_away.LINE,
    disk_full.LINE,
    postgres_restarts.LINE,
    redelivery.LINE,
    reminders.LINE,
)
LONGEST = 1500.0
"""Seconds after which a line is given up."""


def fill_in(name: str, size: Size) -> tuple[str, Outcome, float]:
    """A line by its name, what it showed, and the seconds it took."""
    (line,) = (line for line in LINES if line.name == name)
    began = time.monotonic()
    with TemporaryDirectory(prefix="remi-faults-") as folder:
        try:
            outcome = asyncio.run(asyncio.wait_for(line.run(size, Path(folder)), LONGEST))
        except Exception as error:
            outcome = Outcome(f"{type(error).__name__}: {error}", "to end", met=False)
    return name, outcome, time.monotonic() - began

"""`make faults`: every fault as often as its line says, with real processes and a real Postgres.

QUICK=1 runs a small part of each line. LINE=name runs the lines whose name holds that.
"""

import asyncio
import os
import sys
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
from faults.line import FULL, QUICK, Line, Outcome, Size
from services import logs

LINES: Sequence[Line] = (
    assistant_kills.LINE,
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
    three_assistants.LINE,
)
LONGEST = 1500.0
"""Seconds after which a line is given up."""


def main() -> int:
    """The exit code: 1 if a line was not met."""
    logs.configure("faults", "CRITICAL")
    size = QUICK if os.environ.get("QUICK") else FULL
    wanted = os.environ.get("LINE", "")
    lines = [line for line in LINES if wanted in line.name]
    if not lines:
        print(f"No line's name holds {wanted!r}: {', '.join(line.name for line in LINES)}", file=sys.stderr)
        return 2
    print(f"{'fault':<28} {'met':<4} {'time':>6}  what it showed (and must show)", flush=True)
    unmet = sum(not _shown(line, size) for line in lines)
    return 1 if unmet else 0


def _shown(line: Line, size: Size) -> bool:
    began = time.monotonic()
    outcome = _run(line, size)
    took = time.monotonic() - began
    met = "yes" if outcome.met else "NO"
    print(f"{line.name:<28} {met:<4} {took:>4.0f} s  {outcome.figure} ({outcome.must})", flush=True)
    return outcome.met


def _run(line: Line, size: Size) -> Outcome:
    with TemporaryDirectory(prefix="remi-faults-") as folder:
        try:
            return asyncio.run(asyncio.wait_for(line.run(size, Path(folder)), LONGEST))
        except Exception as error:
            return Outcome(f"{type(error).__name__}: {error}", "to end", met=False)


if __name__ == "__main__":
    sys.exit(main())

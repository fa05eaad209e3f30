"""`make faults`: every fault as often as its line says, with real processes and a real Postgres.

QUICK=1 runs a small part of each line. LINE=name runs the lines whose name holds that.
"""

import os
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from faults.line import FULL, QUICK, Line, Size
from faults.table import LINES, fill_in
from services import logs

AT_ONCE = 2
"""Lines mostly wait: for a process to start, for a lease to run out. So they run side by side, after those
that are timed, which run by themselves."""


def main() -> int:
    """The exit code: 1 if a line was not met."""
    size = QUICK if os.environ.get("QUICK") else FULL
    wanted = os.environ.get("LINE", "")
    lines = [line for line in LINES if wanted in line.name]
    if not lines:
        print(f"No line's name holds {wanted!r}: {', '.join(line.name for line in LINES)}", file=sys.stderr)
        return 2
    print(f"{'fault':<28} {'met':<4} {'time':>6}  what it showed (and must show)", flush=True)
    alone = [line for line in lines if line.is_timed]
    beside = [line for line in lines if not line.is_timed]
    unmet = _unmet(alone, size, at_once=1) + _unmet(beside, size, at_once=AT_ONCE)
    return 1 if unmet else 0


def _unmet(lines: Sequence[Line], size: Size, at_once: int) -> int:
    """How many of them were not met; each is printed as it ends."""
    unmet = 0
    with ProcessPoolExecutor(
        at_once, get_context("spawn"), logs.configure, ("faults", "CRITICAL"), max_tasks_per_child=1
    ) as pool:
        for running in as_completed([pool.submit(fill_in, line.name, size) for line in lines]):
            name, outcome, took = running.result()
            met = "yes" if outcome.met else "NO"
            print(f"{name:<28} {met:<4} {took:>4.0f} s  {outcome.figure} ({outcome.must})", flush=True)
            unmet += not outcome.met
    return unmet


if __name__ == "__main__":
    sys.exit(main())

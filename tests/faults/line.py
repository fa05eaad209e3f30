"""A line of the faults' table: how much of it is run, and what it showed."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Size:
    """How much of a line is run, as a share of the whole."""

    name: str
    share: float

    def of(self, full: int, least: int) -> int:
        """So much of `full`, but not less than `least`."""
        return max(least, round(full * self.share))


FULL = Size("full", 1)
QUICK = Size("quick", 0.12)
SMOKE = Size("smoke", 0.01)
"""The part that runs within the tests."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a line showed, beside what it must show."""

    figure: str
    must: str
    met: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A fault, and what is done to show it in an empty folder of its own."""

    name: str
    run: Callable[[Size, Path], Awaitable[Outcome]]
    is_timed: bool = False
    """Whether what it must show is a time, which nothing else should disturb."""

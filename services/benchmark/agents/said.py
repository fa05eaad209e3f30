"""The talk so far, as the agents keep it that have no memory but a log."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.benchmark.agent import Told, line, tokens


@dataclass(frozen=True, slots=True)
class Entry:
    """A message of either side."""

    at: datetime
    is_reply: bool
    text: str

    @property
    def line(self) -> str:
        return line("Assistant" if self.is_reply else "User", self.at, self.text)


def entries(told: Told) -> list[Entry]:
    """Both sides of an exchange; an empty reply leaves nothing behind."""
    both = [Entry(told.at, False, told.message), Entry(told.at, True, told.reply)]
    return both if told.reply else both[:1]


def within(budget: int, ranked: Iterable[int], log: Sequence[Entry]) -> list[int]:
    """The first of the ranked entries, by their places, that fit into so many tokens together."""
    chosen = []
    for place in ranked:
        budget -= tokens(log[place].line)
        if budget < 0:
            break
        chosen.append(place)
    return chosen

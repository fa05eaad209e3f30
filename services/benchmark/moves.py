"""Ways on a map as replies tell them: so many kilometres to the north, east, south or west."""

import re
from collections.abc import Iterator, Sequence
from itertools import product
from typing import TypeAlias

from services.benchmark.grading import number, plain

Move: TypeAlias = tuple[float, str]
"""Kilometres and a direction."""
Position: TypeAlias = tuple[float, float]
"""Kilometres to the east and to the north."""

DIRECTIONS = {"north": (0, 1), "east": (1, 0), "south": (0, -1), "west": (-1, 0)}
_COUNT = r"\d+(?:,\d{3})*(?:\.\d+)?|one|two|three|four|five|six|seven|eight|nine|ten"
_TOKEN = re.compile(
    rf"\b(?P<count>{_COUNT})[\s-]*(?P<unit>km|kms|kilomet(?:er|re)s?|m|met(?:er|re)s?)\b(?:\s*\(?(?P<short>[nesw])\b)?"
    r"|\b(?P<direction>north|east|south|west)(?:[\s-]?(?P<diagonal>east|west)\b)?"
)
_SUMMARY = re.compile(
    r"\b(?:in total|overall|altogether|in sum|in summary|summary|net|final position|as the crow flies"
    r"|straight line|total distance|end(?:ing)? up)\b"
)
_MOTION = re.compile(
    r"\b(?:go|going|travel|head|walk|move|drive|continue|proceed|take|turn|start|follow|keep|return|cycle|run)\w*\b|→|->"
)


def displacement(moves: Sequence[Move]) -> Position:
    """Where these moves lead, from (0, 0)."""
    steps = [(length * DIRECTIONS[way][0], length * DIRECTIONS[way][1]) for length, way in moves]
    return round(sum(x for x, _ in steps), 3), round(sum(y for _, y in steps), 3)


def moves(text: str) -> list[Move]:
    """All moves that a text tells, in order; distance and direction may stand either way round."""
    return [move for part in _parts(text) for move in _moves(part)]


def readings(text: str) -> Iterator[list[Move]]:
    """The moves of a text, read in the ways that people tell a route.

    With or without what follows a summary ("in total"), what a sentence tells twice, and sentences without a
    verb of motion ("the library is 4 km east of it").
    """
    plainly = plain(text)
    summary = _SUMMARY.search(plainly)
    wholes = {plainly, plainly[: summary.start()] if summary else plainly}
    for whole, once, moving in product(sorted(wholes), (False, True), (False, True)):
        parts = [_moves(part) for part in _parts(whole) if not moving or _MOTION.search(part)]
        yield [
            move
            for part in parts
            for place, move in enumerate(part)
            if not (once and place and part[place - 1] == move)
        ]


def _parts(text: str) -> list[str]:
    return re.split(r"\n|;|[.!?](?=\s|$)|,? then\b", plain(text))


def _moves(part: str) -> list[Move]:
    found: list[Move] = []
    length: float | None = None
    way: str | None = None
    for token in _TOKEN.finditer(part):
        if token["count"]:
            length = (number(token["count"]) or 0) / (1 if token["unit"].startswith("k") else 1000)
            if token["short"]:
                way = next(name for name in DIRECTIONS if name.startswith(token["short"]))
        else:
            way = "" if token["diagonal"] else token["direction"]
        if length is not None and way is not None:
            if way:
                found.append((length, way))
            length = way = None
    return found

"""Talk to fill the time with: trivia, whose answers are supplied."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from services.errors import SettingsError

HEAD = (
    "Here are trivia questions, each with its answer. Please reply with the answers alone, as a JSON list of "
    "texts in the same order."
)
_MADE = 2_000
_NUMERALS = (
    (1000, "M"), (900, "CM"), (500, "D"), (400, "CD"), (100, "C"), (90, "XC"), (50, "L"), (40, "XL"),
    (10, "X"), (9, "IX"), (5, "V"), (4, "IV"), (1, "I"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Trivia:
    question: str
    answer: str

    def __str__(self) -> str:
        return f"Q: {self.question} A: {self.answer}"


def read(path: Path) -> tuple[Trivia, ...]:
    """Questions in TriviaQA's layout, `{"Data": [{"Question", "AnswerValue"}]}`. Raises SettingsError."""
    try:
        entries = json.loads(path.read_text(encoding="utf-8"))["Data"]
        trivia = tuple(Trivia(str(each["Question"]), str(each["AnswerValue"])) for each in entries)
    except OSError as error:
        raise SettingsError(f"{path}: can't be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError):
        raise SettingsError(
            f'{path}: is no list "Data" of objects with "Question" and "AnswerValue"'
        ) from None
    if not trivia:
        raise SettingsError(f"{path}: holds no question")
    return trivia


def make(random: Random) -> tuple[Trivia, ...]:
    """Questions about numbers, for want of a file: true, and none of any test's business."""
    return tuple(_made(random) for _ in range(_MADE))


def filler(random: Random, trivia: Sequence[Trivia], most: int) -> str:
    """A message of questions drawn at random, of at most so many tokens, but of one question at least."""
    lines = [HEAD, str(random.choice(trivia))]
    size = sum(len(each.encode()) + 1 for each in lines)
    while True:
        added = str(random.choice(trivia))
        size += len(added.encode()) + 1
        # A line's end counts, as the message's own does not: it stays within.
        if size > most * 4:
            return "\n".join(lines)
        lines.append(added)


def _made(random: Random) -> Trivia:
    first, second = random.randint(12, 99), random.randint(12, 99)
    year = random.randint(1001, 1999)
    return random.choice(
        (
            Trivia(f"What is {first} times {second}?", str(first * second)),
            Trivia(f"What is the sum of {first} and {year}?", str(first + year)),
            Trivia(f"Which number has {first} as its square root?", str(first * first)),
            Trivia(f"How is {year} written in Roman numerals?", _roman(year)),
            Trivia(f"Which year is written {_roman(year)} in Roman numerals?", str(year)),
            Trivia(f"What is left when {year} is divided by {first}?", str(year % first)),
            Trivia(f"How is {year} written in binary?", f"{year:b}"),
            Trivia(f"How many hours are {first} days?", str(24 * first)),
        )
    )


def _roman(number: int) -> str:
    written = ""
    for value, numeral in _NUMERALS:
        written += numeral * (number // value)
        number %= value
    return written

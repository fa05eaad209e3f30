"""Colours: the favourite that was told last."""

from collections.abc import Sequence

from services.benchmark.datasets import colours
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, told

_QUESTIONS = ("What is my favourite colour?", colours.QUESTION)
STATEMENTS = (
    *colours.STATEMENTS,
    "The name of my favourite colour is {colour}.",
    "My favourite colour could be described as {colour}.",
    "My favourite colour is {colour}.",
    "{colour} is my favourite colour.",
)


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, "" if no colour was told; None if the question is of another dataset."""
    if not asked(question, _QUESTIONS):
        return None
    favourites = told(lines, STATEMENTS)
    return favourites[-1].fields["colour"] if favourites else ""

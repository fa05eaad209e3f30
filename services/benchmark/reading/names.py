"""Names: the one that was told last."""

from collections.abc import Sequence

from services.benchmark.datasets import names
from services.benchmark.reading.lines import Line
from services.benchmark.reading.name_list import STATEMENTS
from services.benchmark.reading.templates import asked, told

_QUESTIONS = ("What is my name?", names.QUESTION)


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, "" if no name was told; None if the question is of another dataset."""
    if not asked(question, _QUESTIONS):
        return None
    given = told(lines, STATEMENTS)
    return given[-1].fields["name"] if given else ""

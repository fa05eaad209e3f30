"""Conflicting personal information: what was told last of what is asked for."""

from collections.abc import Sequence

from services.benchmark.datasets import conflicting_personal_information
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, told

_STATEMENTS = {
    conflicting_personal_information.QUESTION.format(question=question): statements
    for statements, question, _ in conflicting_personal_information.KINDS
}
"""The statements that answer each question."""


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, "" if nothing was told of it; None if another dataset is asked."""
    wanted = asked(question, _STATEMENTS)
    if wanted is None:
        return None
    facts = told(lines, _STATEMENTS[wanted.template], (conflicting_personal_information.DATASET.reset,))
    return facts[-1].fields["value"] if facts else ""

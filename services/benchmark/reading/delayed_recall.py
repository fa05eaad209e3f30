"""Delayed recall: the fact of the invented world that is asked for."""

from collections.abc import Sequence

from services.benchmark.datasets import delayed_recall
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, told

_STATEMENTS = {
    delayed_recall.QUESTION.format(question=question): delayed_recall.FACT.format(fact=statement)
    for statement, question, _ in delayed_recall.KINDS
}
"""The statement that answers each question."""


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, "" if the fact isn't there; None if another dataset is asked."""
    wanted = asked(question, _STATEMENTS)
    if wanted is None:
        return None
    land = wanted.fields["land"].casefold()
    facts = told(lines, (_STATEMENTS[wanted.template],), (delayed_recall.DATASET.reset,))
    values = [fact.fields["value"] for fact in facts if fact.fields["land"].casefold() == land]
    return values[-1] if values else ""

"""Name list: every name that was given, as a JSON list."""

import json
from collections.abc import Sequence

from services.benchmark.datasets import name_list, names
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, told

_QUESTIONS = (
    name_list.QUESTION,
    "What have been all of the names that I have given you? Express the answer as a JSON list.",
    "What have been all of the names that I have gone by? Express the answer as a JSON list.",
)
STATEMENTS = (
    *name_list.STATEMENTS,
    "Start calling me by my name which is {name}.",
    "My name has changed to {name}.",
    "My name is {name}.",
    "Refer to me as {name}.",
    "{name} is my name.",
    "{name} is what I am called.",
)
_ENDS = (
    *_QUESTIONS,
    name_list.DATASET.reset,
    names.QUESTION,
    names.DATASET.reset,
    "Forget, or otherwise disregard, all of the names I have given you before this message.{rest}",
    "Forget, or otherwise disregard, all of the names I have gone by before this message.{rest}",
)


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer; None if the question is of another dataset."""
    if not asked(question, _QUESTIONS):
        return None
    given = dict.fromkeys(each.fields["name"] for each in told(lines, STATEMENTS, _ENDS))
    return json.dumps(list(given), ensure_ascii=False)

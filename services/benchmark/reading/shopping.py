"""Shopping: what was put on the list less what was taken off it, as a JSON list of objects."""

import json
from collections.abc import Sequence

from services.benchmark.datasets import shopping
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, told

_QUESTIONS = ("What is on my current shopping list?", shopping.QUESTION)
_ADDED = (
    *shopping.ADD_MORE,
    *shopping.ADD,
    "Please add another {number} {item} to my shopping list",
    "Please add {number} {item} to my shopping list",
    "I require another {number} {item}, please put it on the list.",
    "I require {number} {item}, please put it on the list.",
    "I want to buy another {number} {item}.",
    "I want to buy {number} {item}.",
)
_REMOVED = (
    *shopping.REMOVE,
    "Please remove {number} {item} from my shopping list",
    "Remove {number} {item}.",
)
STATEMENTS = (*_ADDED, *_REMOVED)
_ENDS = (
    shopping.DATASET.reset,
    "I have bought all of the items on the list.{rest}",
    *(f"{question}{{rest}}" for question in _QUESTIONS),
)


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer; None if the question is of another dataset."""
    if not asked(question, _QUESTIONS):
        return None
    counts: dict[str, int] = {}
    for change in told(lines, STATEMENTS, _ENDS):
        item = change.fields["item"].casefold()
        sign = -1 if change.template in _REMOVED else 1
        counts[item] = counts.get(item, 0) + sign * int(change.fields["number"])
    left = [{"item": item, "quantity": count} for item, count in counts.items() if count > 0]
    return json.dumps(left, ensure_ascii=False)

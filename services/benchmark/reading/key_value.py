"""Key-value: what a key of a JSON object leads to in the end."""

import re
from collections.abc import Sequence

from services.benchmark.datasets import key_value
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked

_PAIR = re.compile(r"\"(?P<key>[0-9a-f-]{36})\": ?\"(?P<value>[0-9a-f-]{36})\"")


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, "" if the key isn't there; None if another dataset is asked."""
    wanted = asked(question, (key_value.QUESTION,))
    if wanted is None:
        return None
    pairs = {pair["key"]: pair["value"] for line in lines for pair in _PAIR.finditer(line.text)}
    value = pairs.pop(wanted.fields["key"], "")
    while value in pairs:
        value = pairs.pop(value)
    return value

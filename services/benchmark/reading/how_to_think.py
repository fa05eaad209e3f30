"""How to think: where the rules lead that were taught."""

import re
from collections.abc import Sequence

from services.benchmark.datasets import how_to_think
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, told

_RULE = re.compile(r"If (?P<condition>[^,]+), I go to the (?P<place>\w+)\.")


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, "" if no rules are there; None if another dataset is asked."""
    wanted = asked(question, (how_to_think.QUESTION,))
    if wanted is None:
        return None
    taught = told(lines, (how_to_think.TAUGHT,))
    if not taught:
        return ""
    situation = wanted.fields["situation"]
    holding = {condition for condition, sentence, _ in how_to_think.CONDITIONS if sentence in situation}
    for rule in _RULE.finditer(taught[-1].fields["rules"]):
        if rule["condition"] in holding:
            return f"Answer: {rule['place']}"
    return f"Answer: {taught[-1].fields['last']}"

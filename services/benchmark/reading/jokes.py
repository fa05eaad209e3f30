"""Jokes: what was told so long ago that is of no other dataset."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from services.benchmark.datasets import (
    DATASETS,
    conflicting_personal_information,
    delayed_recall,
    how_to_think,
    instruction_recall,
    jokes,
    key_value,
    prospective_memory,
)
from services.benchmark.reading import (
    colours,
    locations_directions,
    name_list,
    sallyanne,
    shopping,
    spy_meeting,
    trigger_response,
)
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, made_from
from services.benchmark.trivia import HEAD

_QUESTIONS = (jokes.QUESTION, "Which joke did I tell you about {ago} ago?")
_UNIT = re.compile(r"(?P<count>\d+) (?P<unit>day|hour|minute)")
_OTHERS = (
    *colours.STATEMENTS,
    *locations_directions.STATEMENTS,
    *locations_directions.ENDS,
    *name_list.STATEMENTS,
    *sallyanne.STATEMENTS,
    *shopping.STATEMENTS,
    *spy_meeting.STATEMENTS,
    *trigger_response.STATEMENTS,
    *(each for statements, _, _ in conflicting_personal_information.KINDS for each in statements),
    delayed_recall.FACT,
    how_to_think.TAUGHT,
    instruction_recall.TOLD.partition("\n")[0],
    key_value.TOLD.partition("\n")[0],
    prospective_memory.TOLD,
    prospective_memory.QUESTION,
    "'{quote}' - {author}",
    "After responding to the following unrelated user prompts, please append{rest}",
    "(On TV) {rest}",
    HEAD,
    *(dataset.reset for dataset in DATASETS.values() if dataset.reset),
)
_CLOSE = timedelta(seconds=90)
"""Labels and questions tell minutes: what they say of one moment may be so far apart."""


def read(question: str, lines: Sequence[Line], at: datetime | None) -> str | None:
    """The joke told nearest to the moment asked for; None if another dataset is asked.

    `at` is when the question is asked, by default the moment of the newest line.
    """
    wanted = asked(question, _QUESTIONS)
    if wanted is None:
        return None
    told = [
        line for line in lines if line.begins and line.moment and not line.is_reply and not _is_other(line)
    ]
    now = max((line.moment for line in lines if line.moment), default=None) if at is None else at
    if not told or now is None:
        return ""
    naive = now.astimezone(UTC).replace(tzinfo=None) if now.tzinfo else now
    then = naive - _elapsed(wanted.fields["ago"])
    distances = {line: abs((line.moment or then) + timedelta(seconds=30) - then) for line in told}
    return min(told, key=lambda line: (distances[line] > _CLOSE, not _is_known(line), distances[line])).text


def _elapsed(ago: str) -> timedelta:
    counts = {f"{found['unit']}s": int(found["count"]) for found in _UNIT.finditer(ago)}
    return timedelta(**counts)


def _is_known(line: Line) -> bool:
    return any(joke in line.text for joke in jokes.JOKES)


def _is_other(line: Line) -> bool:
    return line.text.endswith("?") or made_from(line.text, _OTHERS) is not None

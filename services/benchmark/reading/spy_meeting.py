"""Spy meeting: what the messages in code mean, by a table of the codes."""

from collections.abc import Mapping, Sequence

from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, told

_QUESTIONS = ("Given the clandestine messages you have received",)
_PLACE = "We will rendezvous {code}."
_TIME = "The time we will meet is {code}."
_THING = "Bring to the meeting {code}."
_INTRODUCTION = "You will be given three messages from different people {names}."
_MEANINGS: Mapping[str, str] = {
    "where the land meets the sea": "the beach, on the shore of the coastline",
    "where the trains are supplied": "the railway yard, the depot",
    "where the cars are made": "the automobile factory",
    "where the apples grow": "the orchard",
    "where the sea cargo is stored": "the warehouse at the port",
    "when the sun starts its travel across the sky": "sunrise, at dawn",
    "when the blackbirds sing": "dawn, at sunrise in the morning",
    "when the sun is high": "noon, midday",
    "when the sun leaves the sky": "sunset, at dusk",
    "when the moon is high": "midnight, in the night",
    "a way to get across a river": "a boat",
    "a quiet way to open locked doors": "a lock pick",
    "a way to persuade the border guards to let us through": "a bribe",
    "a way to escape quickly over land": "a motorbike",
}


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, as far as the messages tell; None if the question is of another dataset."""
    if not asked(question, _QUESTIONS):
        return None
    messages = tuple(f"{said}{each}" for each in (_PLACE, _TIME, _THING) for said in ("", "{sender}: "))
    latest: dict[str, str] = {}
    for each in told(lines, messages, (_INTRODUCTION, *(f"{question}{{rest}}" for question in _QUESTIONS))):
        code = each.fields["code"]
        latest[each.template.removeprefix("{sender}: ")] = _MEANINGS.get(code.casefold(), code)
    parts = {_TIME: "We meet at {}.", _PLACE: "The place is {}.", _THING: "Bring {}."}
    return " ".join(part.format(latest[said]) for said, part in parts.items() if said in latest)

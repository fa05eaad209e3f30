"""Spy meeting: what the messages in code mean, by a table of the codes."""

from collections.abc import Mapping, Sequence

from services.benchmark.datasets import spy_meeting
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import asked, told

_QUESTIONS = (
    spy_meeting.QUESTION,
    "Given the clandestine messages you have received, tell me as specifically as you can, when and where a"
    " meeting is going to happen and what you should bring.",
)
_MESSAGES: Mapping[str, str] = {
    spy_meeting.TIME: "We meet at {}.",
    spy_meeting.PLACE: "The place is the {}.",
    spy_meeting.THING: "Bring this: {}.",
    "{sender}: The time we will meet is {code}.": "We meet at {}.",
    "{sender}: We will rendezvous {code}.": "The place is the {}.",
    "{sender}: Bring to the meeting {code}.": "Bring this: {}.",
    # A label that names the sender is taken off.
    "The time we will meet is {code}.": "We meet at {}.",
    "We will rendezvous {code}.": "The place is the {}.",
    "Bring to the meeting {code}.": "Bring this: {}.",
}
"""What each message contributes to the answer."""
STATEMENTS = tuple(_MESSAGES)
_ENDS = (
    *_QUESTIONS,
    spy_meeting.DATASET.reset,
    spy_meeting.INTRODUCTION.replace("{0}, {1} and {2}", "{senders}"),
    "You will be given three messages from different people {senders}.",
)
_CODES = (*spy_meeting.PLACES, *spy_meeting.TIMES, *spy_meeting.THINGS)
_MEANINGS: Mapping[str, str] = {
    **{code: meanings[0] for code, meanings in _CODES},
    "where the land meets the sea": "beach, on the shore",
    "where the trains are supplied": "railway depot",
    "where the cars are made": "automobile factory",
    "where the apples grow": "orchard",
    "where the sea cargo is stored": "warehouse at the port",
    "when the sun starts its travel across the sky": "sunrise",
    "when the blackbirds sing": "dawn",
    "when the sun is high": "noon",
    "when the sun leaves the sky": "sunset",
    "when the moon is high": "midnight",
    "a way to get across a river": "a boat",
    "a quiet way to open locked doors": "a lock pick, a key",
    "a way to persuade the border guards to let us through": "a bribe",
    "a way to escape quickly over land": "a motorbike",
}


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, as far as the messages tell; None if another dataset is asked."""
    if not asked(question, _QUESTIONS):
        return None
    parts: dict[str, str] = {}
    for message in told(lines, STATEMENTS, _ENDS):
        code = message.fields["code"]
        parts[_MESSAGES[message.template]] = _MEANINGS.get(code.casefold(), code)
    return " ".join(part.format(meaning) for part, meaning in parts.items())

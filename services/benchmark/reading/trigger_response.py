"""Trigger response: the sentence that was asked for whenever this is said."""

from collections.abc import Mapping, Sequence

from services.benchmark.datasets import trigger_response
from services.benchmark.reading.lines import Line, plain
from services.benchmark.reading.templates import asked, told

STATEMENTS = (
    trigger_response.SETUP.replace("{request}", "{occasion}").replace("{response}", "{sentence}"),
    "Whenever I {occasion} then say: '{sentence}'",
)
_TRIGGERS: Mapping[str, str] = {
    **{trigger: occasion for occasion, _, trigger in trigger_response.TRIGGERS},
    "What is the current time?": "ask you for the time",
    "Please read my mail for me.": "ask you to read my mail for me",
    "Achoo!": "sneeze with 'Achooo!'",
    "I am hppy today!": "write 'hppy' instead of 'happy'",
    "I am pretty snacky for some sweet treats.": "express a desire to eat sugary treats",
    "I don't feel very well.": "say that I am feeling ill",
    "I am pretty tired.": "say that I am tired or sleepy",
}
"""What is said, by the occasions that instructions name."""


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The sentence, "" if the instruction isn't there; None if this is no trigger."""
    occasion = next((each for said, each in _TRIGGERS.items() if asked(question, (said,))), None)
    if occasion is None:
        return None
    given = {plain(each.fields["occasion"]): each.fields["sentence"] for each in told(lines, STATEMENTS)}
    return given.get(occasion, "")

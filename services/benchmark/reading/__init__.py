"""The template reader: answers a question from nothing but the context that an agent assembled.

It is deterministic and knows the sentences that the datasets are made of, so that its score, by the normal
scorers, tells how good the context was and not how good a model is. No agent ever sees it.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime

from services.benchmark.reading import (
    colours,
    conflicting_personal_information,
    delayed_recall,
    how_to_think,
    instruction_recall,
    jokes,
    key_value,
    locations,
    locations_directions,
    name_list,
    names,
    sallyanne,
    shopping,
    spy_meeting,
    trigger_response,
)
from services.benchmark.reading.lines import Line, lines

_READERS: Mapping[str, Callable[[str, Sequence[Line]], str | None]] = {
    "colours": colours.read,
    "shopping": shopping.read,
    "name_list": name_list.read,
    "names": names.read,
    "locations": locations.read,
    "locations_directions": locations_directions.read,
    "sallyanne": sallyanne.read,
    "spy_meeting": spy_meeting.read,
    "key_value": key_value.read,
    "delayed_recall": delayed_recall.read,
    "instruction_recall": instruction_recall.read,
    "conflicting_personal_information": conflicting_personal_information.read,
    "how_to_think": how_to_think.read,
    "trigger_response": trigger_response.read,
}
DATASETS = frozenset({*_READERS, "jokes"})
"""Those whose questions it answers."""


def read(question: str, context: str, at: datetime | None = None) -> str:
    """The answer that this context gives to a question asked at a moment; "" where the reader knows none.

    Without the moment, "two hours ago" counts from the newest line of the context.
    """
    said = lines(context)
    for reader in _READERS.values():
        if (answer := reader(question, said)) is not None:
            return answer
    return jokes.read(question, said, at) or ""

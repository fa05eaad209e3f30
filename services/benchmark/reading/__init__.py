"""The template reader: answers a question from nothing but the context that an agent assembled.

It is deterministic and knows the sentences that the datasets are made of, so that its score, by the normal
scorers, tells how good the context was and not how good a model is. No agent ever sees it.
"""

from services.benchmark.reading import (
    colours,
    locations_directions,
    name_list,
    names,
    sallyanne,
    shopping,
    spy_meeting,
    trigger_response,
)
from services.benchmark.reading.lines import lines

_READERS = (
    colours.read,
    shopping.read,
    name_list.read,
    names.read,
    locations_directions.read,
    sallyanne.read,
    spy_meeting.read,
    trigger_response.read,
)


def read(question: str, context: str) -> str:
    """The answer that this context gives to a question; "" where the reader knows none."""
    said = lines(context)
    answers = (reader(question, said) for reader in _READERS)
    return next((answer for answer in answers if answer is not None), "")

"""Locations & directions: the way through the places as they were told, one leg a line."""

from collections.abc import Sequence

from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import Told, asked, told

_QUESTIONS = (
    "Given the points of interest that I have told you about, how would I travel from {origin} to {place}"
    " following those interesting points?",
)
_LEGS = (
    "{place} is a location in my home town, it is {number} KM, {direction} from {origin}.",
    "I visited {place}, which is {number} KM, {direction} from {origin}.",
    "About {number} km {direction} of the {origin} there is a {place}",
    "And finally there is {place} which is {direction} from {origin} and {number} KM from it.",
)
_ENDS = ("There is a {place} in the center of my hometown.",)


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, as far back from the journey's end as legs were told; None if another dataset is asked."""
    journey = asked(question, _QUESTIONS)
    if journey is None:
        return None
    legs = {leg.fields["place"].casefold(): leg for leg in told(lines, _LEGS, (*_ENDS, *_QUESTIONS))}
    start, place = (journey.fields[end].casefold() for end in ("origin", "place"))
    way: list[Told] = []
    while place != start and (leg := legs.pop(place, None)):
        way.insert(0, leg)
        place = leg.fields["origin"].casefold()
    return "\n".join(
        "From {origin}, go {number} km {direction} to {place}.".format_map(leg.fields) for leg in way
    )

"""Locations & directions: the way through the places as they were told, one leg a line."""

from collections.abc import Sequence

from services.benchmark.datasets import locations, locations_directions
from services.benchmark.reading.lines import Line
from services.benchmark.reading.templates import Told, asked, told

_QUESTIONS = (
    locations_directions.QUESTION,
    "Given the points of interest that I have told you about, how would I travel from {origin} to {place}"
    " following those interesting points?",
)
STATEMENTS = (
    *(each.replace("{other_place}", "{origin}") for each in locations_directions.STATEMENTS),
    "{place} is a location in my home town, it is {distance} KM, {direction} from {origin}.",
    "I visited {place}, which is {distance} KM, {direction} from {origin}.",
    "About {distance} km {direction} of the {origin} there is a {place}",
    "And finally there is {place} which is {direction} from {origin} and {distance} KM from it.",
)
ENDS = (
    *_QUESTIONS,
    locations.QUESTION,
    locations_directions.DATASET.reset,
    locations_directions.START,
    "There is a {place} in the center of my hometown.",
)
"""What a town ends with, or the next one begins with."""


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, as far back from the journey's end as legs were told; None if another dataset is asked."""
    journey = asked(question, _QUESTIONS)
    if journey is None:
        return None
    leg = "From {origin}, go {distance} km {direction} to {place}."
    return "\n".join(leg.format_map(each.fields) for each in way(journey, lines))


def way(journey: Told, lines: Sequence[Line]) -> list[Told]:
    """The legs from a journey's origin to its place."""
    legs = {leg.fields["place"].casefold(): leg for leg in told(lines, STATEMENTS, ENDS)}
    start, place = (journey.fields[end].casefold() for end in ("origin", "place"))
    legs_back: list[Told] = []
    while place != start and (leg := legs.pop(place, None)):
        legs_back.append(leg)
        place = leg.fields["origin"].casefold()
    return legs_back[::-1]

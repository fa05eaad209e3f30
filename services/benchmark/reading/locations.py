"""Locations: how far, and in which direction, the first place is from the last."""

from collections.abc import Sequence

from services.benchmark.datasets import locations
from services.benchmark.moves import DIRECTIONS, displacement
from services.benchmark.reading.lines import Line
from services.benchmark.reading.locations_directions import way
from services.benchmark.reading.templates import asked


def read(question: str, lines: Sequence[Line]) -> str | None:
    """The answer, as far as legs were told; None if another dataset is asked."""
    journey = asked(question, (locations.QUESTION,))
    if journey is None:
        return None
    legs = [(float(leg.fields["distance"]), leg.fields["direction"].lower()) for leg in way(journey, lines)]
    east, north = displacement(legs)
    back = [
        f"{abs(x * east + y * north):g} km {name}"
        for name, (x, y) in DIRECTIONS.items()
        if x * east + y * north < 0
    ]
    return " and ".join(back)

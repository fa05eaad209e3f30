"""Places told one from the other: how far, and in which direction, the last one is from the first."""

import re
from collections.abc import Sequence
from random import Random

from services.benchmark.datasets import locations_directions
from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import final, graded, plain
from services.benchmark.moves import DIRECTIONS, displacement, moves
from services.benchmark.scripts import in_order, needs, told, whole
from services.errors import SettingsError

QUESTION = "How far is it straight from the {place} back to the {origin}, and in which direction?"
ARGUMENTS: Arguments = {"known_locations": 5}
_ORIGIN = re.compile(r"from (?:the )?.+? (?:back|going directly) to (?:the )?(?P<name>[^,.?]+)")
_BACK = {"north": "south", "south": "north", "east": "west", "west": "east"}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`known_locations` places; the last one lies exactly north, east, south or west of the first."""
    count = {"known_locations": whole(arguments, ARGUMENTS, "known_locations", 2, 12)}
    while True:
        legs = locations_directions.town(random, count)
        east, north = displacement([(distance, way) for _, distance, way, _ in legs])
        if bool(east) != bool(north):
            break
    way = next(name for name, (x, y) in DIRECTIONS.items() if x * east < 0 or y * north < 0)
    script = locations_directions.tell(random, legs, QUESTION)
    return define(number, script, [f"{abs(east + north):g} km {way}"])


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: a text such as "5 km North", the way from the last place to the first."""
    found = moves(str(expected[0])) if len(expected) == 1 else []
    if len(found) != 1:
        raise SettingsError(
            "expected_responses: must hold one distance with its direction, as in '5 km North'"
        )
    places = tuple(told(script)[1:])
    needs(bool(places), "script", "must tell the first place, and one from the other")
    origin = _ORIGIN.search(plain(script[-1].text))
    needs(origin is not None, "script", "must end with a question for the way from one place to another")
    return Definition(
        "locations", number, script, ((*found[0], origin["name"] if origin else ""),), (places,), ((),)
    )


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the last distance and direction that the reply tells are the right ones; else nothing.

    What stands before is taken for the reckoning. "It is 5 km south of the bakery" is turned round if the way
    back leads to the bakery.
    """
    ((reply, (length, way, origin)),) = graded(definition, exchanges)
    seen_from = rf"\b({'|'.join(_BACK)})(?=\w* (?:of|from) (?:the )?{re.escape(origin)}\b)"
    text = re.sub(seen_from, lambda direction: _BACK[direction[0]], plain(final(reply)))
    last = next(reversed(moves(text)), None)
    said = f"{last[0]:g} km {last[1]}" if last else "nothing"
    return Score(float(last == (length, way)), 1, (f"expected {length:g} km {way}, said {said}",))


DATASET = Dataset(
    "locations",
    "places told one from the other; asked for the straight way between the first and the last",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="Forget the places of our town that I have told you of.",
)

"""Places told one from the other: the way from the first to the last, past all of them."""

import re
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from typing import Any

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import graded, says
from services.benchmark.moves import DIRECTIONS, displacement, readings
from services.benchmark.scripts import in_order, spread, told, whole
from services.errors import SettingsError

PLACES = (
    "Aquarium", "Bakery", "Cinema", "Dairy", "Fire Station", "Fountain", "Greenhouse", "Old Mill", "Pharmacy",
    "Post Office", "School", "Stadium", "Tavern", "Theatre", "Town Gate", "Watchtower",
)  # fmt: skip
START = "In the very middle of our town stands the {place}."
STATEMENTS = (
    "From the {other_place}, the {place} lies {distance} km to the {direction}.",
    "If you walk {distance} km {direction} from the {other_place}, you come to the {place}.",
    "Our town also has a {place}, {distance} km {direction} of the {other_place}.",
)
QUESTION = (
    "How do I get from the {origin} to the {place} if I pass every place that I have told you of, in that "
    "order? Tell me the distance and the direction of each leg."
)
FARTHEST = 4
ARGUMENTS: Arguments = {"known_locations": 6}
_LEG = re.compile(
    r"From (?P<origin>[^,\n]+), go (?P<distance>\d+) ?km (?P<way>\w+) to (?P<place>[^.\n]+)\.", re.I
)


def town(random: Random, arguments: Arguments) -> list[list[Any]]:
    """Legs from place to place: origin, kilometres, direction, destination; no place comes twice."""
    places = random.sample(PLACES, whole(arguments, ARGUMENTS, "known_locations", 2, len(PLACES)))
    return [
        [origin, random.randint(1, FARTHEST), random.choice(list(DIRECTIONS)), place]
        for origin, place in pairwise(places)
    ]


def tell(random: Random, legs: Sequence[Sequence[Any]], question: str) -> tuple[Said, ...]:
    """The script that tells these legs one by one."""
    statements = [Said(START.format(place=legs[0][0]))]
    for origin, distance, direction, place in legs:
        template = random.choice(STATEMENTS)
        text = template.format(other_place=origin, distance=distance, direction=direction, place=place)
        statements.append(Said(text))
    return spread(statements, [Said(question.format(origin=legs[0][0], place=legs[-1][3]), True)])


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`known_locations` places, each 1 to FARTHEST km from the one before."""
    legs = town(random, arguments)
    return define(number, tell(random, legs, QUESTION), legs)


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the legs, or a text with a line "From A, go 2km North to B." for each."""
    legs: list[tuple[str, float, str, str]] = []
    for each in expected:
        match each:
            case [str(origin), int(distance), str(way), str(place)]:
                legs.append((origin, distance, way.lower(), place))
            case str(text):
                legs += [(leg[1], int(leg[2]), leg[3].lower(), leg[4]) for leg in _LEG.finditer(text)]
    if not legs or any(way not in DIRECTIONS for _, _, way, _ in legs):
        raise SettingsError("expected_responses: must hold legs such as 'From A, go 2km North to B.'")
    places = tuple(_told_in(script, origin, place) for origin, _, _, place in legs)
    return Definition("locations_directions", number, script, (tuple(legs),), (places,), ((),))


def _told_in(script: tuple[Said, ...], origin: str, place: str) -> int:
    for at in told(script):
        if says(script[at].text, origin) and says(script[at].text, place):
            return at
    raise SettingsError(f"script: the way from {origin} to {place} is not told")


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the moves of the reply add up to where the last place is; else nothing.

    As GoodAI has it, a shorter way to the right spot is right too. Distances are in kilometres or metres, in
    digits or words, before or after their direction; see `readings` for what else a reply may say.
    """
    ((reply, legs),) = graded(definition, exchanges)
    goal = displacement([(distance, way) for _, distance, way, _ in legs])
    ends = {displacement(moves) for moves in readings(reply) if moves}
    found = "; ".join(f"{x:g} km east, {y:g} km north" for x, y in sorted(ends)) or "nowhere"
    return Score(
        float(goal in ends), 1, (f"expected {goal[0]:g} km east, {goal[1]:g} km north; led {found}",)
    )


DATASET = Dataset(
    "locations_directions",
    "places told one from the other; asked for the way past all of them",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="Forget the places of our town that I have told you of.",
)

"""A favourite colour that changes: the newest counts."""

from collections.abc import Sequence
from random import Random

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import graded, says, stated, total
from services.benchmark.scripts import in_order, needs, spread, told, whole
from services.errors import SettingsError

COLOURS = (
    "Amber", "Aquamarine", "Beige", "Black", "Blue", "Brown", "Burgundy", "Coral", "Cream", "Crimson", "Cyan",
    "Gold", "Green", "Grey", "Indigo", "Ivory", "Khaki", "Lavender", "Lilac", "Lime", "Magenta", "Maroon",
    "Mint", "Mustard", "Navy", "Ochre", "Olive", "Orange", "Peach", "Pink", "Plum", "Purple", "Red", "Rust",
    "Salmon", "Scarlet", "Silver", "Tan", "Teal", "Turquoise", "Violet", "White", "Yellow",
)  # fmt: skip
STATEMENTS = (
    "{colour} is the colour I like best.",
    "Of all colours, {colour} is my favourite.",
    "If you ask me for my favourite colour, I say {colour}.",
    "These days my favourite colour is {colour}.",
)
QUESTION = "Which colour is my favourite?"
ARGUMENTS: Arguments = {"colour_changes": 3}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`colour_changes` colours, all different, each told once."""
    colours = random.sample(COLOURS, whole(arguments, ARGUMENTS, "colour_changes", 1, len(COLOURS)))
    statements = [Said(random.choice(STATEMENTS).format(colour=colour)) for colour in colours]
    return define(number, spread(statements, [Said(QUESTION, True)]), [colours[-1]])


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the last colour. It is told last; what was told before is stale unless it was the same."""
    match expected:
        case [str(colour)]:
            pass
        case _:
            raise SettingsError("expected_responses: must hold one colour")
    places = told(script)
    needs(
        bool(places) and says(script[places[-1]].text, colour), "script", f"the last one told is not {colour}"
    )
    stale = tuple(place for place in places[:-1] if not says(script[place].text, colour))
    return Definition("colours", number, script, (colour,), ((places[-1],),), (stale,))


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the reply says that the last colour holds, and no other (`stated`).

    Earlier colours may be named as such ("it used to be Green"); two that would both hold, or a choice of
    colours, earn nothing.
    """
    return total(_graded(reply, colour) for reply, colour in graded(definition, exchanges))


def _graded(reply: str, colour: str) -> tuple[float, str]:
    named = stated(reply, {each.casefold() for each in (*COLOURS, colour)})
    return float(
        named == {colour.casefold()}
    ), f"expected {colour}, said {', '.join(sorted(named)) or 'none'}"


DATASET = Dataset(
    "colours",
    "a favourite colour that changes; asked for at the end",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
)

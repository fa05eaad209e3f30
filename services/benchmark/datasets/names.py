"""A user's name that changes: the newest counts."""

from collections.abc import Sequence
from random import Random

from services.benchmark.datasets.name_list import NAMES, STATEMENTS
from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import graded, says, stated, total, words
from services.benchmark.scripts import in_order, needs, spread, told, whole
from services.errors import SettingsError

QUESTION = "What am I called?"
ARGUMENTS: Arguments = {"name_changes": 3}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`name_changes` names, all different, each told once."""
    names = random.sample(NAMES, whole(arguments, ARGUMENTS, "name_changes", 1, len(NAMES)))
    statements = [Said(random.choice(STATEMENTS).format(name=name)) for name in names]
    return define(number, spread(statements, [Said(QUESTION, True)]), [names[-1]])


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the last name. It is told last; what was told before is stale."""
    match expected:
        case [str(name)]:
            pass
        case _:
            raise SettingsError("expected_responses: must hold one name")
    places = told(script)
    needs(bool(places) and says(script[places[-1]].text, name), "script", f"the last name told is not {name}")
    return Definition("names", number, script, (name,), ((places[-1],),), (tuple(places[:-1]),))


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the reply says that the last name holds, and no other of those told (`stated`)."""
    told = {word for said in definition.script if not said.is_question for word in words(said.text)}
    names = {name.casefold() for name in NAMES} & told
    return total(_graded(reply, name.casefold(), names) for reply, name in graded(definition, exchanges))


def _graded(reply: str, name: str, names: set[str]) -> tuple[float, str]:
    named = stated(reply, names | {name})
    return float(named == {name}), f"expected {name}, said {', '.join(sorted(named)) or 'none'}"


DATASET = Dataset(
    "names",
    "a user's name that changes; asked for at the end",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="Forget what I am called.",
)

"""A user who keeps changing names: all of them count."""

from collections.abc import Sequence
from random import Random

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import graded, says, values, words
from services.benchmark.scripts import in_order, needs, spread, told, whole

NAMES = (
    "Adela", "Agnes", "Alban", "Bruno", "Carmen", "Cedric", "Clara", "Cosima", "Dorian", "Edgar", "Elena",
    "Emil", "Esther", "Fergus", "Fiona", "Gideon", "Greta", "Gwen", "Hannes", "Hugo", "Ines", "Irene",
    "Jonas", "Judith", "Kira", "Klaus", "Lena", "Magnus", "Malin", "Mira", "Nadia", "Niels", "Olga", "Oscar",
    "Petra", "Quentin", "Rafael", "Rosa", "Rufus", "Selma", "Silas", "Tamsin", "Theo", "Ulrike", "Vera",
    "Viktor", "Wanda", "Yusuf",
)  # fmt: skip
STATEMENTS = (
    "I go by {name} from now on.",
    "Please call me {name}.",
    "From today my name is {name}.",
    "{name}, that is my new name.",
)
QUESTION = "Which names have I had since we first spoke? List them all, as a JSON list."
ARGUMENTS: Arguments = {"name_changes": 3}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`name_changes` names, all different, each told once."""
    names = random.sample(NAMES, whole(arguments, ARGUMENTS, "name_changes", 1, len(NAMES)))
    statements = [Said(random.choice(STATEMENTS).format(name=name)) for name in names]
    return define(number, spread(statements, [Said(QUESTION, True)]), names)


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the names. Each message that tells one is needed."""
    needs(bool(expected), "expected_responses", "must hold a name")
    places = told(script)
    for name in expected:
        needs(
            any(says(script[place].text, str(name)) for place in places),
            "script",
            f"nobody is called {name!r}",
        )
    return Definition("name_list", number, script, (tuple(map(str, expected)),), (tuple(places),), ((),))


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point times the share of names that are right: right ones over the longer of the two lists.

    So a missing name and one that does not belong, or comes twice, cost the same. The reply must hold a JSON
    list of texts, the last one counts; it may stand in prose, in a code fence or under a key. Order and case
    are free.
    """
    ((reply, expected),) = graded(definition, exchanges)
    listed = _listed(reply)
    if listed is None:
        return Score(0, 1, ("no JSON list of names",))
    missing = {" ".join(words(name)): name for name in expected}
    notes, right = [], 0
    for name in listed:
        if missing.pop(" ".join(words(name)), None):
            right += 1
        else:
            notes.append(f"unexpected: {name}")
    notes += [f"missing: {name}" for name in missing.values()]
    return Score(right / max(len(expected), len(listed)), 1, tuple(notes))


def _listed(reply: str) -> list[str] | None:
    """The last list of texts in the reply, or of objects with one text each."""
    lists = []
    for value in values(reply):
        for each in value.values() if isinstance(value, dict) else [value]:
            if isinstance(each, list) and each:
                bare = [
                    next(iter(entry.values())) if isinstance(entry, dict) and len(entry) == 1 else entry
                    for entry in each
                ]
                if all(isinstance(entry, str) for entry in bare):
                    lists.append(bare)
    return lists[-1] if lists else None


DATASET = Dataset(
    "name_list",
    "names that the user takes one after the other; asked for as a JSON list",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="Forget the names that I have had so far. You don't know what I am called.",
)

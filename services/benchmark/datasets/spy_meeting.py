"""Three messages in code: when and where to meet, and what to bring."""

import re
from collections.abc import Sequence
from random import Random

from services.benchmark.datasets.name_list import NAMES
from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import graded, plain, says, singular, stated, words
from services.benchmark.scripts import in_order, needs, spread, told

SURNAMES = (
    "Abendroth", "Bellamy", "Cardew", "Dalgaard", "Eriksen", "Faulkner", "Grimaldi", "Hawthorne", "Ivarsson",
    "Jankowski", "Kessler", "Lindqvist", "Moravec", "Novak", "Oakley", "Pellegrini", "Quirke", "Rosenthal",
)  # fmt: skip
INTRODUCTION = "{0}, {1} and {2} will each send you a part of a secret plan."
PLACE = "{sender} sends word: be {code}."
TIME = "{sender} sends word: come {code}."
THING = "{sender} sends word: carry {code}."
QUESTION = (
    "Put the parts of the secret plan together: at which time of day and at what kind of place is the "
    "meeting, and what is to be brought along? Decode each as exactly as you can."
)
PLACES = (
    ("where ships are warned of the rocks", ("lighthouse", "beacon")),
    ("where old books sleep in rows", ("library", "archive", "bookshop")),
    ("where the bees are kept", ("apiary", "beehive", "hive")),
    ("where bread is born", ("bakery", "bakehouse", "oven")),
    ("where people look at the stars through glass", ("observatory", "planetarium")),
    ("where the grapes ripen", ("vineyard", "winery")),
)
TIMES = (
    ("when shadows are at their shortest", ("noon", "midday")),
    ("when the rooster calls first", ("dawn", "sunrise", "daybreak", "morning")),
    ("when one day turns into the next", ("midnight", "12 am", "0:00", "00:00")),
    ("when the sun touches the horizon in the west", ("sunset", "dusk", "evening", "sundown")),
)
THINGS = (
    ("what keeps the rain off", ("umbrella", "raincoat", "poncho")),
    ("what always finds the north", ("compass",)),
    ("what brings far things near to the eye", ("binoculars", "telescope", "spyglass")),
    ("what makes fire", ("lighter", "match", "flint", "matches")),
    ("what shines in the dark at the press of a button", ("torch", "flashlight", "lamp")),
    ("what writes unseen until it is warmed", ("invisible ink", "lemon juice", "secret ink")),
)
TIMES_OF_DAY = (("dawn", "sunrise"), ("noon", "midday"), ("sunset", "dusk"), ("midnight",))
ARGUMENTS: Arguments = {}
_COMPOUND = "lock|sea|rail|train|row|sail|motor|speed|foot"


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """A place, a time and a thing, told by three people in any order."""
    senders = [
        f"{name} {surname}"
        for name, surname in zip(random.sample(NAMES, 3), random.sample(SURNAMES, 3), strict=True)
    ]
    parts = [
        (template, *random.choice(codes))
        for template, codes in ((PLACE, PLACES), (TIME, TIMES), (THING, THINGS))
    ]
    random.shuffle(parts)
    statements = [Said(INTRODUCTION.format(*senders))]
    random.shuffle(senders)
    statements += [
        Said(template.format(sender=sender, code=code))
        for sender, (template, code, _) in zip(senders, parts, strict=True)
    ]
    expected = [list(meanings) for _, _, meanings in parts]
    return define(number, spread(statements, [Said(QUESTION, True)]), expected)


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: for each coded message, in their order, the words that it may stand for."""
    meanings = []
    for each in expected:
        needs(isinstance(each, list) and bool(each), "expected_responses", f"{each!r} is not a list of words")
        meanings.append(tuple(map(str, each if isinstance(each, list) else [])))
    places = told(script)
    needs(0 < len(meanings) < len(places), "script", "must hold an introduction and each coded message")
    coded = tuple(places[-len(meanings) :])
    return Definition("spy_meeting", number, script, (tuple(meanings),), (coded,), ((),))


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point in three parts, one for each coded message: one of its meanings must be named.

    Whole words in singular or plural, in any case; a compound such as "lockpick" or "seaport" counts for its
    last part, and "set" and "rise" only of the sun. Who names a time of day that is another one's as well,
    earns nothing for the time: that is guessing.
    """
    ((reply, expected),) = graded(definition, exchanges)
    found = [_names(reply, meanings) for meanings in expected]
    notes = [
        f"{'found' if each else 'not found'}: {', '.join(meanings)}"
        for each, meanings in zip(found, expected, strict=True)
    ]
    return Score(sum(found) / len(found), 1, tuple(notes))


def _names(reply: str, meanings: Sequence[str]) -> bool:
    if not any(_named(reply, meaning) for meaning in meanings):
        return False
    own = [times for times in TIMES_OF_DAY if set(times) & set(meanings)]
    others = {time for times in TIMES_OF_DAY if times not in own for time in times}
    allowed = {time for times in own for time in times}
    return not own or not stated(reply, others | allowed) - allowed


def _named(reply: str, meaning: str) -> bool:
    text = plain(reply)
    match meaning.casefold().split():
        case ["set" | "rise" as verb]:
            gerund = "setting" if verb == "set" else "rising"
            return bool(re.search(rf"\bsun(?: \w+){{0,2}} {verb}s?\b|\b{gerund} sun\b|\bsun{verb}\b", text))
        case [word] if word.isalpha():
            forms = rf"\b(?:{_COMPOUND})?{re.escape(singular(word))}(?:s|es|ing)?\b"
            return bool(re.search(forms, " ".join(words(reply)))) or says(reply, word)
        case _:
            return says(reply, meaning)


DATASET = Dataset(
    "spy_meeting",
    "three coded messages from three people; asked for time, place and thing",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="The secret plan is off. Forget the parts that you were sent.",
)

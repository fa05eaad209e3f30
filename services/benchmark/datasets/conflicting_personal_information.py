"""What a user tells of themselves, some of it twice and otherwise: the newest counts."""

from collections.abc import Sequence
from random import Random

from services.benchmark import choices
from services.benchmark.definition import Arguments, Dataset, Definition, Said
from services.benchmark.scripts import in_order, spread, whole

KINDS = (
    (
        ("I work as a {value}.", "My job is that of a {value}."),
        "what is my job?",
        ("baker", "nurse", "carpenter", "pilot", "tailor", "vet"),
    ),
    (
        ("I live in {value}.", "My home is in {value}."),
        "in which city do I live?",
        ("Porto", "Gdansk", "Bergen", "Ghent", "Turin", "Leipzig"),
    ),
    (
        ("I keep a {value}.", "The only pet in our house is a {value}."),
        "which pet do I have?",
        ("parrot", "tortoise", "rabbit", "ferret", "hedgehog", "canary"),
    ),
    (
        ("For breakfast I drink {value}.", "What I drink with my breakfast is {value}."),
        "what do I drink for breakfast?",
        ("cocoa", "coffee", "tea", "buttermilk", "lemonade", "broth"),
    ),
    (
        ("I play the {value}.", "My instrument is the {value}."),
        "which instrument do I play?",
        ("cello", "harp", "trumpet", "banjo", "flute", "accordion"),
    ),
    (
        ("I am allergic to {value}.", "My doctor found that I can't eat {value}."),
        "what am I allergic to?",
        ("peanuts", "shellfish", "celery", "wheat", "mustard", "kiwi"),
    ),
    (
        ("I get to work by {value}.", "On my way to work I take the {value}."),
        "how do I get to work?",
        ("bicycle", "tram", "ferry", "bus", "train", "scooter"),
    ),
    (
        ("I am learning {value}.", "The language that I am learning is {value}."),
        "which language am I learning?",
        ("Greek", "Finnish", "Welsh", "Basque", "Korean", "Swahili"),
    ),
)
"""How it is told, what is asked, and what may be told."""
QUESTION = "Going by what I told you last about it, {question}"
ARGUMENTS: Arguments = {"facts": 4, "conflicts": 2}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`facts` facts, then for `conflicts` of them another value, then a question for each fact."""
    count = whole(arguments, ARGUMENTS, "facts", 1, len(KINDS))
    conflicts = whole(arguments, ARGUMENTS, "conflicts", 0, count)
    facts = [(kind, *random.sample(kind[2], 2)) for kind in random.sample(KINDS, count)]
    changed = random.sample(range(count), conflicts)
    statements = [Said(random.choice(kind[0]).format(value=old)) for kind, old, _ in facts]
    statements += [Said(random.choice(facts[at][0][0]).format(value=facts[at][2])) for at in changed]
    order = random.sample(range(count), count)
    values = [facts[at][2] if at in changed else facts[at][1] for at in order]
    asked = [Said(QUESTION.format(question=facts[at][0][1]), True) for at in order]
    expected = [
        [value, [other for other in facts[at][0][2] if other != value]]
        for at, value in zip(order, values, strict=True)
    ]
    return define(number, spread(statements, asked), expected)


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: for each question the newest value, and the others that there are."""
    return choices.define("conflicting_personal_information", number, script, expected, newest_counts=True)


DATASET = Dataset(
    "conflicting_personal_information",
    "what a user tells of themselves, later otherwise; the newest is asked for",
    ARGUMENTS,
    generate,
    define,
    in_order,
    choices.score,
    reset="Forget what I told you about me.",
)

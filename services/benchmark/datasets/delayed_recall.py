"""Facts of a made-up world, and a question on each of them much later."""

from collections.abc import Sequence
from random import Random

from services.benchmark import choices
from services.benchmark.definition import Arguments, Dataset, Definition, Said
from services.benchmark.scripts import in_order, spread, whole

LANDS = ("Arvenn", "Belquor", "Cassimar", "Dunhallow", "Eskeria", "Faldurn")
KINDS = (
    (
        "The capital of {land} is {value}.",
        "What is the capital of {land}?",
        ("Ombrel", "Tashkora", "Velmund", "Yrris", "Quennet", "Hollinbar"),
    ),
    (
        "{land} is ruled by {value}.",
        "Who rules {land}?",
        (
            "Queen Isaldra",
            "King Orrick",
            "Duchess Mavelle",
            "Prince Taddeus",
            "Regent Sulwen",
            "Count Brannoch",
        ),
    ),
    (
        "In {land} people pay with {value}.",
        "What do people pay with in {land}?",
        ("amber beads", "salt cakes", "copper rings", "painted shells", "glass rods", "woven knots"),
    ),
    (
        "The flag of {land} shows a {value}.",
        "What does the flag of {land} show?",
        ("heron", "badger", "salamander", "walrus", "beetle", "stork"),
    ),
    (
        "The longest river in {land} is the {value}.",
        "What is the longest river in {land} called?",
        ("Morrowin", "Sathe", "Ildren", "Uskaval", "Perrin", "Zhelt"),
    ),
    (
        "{land} was founded in the year {value}.",
        "In which year was {land} founded?",
        ("314", "527", "689", "842", "976", "1103"),
    ),
    (
        "Bread is made from {value} in {land}.",
        "What is bread made from in {land}?",
        ("chestnuts", "millet", "acorns", "buckwheat", "lentils", "barley"),
    ),
    (
        "Children in {land} are told to beware of the {value}.",
        "What are children in {land} told to beware of?",
        ("fog hound", "well witch", "clay giant", "night miller", "marsh piper", "bone weaver"),
    ),
)
"""A fact, the question for it, and what may be told."""
FACT = "A fact of the world that I am inventing: {fact}"
QUESTION = "Let us go back to the world that I am inventing. {question}"
ARGUMENTS: Arguments = {"facts": 10}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`facts` facts, a message each, then all questions in another order. No two lands share a fact."""
    count = whole(arguments, ARGUMENTS, "facts", 1, len(LANDS) * len(KINDS))
    facts = [
        (land, statement, question, value)
        for statement, question, told in KINDS
        for land, value in zip(LANDS, random.sample(told, len(LANDS)), strict=True)
    ]
    chosen = random.sample(facts, count)
    statements = [
        Said(FACT.format(fact=statement.format(land=land, value=value)))
        for land, statement, _, value in chosen
    ]
    random.shuffle(chosen)
    asked = [
        Said(QUESTION.format(question=question.format(land=land)), True) for land, _, question, _ in chosen
    ]
    return define(number, spread(statements, asked), [value for *_, value in chosen])


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the answer to each question."""
    return choices.define("delayed_recall", number, script, expected)


DATASET = Dataset(
    "delayed_recall",
    "facts of a made-up world; each is asked for",
    ARGUMENTS,
    generate,
    define,
    in_order,
    choices.score,
    reset="Forget the world that I have been inventing.",
)

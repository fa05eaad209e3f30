"""A way of deciding, taught once, to be followed in situations told later."""

from collections.abc import Sequence
from random import Random

from services.benchmark import choices
from services.benchmark.definition import Arguments, Dataset, Definition, Said
from services.benchmark.scripts import in_order, spread, whole

CONDITIONS = (
    ("it rains", "It rains.", "It is dry."),
    ("I slept badly", "I slept badly.", "I slept well."),
    ("my sister is visiting", "My sister is visiting.", "My sister is away."),
    ("the fridge is empty", "The fridge is empty.", "The fridge is full."),
    ("my knee hurts", "My knee hurts.", "My knee feels fine."),
    ("it is a holiday", "It is a holiday.", "It is an ordinary day."),
)
"""What may be the case, and a situation in which it is, or is not."""
PLACES = ("museum", "lake", "library", "market", "cinema", "gym", "zoo", "sauna")
TAUGHT = (
    "When I have a free day I decide where to go in this way, and the first that fits wins. {rules} "
    "Otherwise I go to the {last}. Think like this when I ask you."
)
RULE = "If {condition}, I go to the {place}."
QUESTION = (
    "I have a free day. {situation} Where do I go, if I decide the way I taught you? "
    "End with a line 'Answer: ' and the place."
)
ARGUMENTS: Arguments = {"rules": 3, "questions": 2}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`rules` rules in their order, then `questions` situations that tell all that the rules need."""
    rules = whole(arguments, ARGUMENTS, "rules", 1, len(CONDITIONS))
    questions = whole(arguments, ARGUMENTS, "questions", 1, 20)
    conditions = random.sample(CONDITIONS, rules)
    *places, last = random.sample(PLACES, rules + 1)
    taught = TAUGHT.format(
        rules=" ".join(
            RULE.format(condition=condition, place=place)
            for (condition, _, _), place in zip(conditions, places, strict=True)
        ),
        last=last,
    )
    asked, expected = [], []
    for _ in range(questions):
        holds = [random.random() < 0.5 for _ in conditions]
        told = [true if each else false for each, (_, true, false) in zip(holds, conditions, strict=True)]
        random.shuffle(told)
        asked.append(Said(QUESTION.format(situation=" ".join(told)), True))
        answer = next((place for each, place in zip(holds, places, strict=True) if each), last)
        expected.append([answer, [place for place in (*places, last) if place != answer]])
    return define(number, spread([Said(taught)], asked), expected)


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: for each question where to go, and the other places."""
    return choices.define("how_to_think", number, script, expected)


DATASET = Dataset(
    "how_to_think",
    "a way of deciding, taught once; to be followed in situations told later",
    ARGUMENTS,
    generate,
    define,
    in_order,
    choices.score,
    reset="Forget how I decide where to go on a free day.",
)

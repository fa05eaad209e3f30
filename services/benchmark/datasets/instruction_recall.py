"""How a made-up machine is started: which part comes when, and which number belongs to it."""

from collections.abc import Sequence
from itertools import pairwise
from random import Random

from services.benchmark import choices
from services.benchmark.definition import Arguments, Dataset, Definition, Said
from services.benchmark.scripts import in_order, spread, whole

MACHINES = ("cloud press", "star loom", "echo still", "dream kiln", "tide organ", "frost engine")
PARTS = (
    "oak crank", "brass wheel", "silver switch", "rubber pump", "iron pedal", "blue lamp", "steam gauge",
    "crystal knob", "leather belt", "copper valve",
)  # fmt: skip
STEPS = (
    "Turn the {part} to {count} degrees.",
    "Hold the {part} for {count} seconds.",
    "Touch the {part} with {count} grams of chalk.",
    "Wait until the {part} has moved by {count} centimetres.",
)
TOLD = "This is how the {machine} is started, step by step:\n{steps}"
AFTER = "When one starts the {machine}, which part comes right after the {part}?"
BEFORE = "When one starts the {machine}, which part comes right before the {part}?"
COUNT = "When one starts the {machine}, which number belongs to the {part}?"
ARGUMENTS: Arguments = {"steps": 6, "questions": 3}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`steps` steps in one message, then `questions` questions on them, all different."""
    steps = whole(arguments, ARGUMENTS, "steps", 2, len(PARTS))
    questions = whole(arguments, ARGUMENTS, "questions", 1, 2 * (steps - 1) + steps)
    machine, parts = random.choice(MACHINES), random.sample(PARTS, steps)
    counts = [str(count) for count in random.sample(range(21, 100), steps)]
    lines = [
        f"{place}. {random.choice(STEPS).format(part=part, count=count)}"
        for place, (part, count) in enumerate(zip(parts, counts, strict=True), 1)
    ]
    possible = [
        *((AFTER, part, following, parts) for part, following in pairwise(parts)),
        *((BEFORE, part, preceding, parts) for preceding, part in pairwise(parts)),
        *((COUNT, part, count, counts) for part, count in zip(parts, counts, strict=True)),
    ]
    chosen = random.sample(possible, questions)
    asked = [Said(template.format(machine=machine, part=part), True) for template, part, _, _ in chosen]
    expected = [[answer, [other for other in all_ if other != answer]] for _, _, answer, all_ in chosen]
    return define(
        number, spread([Said(TOLD.format(machine=machine, steps="\n".join(lines)))], asked), expected
    )


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: for each question the part or number, and the others that there are."""
    return choices.define("instruction_recall", number, script, expected)


DATASET = Dataset(
    "instruction_recall",
    "how a made-up machine is started; asked for single steps",
    ARGUMENTS,
    generate,
    define,
    in_order,
    choices.score,
    reset="Forget how that machine is started.",
)

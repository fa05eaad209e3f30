import pytest

from exam import define, example, points
from services.errors import SettingsError

TOLD = [
    "This is how the star loom is started, step by step:\n1. Turn the oak crank to 35 degrees.\n"
    "2. Hold the blue lamp for 72 seconds.\n3. Touch the iron pedal with 48 grams of chalk."
]
PARTS = ["oak crank", "blue lamp", "iron pedal"]
TEST = define(
    "instruction_recall",
    TOLD,
    [
        "When one starts the star loom, which part comes right after the oak crank?",
        "When one starts the star loom, which number belongs to the iron pedal?",
    ],
    [["blue lamp", ["oak crank", "iron pedal"]], ["48", ["35", "72"]]],
)


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ("blue lamp", "48"),
        ("Blue Lamp", "48."),
        ("The blue lamp.", "It's 48."),
        ("**Blue lamp**", "**48**"),
        ("the blue lamp!", "48 grams"),
        ("After the oak crank comes the blue lamp.", "The number of the iron pedal is 48."),
        ("The blue lamp comes right after the oak crank.", "48 grams of chalk"),
        ("Step 2: Hold the blue lamp.", "Step 3: 48 grams of chalk"),
        ("Next you hold the blue lamp.", "Touch the iron pedal with 48 grams of chalk."),
        ("It's the blue lamp, which has to be held.", "The iron pedal is touched with 48 grams of chalk."),
        ("Once the oak crank is turned, hold the blue lamp.", "For the iron pedal it is 48."),
        ("Answer: blue lamp", "Answer: 48"),
        ("The blue lamp, not the iron pedal.", "48, not 72."),
        ("I think it is the blue lamp.", "I think it is 48."),
        ("Blue lamp 💡", "48 🧮"),
        ("As you told me, the blue lamp.", "As you told me, 48."),
        ("1. blue lamp", "- 48"),
        ('{"part": "blue lamp"}', '{"number": 48}'),
        ("blue-lamp", "48g"[:2]),
        ("The oak crank is first. Then comes the blue lamp.", "The number is 48."),
        ("It was the blue lamp.", "It was 48."),
    ],
)
def test_right(part: str, count: str) -> None:
    assert points(TEST, part, count) == 2


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ("", ""),
        ("I don't know.", "I don't know."),
        ("You didn't tell me.", "No number belongs to it."),
        ("The iron pedal.", "72"),
        ("The oak crank.", "35"),
        ("The lamp.", "84"),
        ("Something blue.", "4 8"),
        ("The red lamp.", "480"),
        ("blue lamps", "forty-nine"),
        ("Lamp, blue", "148"),
        ("The blue lamp or the iron pedal.", "48 or 72"),
        ("The blue lamp and the iron pedal.", "35, 72, 48"),
        ("The iron pedal, not the blue lamp.", "72, not 48"),
        ("Not the blue lamp.", "Not 48."),
        ("Is it the blue lamp?", "Is it 48?"),
        ("The second part.", "The third number."),
        ("Which machine?", "Which pedal?"),
        ("The star loom.", "Many."),
        ("Step 2.", "Step 3."),
        ("It's the last one.", "Grams."),
        ("First blue, then lamp.", "4.8"),
    ],
)
def test_wrong(part: str, count: str) -> None:
    assert points(TEST, part, count) == 0


def test_the_instructions_are_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((0,), (0,)), ((), ()))


def test_steps_and_questions_are_as_many_as_asked_for() -> None:
    test = example("instruction_recall", steps=4, questions=5)
    assert test.script[0].text.count("\n") == 4
    assert len({said.text for said in test.script}) == 6


def test_of_two_steps_there_are_four_questions() -> None:
    assert len(example("instruction_recall", steps=2, questions=4).script) == 5
    with pytest.raises(SettingsError, match="questions: must be a whole number from 1 to 4"):
        example("instruction_recall", steps=2, questions=5)

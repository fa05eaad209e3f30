import pytest

from exam import define, example, expected, points
from services.errors import SettingsError

TOLD = [
    "In the very middle of our town stands the Bakery.",
    "From the Bakery, the Old Mill lies 4 km to the east.",
    "If you walk 1 km east from the Old Mill, you come to the School.",
]
QUESTION = "How far is it straight from the School back to the Bakery, and in which direction?"
TEST = define("locations", TOLD, [QUESTION], ["5 km West"])


@pytest.mark.parametrize(
    "reply",
    [
        "5 km west",
        "5 km West.",
        "5 KM WEST",
        "5km west",
        "West, 5 km",
        "It is 5 km to the west.",
        "You go west for 5 km.",
        "**5 kilometers west**",
        "Five kilometres to the west.",
        "5000 m west",
        "5,000 metres to the west",
        "5 km W",
        "5.0 km westward",
        "5 km due west",
        "The Bakery is 5 km west of the School.",
        "The School is 5 km east of the Bakery.",
        "The Old Mill is 4 km east of the Bakery and the School is 1 km east of the Old Mill, so the "
        "School is 5 km east of the Bakery. Going back you travel 5 km west.",
        "Step 1: 4 km east.\nStep 2: 1 km east.\nTotal: 5 km east.\n\nFrom the School to the Bakery: 5 km "
        "west.",
        "From the Bakery it's 4 km east and 1 km east to the School. Answer: 5 km west",
        "4 + 1 = 5, so 5 km west.",
        "Head 5 km west and you are at the Bakery again.",
        "Straight on to the west, 5 km.",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "5",
        "5 km",
        "West",
        "To the west.",
        "5 km east",
        "4 km west",
        "5 km north",
        "6 km west",
        "5 miles west",
        "5 m west",
        "50 km west",
        "5 km north-west",
        "The School is 5 km west of the Bakery.",
        "The Bakery is 5 km east of the School.",
        "First 1 km west, then 4 km west.",
        "5 km west as a bird flies to the Old Mill; to the Bakery it is 6 km west.",
        "They are in the same place.",
        "Some kilometres to the west.",
        "5 minutes to the west.",
        "You go back.",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


def test_each_place_but_the_first_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((1, 2),), ((),))


def test_the_last_place_lies_straight_from_the_first() -> None:
    for seed in range(20):
        ((length, way, _),) = expected(example("locations", seed))
        assert length > 0
        assert way in ("north", "east", "south", "west")


@pytest.mark.parametrize(
    "answers", [[], ["The same place."], ["1 km west, 2 km east"], ["1 km east", "1 km east"]]
)
def test_one_distance_with_its_direction_is_expected(answers: list[object]) -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold one distance with its direction"):
        define("locations", TOLD, [QUESTION], answers)


def test_places_and_a_question_for_the_way_between_them_are_expected() -> None:
    with pytest.raises(SettingsError, match="script: must tell the first place"):
        define("locations", TOLD[:1], [QUESTION], ["5 km west"])
    with pytest.raises(SettingsError, match="script: must end with a question for the way"):
        define("locations", TOLD, ["How far is it?"], ["5 km west"])

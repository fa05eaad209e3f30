import pytest

from exam import define, example, points
from services.errors import SettingsError

TOLD = [
    "In the very middle of our town stands the Bakery.",
    "From the Bakery, the Old Mill lies 4 km to the east.",
    "If you walk 3 km west from the Old Mill, you come to the School.",
    "Our town also has a Tavern, 2 km south of the School.",
]
LEGS = [
    ["Bakery", 4, "east", "Old Mill"],
    ["Old Mill", 3, "west", "School"],
    ["School", 2, "south", "Tavern"],
]
QUESTION = "How do I get from the Bakery to the Tavern, past every place?"
TEST = define("locations_directions", TOLD, [QUESTION], LEGS)


@pytest.mark.parametrize(
    "reply",
    [
        "From the Bakery, go 4 km east to the Old Mill. From there, go 3 km west to the School. From the "
        "School, go 2 km south to the Tavern.",
        "1. Go 4km East to the Old Mill.\n2. Go 3km West to the School.\n3. Go 2km South to the Tavern.",
        "- Bakery to Old Mill: 4 km east\n- Old Mill to School: 3 km west\n- School to Tavern: 2 km south",
        "**Bakery → Old Mill**: head **4 KM East**\n**Old Mill → School**: head **3 KM West**\n"
        "**School → Tavern**: head **2 KM South**",
        "Bakery → 4 km east → Old Mill → 3 km west → School → 2 km south → Tavern",
        "Travel east for 4 km, then west for 3 km, then south for 2 km.",
        "Head East from the Bakery for 4 kilometers to reach the Old Mill; turn West and walk 3 "
        "kilometers to the School; finally South 2 kilometers to the Tavern.",
        "Go four kilometres east, then three kilometres west, and then two kilometres south.",
        "Go 4000 m east, 3000 m west and 2000 metres south.",
        "4 km E, 3 km W, 2 km S",
        "4 km (E)\n3 km (W)\n2 km (S)",
        "Go 4 km eastward to the Old Mill, 3 km westwards to the School and 2 km due south to the Tavern.",
        "You walk 4.0 km to the east, 3.0 km to the west, 2.0 km to the south.",
        "From the Bakery, go 4 km east to the Old Mill (which is 4 km east of the Bakery). Then go 3 km "
        "west to the School (which is 3 km west of the Old Mill). Then go 2 km south to the Tavern.",
        "The Old Mill is 4 km east of the Bakery. The School is 3 km west of the Old Mill. The Tavern is "
        "2 km south of the School.",
        "Go 4 km east, 3 km west, 2 km south. In total you end up 1 km east and 2 km south of the Bakery.",
        "Go 4 km east to the Old Mill. Go 3 km west to the School. Go 2 km south to the Tavern.\n\n"
        "Overall, the Tavern is 1 km east and 2 km south of the Bakery, and you walk 9 km.",
        "Go 1 km east and then 2 km south.",
        "Walk 2 km south, then 1 km east.",
        "| leg | distance | direction |\n|---|---|---|\n| Bakery - Old Mill | 4 km | east |\n"
        "| Old Mill - School | 3 km | west |\n| School - Tavern | 2 km | south |",
        "Start at the Bakery. Go 4 km East to Old Mill. From Old Mill, go 3 km West to School. From "
        "School, go 2 km South to Tavern. You have arrived!",
        "The School lies 3 km west of the Old Mill. So: go 4 km east to the Old Mill. Go 3 km west to the "
        "School. Go 2 km south to the Tavern.",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "You have not told me of these places.",
        "Bakery, Old Mill, School, Tavern",
        "Go east, then west, then south.",
        "Go 4, then 3, then 2.",
        "Go 4 km, then 3 km, then 2 km.",
        "Go 4 km east to the Old Mill.",
        "Go 4 km east, then 3 km west.",
        "Go 3 km west, then 2 km south.",
        "Go 4 km east, 3 km west, 2 km north.",
        "Go 4 km west, 3 km east, 2 km south.",
        "Go 4 km east, 2 km west, 2 km south.",
        "Go 4 km east, 3 km east, 2 km south.",
        "Go 4 km north, 3 km west, 2 km south.",
        "Go 4 km east, 3 km west, 2 km south, 1 km north.",
        "Go 40 km east, 30 km west, 20 km south.",
        "Go 4 miles east, 3 miles west, 2 miles south.",
        "Go 4 minutes east, 3 minutes west, 2 minutes south.",
        "Walk 2.2 km south-east.",
        "The Tavern is 2 km south of the Bakery.",
        "The whole way is 9 km long.",
        "Go back the way you came: 2 km north, 3 km east, 4 km west.",
        "Take the bus.",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


def test_the_way_may_be_expected_as_a_text() -> None:
    way = (
        "(An example.)\nFrom Bakery, go 4km East to Old Mill.\n"
        "From Old Mill, go 3km West to School.\nFrom School, go 2km South to Tavern."
    )
    assert define("locations_directions", TOLD, [QUESTION], [way]) == TEST


def test_each_leg_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((1, 2, 3),), ((),))


def test_so_many_places_are_told_as_asked_for() -> None:
    test = example("locations_directions", known_locations=4)
    assert len(test.script) == 5
    with pytest.raises(SettingsError, match="known_locations: must be a whole number from 2 to 16, not 17"):
        example("locations_directions", known_locations=17)


@pytest.mark.parametrize("expected", [[], ["Go east."], [["Bakery", 4, "up", "Old Mill"]], [3]])
def test_legs_are_expected(expected: list[object]) -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold legs such as"):
        define("locations_directions", TOLD, [QUESTION], expected)


def test_each_leg_is_told() -> None:
    with pytest.raises(SettingsError, match="script: the way from School to Bakery is not told"):
        define("locations_directions", TOLD, [QUESTION], [["School", 2, "south", "Bakery"]])

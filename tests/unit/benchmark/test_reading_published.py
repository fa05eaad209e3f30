"""The template reader on tests in the words of GoodAI's LTM Benchmark 3."""

import json

from services.benchmark.reading import read

WAY = (
    "Given the points of interest that I have told you about, how would I travel from Park to Town Hall"
    " following those interesting points?"
)
LOOK = (
    "The TV program has ended for today. Where will {} look for the {}?\n"
    'Provide your answer in JSON form with a single word as answer, like this: {{"answer": "word"}}\n'
    "Be as specific as possible."
)


def test_the_way_is_told_leg_by_leg() -> None:
    context = "\n".join([
        "There is a Museum in the center of my hometown.",
        "About 9 km West of the Museum there is a Library",
        "There is a Park in the center of my hometown.",
        "About 3 km North of the Park there is a Museum",
        "I visited Retail Area, which is 4 KM, South from Museum.",
        "Library is a location in my home town, it is 4 KM, North from Retail Area.",
        "And finally there is Town Hall which is West from Library and 3 KM from it.",
        WAY,
    ])  # fmt: skip
    assert read(WAY, context).splitlines() == [
        "From Park, go 3 km North to Museum.",
        "From Museum, go 4 km South to Retail Area.",
        "From Retail Area, go 4 km North to Library.",
        "From Library, go 3 km West to Town Hall.",
    ]
    assert read(WAY, "") == ""


def test_legs_that_lead_round_in_a_circle_end() -> None:
    context = (
        "I visited Town Hall, which is 4 KM, South from Museum.\n"
        "I visited Museum, which is 1 KM, North from Town Hall."
    )
    assert len(read(WAY, context).splitlines()) == 2


def seen(*events: str) -> str:
    return "They are broadcasting a program on TV. Okay?\n" + "\n".join(
        f"(On TV) {event}\n" for event in events
    )


def test_who_left_believes_what_was() -> None:
    context = seen(
        "Ava entered the attic.",
        "Jacob entered the attic.",
        "The skirt is in the pantry.",
        "Jacob exited the attic.",
        "Ava moved the skirt to the bottle.",
        "Jacob dislikes the cucumber",
        "Jacob entered the staircase.",
    )
    assert json.loads(read(LOOK.format("Jacob", "skirt"), context)) == {"answer": "pantry"}
    assert json.loads(read(LOOK.format("Ava", "skirt"), context)) == {"answer": "bottle"}


def test_who_comes_back_sees_what_is() -> None:
    context = seen(
        "Liam entered the den.",
        "Evelyn is in the den.",
        "The boots are in the crate.",
        "Evelyn exited the den.",
        "Liam moved the boots to the container.",
        "Evelyn entered the den.",
    )
    assert json.loads(read(LOOK.format("Evelyn", "boots"), context)) == {"answer": "container"}


def test_of_an_older_show_nothing_is_believed() -> None:
    older = seen("Ava entered the attic.", "The hat is in the box.") + LOOK.format("Ava", "hat") + "\n"
    newer = seen("Ava entered the attic.", "The cap is in the bag.")
    assert read(LOOK.format("Ava", "hat"), older + newer) == ""
    assert json.loads(read(LOOK.format("Ava", "cap"), older + newer)) == {"answer": "bag"}


def test_a_trigger_is_answered_as_told() -> None:
    context = (
        "user: Whenever I sneeze with &#x27;Achooo!&#x27; then say: 'Here is a tissue for you'\n"
        "user: Whenever I ask you for the time then say: 'It's party time!'"
    )
    assert read("Achoo!", context) == "Here is a tissue for you"
    assert read("What is the current time?", context) == "It's party time!"
    assert read("I am pretty tired.", context) == ""

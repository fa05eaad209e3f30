import pytest

from exam import define, example, expected, points
from services.errors import SettingsError

TOLD = [
    "On a free day the first that fits wins. If it rains, I go to the museum. If my knee hurts, I go to the "
    "sauna. Otherwise I go to the lake."
]
TEST = define(
    "how_to_think",
    TOLD,
    ["It is dry. My knee hurts. Where do I go? End with a line 'Answer: ' and the place."],
    [["sauna", ["museum", "lake"]]],
)


@pytest.mark.parametrize(
    "reply",
    [
        "Answer: sauna",
        "Answer: Sauna",
        "Answer: the sauna",
        "Answer: SAUNA.",
        "answer: sauna",
        "**Answer:** sauna",
        "**Answer: sauna**",
        "Answer: **the sauna**",
        "It does not rain, so no museum. Your knee hurts.\nAnswer: sauna",
        "1. Rain? No, so not the museum.\n2. Knee? Yes: sauna.\n\nAnswer: sauna",
        "If it rained you would go to the museum; otherwise to the lake or the sauna.\nAnswer: sauna",
        "Final answer: sauna",
        "The answer is the sauna.",
        "Answer - : sauna",
        "Sauna",
        "You go to the sauna.",
        "You go to the sauna, not to the lake.",
        "To the sauna instead of the museum.",
        "Answer: lake? No. Answer: sauna",
        "Answer:\nsauna",
        "Your knee hurts, therefore you go to the sauna.\n\nAnswer: sauna 🧖",
        "Answer: You go to the sauna.",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "Answer: museum",
        "Answer: lake",
        "Answer: the museum",
        "Your knee hurts, so you go to the sauna.\nAnswer: lake",
        "Answer: sauna or lake",
        "Answer: sauna, then museum",
        "Answer: not the sauna",
        "Answer:",
        "Answer: place",
        "Answer: home",
        "Answer: it depends",
        "You go to the lake.",
        "Either the sauna or the lake.",
        "The museum, the sauna, the lake",
        "Answer: sauna? Answer: museum",
        "You don't go to the sauna.",
        "To the lake instead of the sauna.",
        "Answer: sauna?",
        "You have not taught me how you decide.",
        "Answer: saunas and spas",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


def test_what_was_taught_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((0,),), ((),))


def test_rules_and_situations_are_as_many_as_asked_for() -> None:
    test = example("how_to_think", rules=5, questions=4)
    assert test.script[0].text.count("If ") == 5
    assert len(test.script) == 5


def test_the_first_rule_that_fits_wins() -> None:
    test = example("how_to_think", rules=1, questions=20)
    ((_, _, rest),) = [test.script[0].text.partition("If ")]
    place = rest.split("go to the ")[1].split(".")[0]
    assert {answer == place for answer, _ in expected(test)} == {True, False}


def test_so_many_rules_there_are_not() -> None:
    with pytest.raises(SettingsError, match="rules: must be a whole number from 1 to 6, not 7"):
        example("how_to_think", rules=7)

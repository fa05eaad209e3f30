import pytest

from exam import define, example, points
from services.errors import SettingsError

TEST = define(
    "colours",
    ["Brown is the colour I like best.", "These days it is Cream.", "I now say Red."],
    ["Which colour is my favourite?"],
    ["Red"],
)


@pytest.mark.parametrize(
    "reply",
    [
        "Red",
        "red.",
        "RED!",
        "**Red**",
        '"Red"',
        "Your favourite colour is Red.",
        "Your favorite color is red, as you told me.",
        "It's red! ❤️",
        "You told me that your favourite colour is Red.",
        "Earlier you said that your favourite colour is red.",
        "As of your last message, it's Red.",
        "Your favourite colour was Brown, then Cream, but now it is Red.",
        "It used to be Cream, now it's Red.",
        "Your current favourite is Red (previously Cream and Brown).",
        "You changed it from Cream to Red.",
        "Red, not Cream.",
        "It is Red rather than Brown.",
        "Red instead of Cream.",
        "Your favourite colour isn't Brown anymore, it's Red.",
        "First you said Brown, later Cream. Most recently you said Red.",
        "I believe it's red, though I might be mistaken.",
        "Answer: Red",
        "- Favourite colour: Red",
        "Favourite colour: Red\n\nIs there anything else that you would like to tell me?",
        "The last colour you mentioned was Red.",
        "I have noted that your favourite colour is Red. Previously, you mentioned Cream, and before "
        "that, Brown.",
        "Your favourite colour went from Brown to Cream to Red.",
        "Brown → Cream → Red",
        "Before that it was Cream; your favourite colour is Red.",
        "It's red. Shall I note blue as well?",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "You have not told me your favourite colour.",
        "Cream",
        "Your favourite colour is Brown.",
        "Your favourite colour is Cream.",
        "Blue, like the sky.",
        "Red or Cream.",
        "It's either Red or Brown.",
        "Your favourite colours are Brown, Cream and Red.",
        "Brown, Cream, Red",
        "It is not Red.",
        "Your favourite colour isn't red.",
        "It used to be Red, now it is Cream.",
        "You changed it from Red to Cream.",
        "It was Red, but now it's Brown.",
        "Cream, not Red.",
        "Cream instead of Red.",
        "Is it Red?",
        "Could you remind me? Is it Brown, Cream or Red?",
        "You were bored.",
        "Your favourite colour is infrared.",
        "Redwood",
        "Previously Red. Currently Cream.",
        "Red → Cream",
        "It was Brown, then Cream, then Red.",
        "I would guess orange-red.",
        "You first said Brown, later Red. Your current favourite is Cream.",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


def test_only_the_last_colour_is_needed_and_the_others_are_stale() -> None:
    assert (TEST.evidence, TEST.stale) == (((2,),), ((0, 1),))


def test_a_colour_that_comes_again_is_not_stale() -> None:
    test = define("colours", ["I like Tan.", "I like Red.", "I like Tan."], ["Which colour?"], ["Tan"])
    assert (test.evidence, test.stale) == (((2,),), ((1,),))


def test_so_many_colours_are_told_as_asked_for() -> None:
    assert len(example("colours", colour_changes=7).script) == 8


@pytest.mark.parametrize("changes", [0, 44, -1, "3", None, 2.5, True])
def test_that_many_colours_there_are_not(changes: object) -> None:
    with pytest.raises(SettingsError, match="colour_changes: must be a whole number from 1 to 43"):
        example("colours", colour_changes=changes)


@pytest.mark.parametrize("expected", [[], ["Red", "Tan"], [["Red"]], [3]])
def test_one_colour_is_expected(expected: list[object]) -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold one colour"):
        define("colours", ["I like Red."], ["Which colour?"], expected)


def test_the_last_colour_told_is_the_one_expected() -> None:
    with pytest.raises(SettingsError, match="script: the last one told is not Red"):
        define("colours", ["I like Red.", "I like Tan."], ["Which colour?"], ["Red"])

from collections.abc import Sequence

import pytest

from exam import define, example, take
from services.benchmark.definition import Definition, Exchange, Said, Score
from services.errors import SettingsError

MENU = {
    "Soups": ["Lentil Soup with Mint", "Goulash Soup"],
    "Mains": ["Pork Schnitzel with Potato Salad", "Mushroom Omelette", "Roast Duck, with Red Cabbage"],
    "Beverages": ["Lemonade", "Elderflower Spritzer"],
}
TEST = define("restaurant", [], [], [MENU])
DRINK, DISHES, OTHER = "A lemonade, please.", "I'd like the schnitzel.", "Then I'll have the omelette."
COMPLAINT, RECALLED = "Excuse me, I did not order this.", "I had the lemonade."
EVENING = (DRINK, DISHES, OTHER, COMPLAINT, RECALLED)


def evening(*replies: str, test: Definition = TEST) -> tuple[Score, list[str]]:
    """The score of an evening with these replies to the waiter's questions, and what the waiter said."""

    def answer(asked: int, said: Said, before: Sequence[Exchange]) -> str:
        return replies[asked]

    score, exchanges = take(test, answer)
    return score, [each.said.text for each in exchanges]


def with_reply(place: int, reply: str) -> float:
    """The points of an evening in which one reply is another."""
    return evening(*EVENING[:place], reply, *EVENING[place + 1 :])[0].points


def test_the_waiter_says_what_the_guest_has_ordered() -> None:
    score, said = evening(*EVENING)
    assert (score.points, score.most) == (5, 5)
    assert [text.removeprefix("Waiter: ") for text in said[2:]] == [
        "Here you are, lemonade. Which dishes would you like?",
        "Pork Schnitzel with Potato Salad, very well. I will tell the kitchen.",
        "I am afraid the kitchen has run out of Pork Schnitzel with Potato Salad. What would you like in "
        "its place?",
        "Then it will be Mushroom Omelette. Thank you for your patience.",
        "Dinner is served: Roast Duck, with Red Cabbage. Enjoy!",
        "Please excuse me, I will see to it at once.",
        "And here is your Mushroom Omelette. Let me make up for it with another drink, it is on us. What "
        "was it that you were drinking?",
    ]


@pytest.mark.parametrize(
    ("place", "reply"),
    [
        (0, "Lemonade"),
        (0, "I'll take a LEMONADE, thank you!"),
        (0, "Good evening! Could I have a lemonade?"),
        (0, "*looks at the menu* A lemonade would be lovely."),
        (1, "The Pork Schnitzel with Potato Salad, please."),
        (1, "Could I get the pork schnitzel?"),
        (1, "**Pork Schnitzel**, and nothing else."),
        (1, "I won't have soup, but the schnitzel sounds great."),
        (1, "Schnitzel!"),
        (2, "What a pity. The Mushroom Omelette, then."),
        (2, "May I have the omelette in place of the schnitzel?"),
        (2, "Mushroom omelette"),
        (3, "I'm sorry, but this isn't what I ordered."),
        (3, "There must be a mistake, I asked for the omelette."),
        (3, "I think there has been a mix-up."),
        (3, "Hm, I ordered the Mushroom Omelette, and this is the duck."),
        (3, "This is the wrong dish."),
        (3, "This is not exactly what I ordered."),
        (3, "Thank you, but I didn't ask for duck."),
        (4, "Lemonade."),
        (4, "I was drinking a lemonade, thank you!"),
        (4, "It was lemonade, not wine."),
    ],
)
def test_right(place: int, reply: str) -> None:
    assert with_reply(place, reply) == 5


@pytest.mark.parametrize(
    ("place", "reply"),
    [
        (0, ""),
        (0, "I am an AI and do not drink."),
        (0, "What do you recommend?"),
        (0, "Nothing, thank you."),
        (0, "I don't want a lemonade."),
        (1, ""),
        (1, "I am not hungry."),
        (1, "A pizza, please."),
        (1, "The potato salad."),
        (1, "No schnitzel for me; I never eat schnitzel."),
        (2, ""),
        (2, "No, thank you."),
        (2, "The schnitzel."),
        (2, "A steak, please."),
        (3, ""),
        (3, "Thank you, it looks delicious!"),
        (3, "Thanks, that is exactly what I ordered."),
        (3, "Enjoying it already."),
        (4, ""),
        (4, "I don't remember."),
        (4, "I had a beer."),
        (4, "It was lemonade or beer."),
        (4, "Not the lemonade."),
    ],
)
def test_wrong(place: int, reply: str) -> None:
    assert with_reply(place, reply) == place


def test_the_same_dish_is_not_ordered_again() -> None:
    both = (DRINK, "The schnitzel and the duck.", "Then the schnitzel and the duck.", COMPLAINT, RECALLED)
    assert evening(*both)[0].points == 2


def test_who_orders_the_whole_menu_gets_it() -> None:
    everything = "The lentil soup, the goulash, the schnitzel, the omelette and the duck."
    assert evening(DRINK, everything, everything)[0].points == 2


def test_a_dish_that_cannot_be_swapped_ends_the_evening() -> None:
    small = define("restaurant", [], [], [{"Soups": ["Lentil Soup", "Goulash"], "Drinks": ["Lemonade"]}])
    score, said = evening(DRINK, "The goulash.", "The lentil soup.", test=small)
    assert score.points == 3
    assert said[-1] == "Waiter: Then it will be Lentil Soup. Thank you for your patience."


def test_a_drink_of_many_names_is_known_by_a_part_of_it() -> None:
    test = example("restaurant")
    replies = ("A glass of red wine.", "The roast duck.", "The omelette.", COMPLAINT, "I had the wine.")
    assert evening(*replies, test=test)[0].points == 5
    assert evening(*replies[:4], "The white wine.", test=test)[0].points == 4


def test_it_is_over_where_the_guest_falls_out_of_the_scene() -> None:
    _, said = evening("I am a language model.")
    assert len(said) == 2


@pytest.mark.parametrize("expected", [["soup"], [{}], [{"Soups": []}], [{"Soups": "Goulash"}], [MENU, MENU]])
def test_a_menu_is_expected_or_nothing(expected: list[object]) -> None:
    with pytest.raises(SettingsError, match="expected_responses: must be empty, or hold a menu"):
        define("restaurant", [], [], expected)


def test_a_section_has_two_dishes() -> None:
    with pytest.raises(SettingsError, match="expected_responses: a section of the menu must have two dishes"):
        define("restaurant", [], [], [{"Soups": ["Goulash"], "Drinks": ["Lemonade", "Water"]}])

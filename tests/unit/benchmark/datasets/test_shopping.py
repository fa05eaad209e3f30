import pytest

from exam import define, example, points
from services.errors import SettingsError

TEST = define(
    "shopping",
    ["Add 1 Potato.", "Add 2 Toilet Paper.", "Add 1 Steak.", "Add 2 more Potato.", "Take 1 Steak off."],
    ["What do I have to buy? As JSON."],
    [["potato", 3], ["toilet paper", 2]],
)
FULL = '[{"item": "potato", "quantity": 3}, {"item": "toilet paper", "quantity": 2}]'


@pytest.mark.parametrize(
    "reply",
    [
        FULL,
        f"```json\n{FULL}\n```",
        f"```\n{FULL}\n```",
        f"Here is your shopping list:\n\n{FULL}\n\nAnything else?",
        '[{"item": "Toilet Paper", "quantity": 2}, {"item": "Potato", "quantity": 3}]',
        '[{"item": "POTATOES", "quantity": 3}, {"item": "TOILET PAPER", "quantity": 2}]',
        '[{"item": "potatoes", "quantity": 3}, {"item": "rolls of toilet paper", "quantity": 2}]',
        '[{"item": "large potatoes", "quantity": 3}, {"item": "Toilet  Paper", "quantity": 2}]',
        '[{"item": "potato", "quantity": "3"}, {"item": "toilet paper", "quantity": "2 rolls"}]',
        '[{"item": "potato", "quantity": 3.0}, {"item": "toilet paper", "quantity": 2.0}]',
        '[{"item": "potato", "quantity": "three"}, {"item": "toilet paper", "quantity": "two"}]',
        '[{"quantity": 3, "item": "potato"}, {"quantity": 2, "item": "toilet paper"}]',
        "[{'item': 'potato', 'quantity': 3}, {'item': 'toilet paper', 'quantity': 2}]",
        '[{"item": "potato", "quantity": 3}, {"item": "toilet paper", "quantity": 2},]',
        "[{item: potato, quantity: 3}, {item: toilet paper, quantity: 2}]",
        f'{{"items": {FULL}}}',
        f'{{"shopping_list": {FULL}, "note": "steak was removed"}}',
        '{"item": "potato", "quantity": 3}\n{"item": "toilet paper", "quantity": 2}',
        f'At first it was [{{"item": "steak", "quantity": 1}}]. By now it is: {FULL}',
        '[{"item": "potato", "quantity": 3, "unit": "kg"}, {"item": "toilet paper", "quantity": 2}]',
        "[{“item”: “potato”, “quantity”: 3}, {“item”: “toilet paper”, “quantity”: 2}]",
        '[\n\t{"item": "toilet-paper", "quantity": 2},\n\t{"item": "potato", "quantity": 3}\n]',
        f"{FULL}\n\nSources: [1], [2]",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "[]",
        "I have no shopping list of yours.",
        "3 potatoes and 2 toilet paper.",
        "- potato: 3\n- toilet paper: 2",
        "| item | quantity |\n|---|---|\n| potato | 3 |\n| toilet paper | 2 |",
        '{"potato": 3, "toilet paper": 2}',
        '[{"name": "potato", "amount": 3}, {"name": "toilet paper", "amount": 2}]',
        '[["potato", 3], ["toilet paper", 2]]',
        '["potato", "toilet paper"]',
        '[{"item": "potato"}, {"item": "toilet paper"}]',
        '[{"quantity": 3}, {"quantity": 2}]',
        '[{"item": "steak", "quantity": 1}]',
        '[{"item": "milk", "quantity": 3}, {"item": "soap", "quantity": 2}]',
        '[{"item": "paper", "quantity": 2}]',
        '[{"item": "", "quantity": 3}]',
        '[{"item": null, "quantity": 3}]',
        '"potato": 3, "toilet paper": 2',
        "{}",
        "null",
        "What would you like me to put on the list?",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


@pytest.mark.parametrize(
    ("reply", "thirds"),
    [
        # One of two items, its quantity right, nothing that doesn't belong.
        ('[{"item": "potato", "quantity": 3}]', 1 / 2 + 1 / 2 + 1),
        # Cut off after the first.
        ('[{"item": "potato", "quantity": 3}, {"item": "toilet paper", "quantity": 2', 1 / 2 + 1 / 2 + 1),
        # Both items, one quantity right.
        ('[{"item": "potato", "quantity": 1}, {"item": "toilet paper", "quantity": 2}]', 1 + 1 / 2 + 1),
        # The quantities that were told at first.
        ('[{"item": "potato", "quantity": null}, {"item": "toilet paper", "quantity": 1}]', 1 + 0 + 1),
        # What was taken off is still there.
        (FULL[:-1] + ', {"item": "steak", "quantity": 1}]', 1 + 1 + 0),
        # With none of it it is there as well.
        (FULL[:-1] + ', {"item": "steak", "quantity": 0}]', 1 + 1 + 0),
        # Not added up: the second entry is one too many, and the first one's quantity is wrong.
        (
            '[{"item": "potato", "quantity": 1}, {"item": "potato", "quantity": 2}, '
            '{"item": "toilet paper", "quantity": 2}]',
            1 + 1 / 2 + 0,
        ),
    ],
)
def test_in_part(reply: str, thirds: float) -> None:
    assert points(TEST, reply) == pytest.approx(thirds / 3)


def test_what_was_said_of_an_item_that_is_gone_is_stale() -> None:
    assert (TEST.evidence, TEST.stale) == (((0, 1, 3),), ((2, 4),))


def test_so_many_changes_are_told_as_asked_for() -> None:
    assert len(example("shopping", item_changes=9).script) == 10


@pytest.mark.parametrize(
    "pair", ["potato", ["potato"], ["potato", "3"], [3, "potato"], ["potato", 0], {"potato": 3}]
)
def test_items_with_quantities_are_expected(pair: object) -> None:
    with pytest.raises(SettingsError, match=r"expected_responses: .* is not an item with its quantity"):
        define("shopping", ["Add 3 Potato."], ["What is there?"], [pair])


def test_items_are_expected_and_told() -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold an item"):
        define("shopping", ["Add 3 Potato."], ["What is there?"], [])
    with pytest.raises(SettingsError, match="script: nothing is said of milk"):
        define("shopping", ["Add 3 Potato."], ["What is there?"], [["milk", 1]])

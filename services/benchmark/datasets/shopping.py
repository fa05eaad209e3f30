"""A shopping list that grows and shrinks: what is on it at the end, and how much of it."""

from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import graded, number, says, singular, values, words
from services.benchmark.scripts import in_order, needs, spread, told, whole
from services.errors import SettingsError

ITEMS = (
    "Apple", "Banana", "Candle", "Cucumber", "Egg", "Garlic", "Honey", "Lemon", "Light Bulb", "Melon",
    "Mustard", "Notebook", "Onion", "Paper Towel", "Pear", "Pepper", "Pineapple", "Pumpkin", "Shampoo",
    "Sponge", "Tea", "Yogurt",
)  # fmt: skip
ADD = (
    "We need {number} {item}, note that on the shopping list.",
    "Add {number} {item} to what I have to buy.",
    "My shopping list should get {number} {item}.",
)
ADD_MORE = (
    "We need {number} more {item}, note that on the shopping list.",
    "Add {number} more {item} to what I have to buy.",
    "My shopping list should get {number} more {item}.",
)
REMOVE = (
    "Take {number} {item} off the shopping list.",
    "I no longer need {number} of the {item} on my shopping list, strike them out.",
)
QUESTION = (
    "What do I have to buy by now? Reply with a JSON list that has an object for each item, with the keys "
    "`item` and `quantity` and nothing else. Each item stands there once, with all of it added up."
)
ARGUMENTS: Arguments = {"item_changes": 3}


def generate(random: Random, example: int, arguments: Arguments) -> Definition:
    """`item_changes` additions and, one in five, removals; at the end the list is never empty."""
    changes = whole(arguments, ARGUMENTS, "item_changes", 1, 100)
    on_list: dict[str, int] = {}
    statements = []
    for change in range(1, changes + 1):
        if on_list and random.random() < 0.2 and not (change == changes and len(on_list) == 1):
            item = random.choice(list(on_list))
            quantity = random.randint(1, on_list[item])
            template = random.choice(REMOVE)
            on_list[item] -= quantity
            if not on_list[item]:
                del on_list[item]
        else:
            item, quantity = random.choice(ITEMS), random.randint(1, 3)
            template = random.choice(ADD_MORE if item in on_list else ADD)
            on_list[item] = on_list.get(item, 0) + quantity
        statements.append(Said(template.format(number=quantity, item=item)))
    expected = [[item.lower(), quantity] for item, quantity in on_list.items()]
    return define(example, spread(statements, [Said(QUESTION, True)]), expected)


def define(example: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: pairs of item and quantity. What was said of an item that is gone is stale."""
    on_list = []
    for pair in expected:
        match pair:
            case [str(item), int(quantity)] if quantity > 0:
                on_list.append((item.lower(), quantity))
            case _:
                raise SettingsError(f"expected_responses: {pair!r} is not an item with its quantity")
    needs(bool(on_list), "expected_responses", "must hold an item")
    places = told(script)
    for item, _ in on_list:
        needs(any(says(script[place].text, item) for place in places), "script", f"nothing is said of {item}")
    kept = tuple(place for place in places if any(says(script[place].text, item) for item, _ in on_list))
    gone = tuple(place for place in places if place not in kept)
    return Definition("shopping", example, script, (tuple(on_list),), (kept,), (gone,))


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point, in thirds: items found, their quantities right, nothing there that does not belong.

    The first two thirds by their share of the expected items; the last one whole, if any expected item is
    there. The reply must hold a JSON list of objects with `item` and `quantity`, the last such list counts;
    it may stand in prose, in a code fence or under a key. An item is known in singular and plural and with
    words around it ("whole milk"); a quantity may be a text with one number ("2 packs"). An item that comes
    twice counts once, the other is unexpected.
    """
    ((reply, expected),) = graded(definition, exchanges)
    listed = _listed(reply)
    if listed is None:
        return Score(0, 1, ("no JSON list of items with quantities",))
    wanted: dict[str, int] = dict(expected)
    notes, right = [], 0
    missing = set(wanted)
    unexpected = 0
    for entry in listed:
        item = _item(str(entry["item"]), missing)
        if item is None:
            unexpected += 1
            notes.append(f"unexpected: {entry['item']}")
            continue
        missing.remove(item)
        if number(entry["quantity"]) == wanted[item]:
            right += 1
        else:
            notes.append(f"{item}: expected {wanted[item]}, said {entry['quantity']}")
    found = len(wanted) - len(missing)
    notes += [f"missing: {item}" for item in sorted(missing)]
    points = (found / len(wanted) + right / len(wanted) + (found > 0 and not unexpected)) / 3
    return Score(points, 1, tuple(notes))


def _listed(reply: str) -> list[Mapping[str, Any]] | None:
    """The last list of items in the reply; the objects in it one by one, if there is no list around them."""
    found = list(values(reply))
    single = [value for value in found if _is_entry(value)]
    within = [each for value in found for each in (value.values() if isinstance(value, dict) else [value])]
    lists = [each for each in within if isinstance(each, list) and each and all(map(_is_entry, each))]
    return lists[-1] if lists else single or None


def _is_entry(value: object) -> bool:
    return isinstance(value, dict) and "item" in value and "quantity" in value


def _item(name: str, wanted: set[str]) -> str | None:
    """Which wanted item this is, the longest if several fit."""
    named = " ".join(map(singular, words(name)))
    fitting = [item for item in wanted if says(named, " ".join(map(singular, words(item))))]
    return max(fitting, key=len, default=None)


DATASET = Dataset(
    "shopping",
    "a shopping list that is added to and taken from; asked for as JSON",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="Everything on my shopping list has been bought. The list is empty now.",
)

"""An evening at a restaurant, the agent being the guest: order, reorder, notice a mix-up, recall the drink.

What the waiter says depends on what the guest orders, so this needs an agent that can play along.
"""

import re
from collections.abc import Generator, Sequence
from contextlib import suppress
from datetime import datetime
from random import Random

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score, Wait
from services.benchmark.grading import plain
from services.benchmark.orders import Menu, are_alike, dishes_in, drinks_in, food_of
from services.errors import SettingsError

MENU: Menu = {
    "Starters": ("Pumpkin Soup with Toasted Seeds", "Smoked Trout on Rye", "Beetroot Carpaccio with Walnuts"),
    "From the Pan": (
        "Pork Schnitzel with Potato Salad",
        "Mushroom Omelette with Chives",
        "Spinach Dumplings in Brown Butter",
        "Veal Liver with Apple Rings",
    ),
    "From the Oven": (
        "Aubergine Lasagne with Ricotta",
        "Roast Duck with Red Cabbage",
        "Shepherd's Pie with Lamb and Peas",
        "Stuffed Peppers with Rice",
    ),
    "From the Sea": ("Fried Plaice with Bacon", "Mussel Stew with Fennel", "Prawn Curry with Mango"),
    "Sweets": ("Plum Crumble with Custard", "Walnut Ice Cream", "Lemon Tart with Meringue"),
    "Drinks": (
        "Apple Juice",
        "Ginger Ale",
        "Sparkling Water",
        "Black Tea",
        "Wheat Beer",
        "Red Wine",
        "White Wine",
    ),
}
RULES = (
    "Let us play a scene: whatever I begin with 'Waiter:', I say as the waiter of a restaurant, and you "
    "reply as my guest. Keep to the scene and to plain answers. All right?"
)
WELCOME = "Waiter: Good evening, and welcome! This is our menu:\n\n{menu}\n\nWhat may I bring you to drink?"
SERVED = "Waiter: Here you are, {drinks}. Which dishes would you like?"
NOTED = "Waiter: {dishes}, very well. I will tell the kitchen."
SOLD_OUT = "Waiter: I am afraid the kitchen has run out of {dish}. What would you like in its place?"
CHANGED = "Waiter: Then it will be {dishes}. Thank you for your patience."
MIXED_UP = "Waiter: Dinner is served: {dishes}. Enjoy!"
SORRY = "Waiter: Please excuse me, I will see to it at once."
RIGHT_NOW = (
    "Waiter: And here is your {dish}. Let me make up for it with another drink, it is on us. What was it "
    "that you were drinking?"
)
_ORDERED = r"i (?:had )?(?:actually )?(?:ordered|asked for|wanted)"
COMPLAINS = re.compile(
    rf"\b(?:{_ORDERED}|did(?: not|n't) (?:order|ask)|not (?:what|the one) i|wrong|mistake|mix-? ?up|mixed up"
    r"|supposed to|missing|incorrect|error|confus\w+|instead of|should (?:be|have been))\b"
)
CONTENT = re.compile(
    rf"(?<!not )(?<!n't )\b(?:exactly|just|precisely|all|everything)(?: that| what| as)? {_ORDERED}\b"
)
ARGUMENTS: Arguments = {}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """An evening with MENU. What the kitchen runs out of depends on `number` and the order."""
    return define(number, (), [])


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: nothing, or the menu to be used: sections with their dishes, one of them with drinks."""
    menu: Menu
    match expected:
        case []:
            menu = MENU
        case [dict(given)] if given and all(isinstance(dishes, list) and dishes for dishes in given.values()):
            menu = {str(section): tuple(map(str, dishes)) for section, dishes in given.items()}
        case _:
            raise SettingsError("expected_responses: must be empty, or hold a menu: sections with dishes")
    if not any(len(dishes) > 1 for dishes in food_of(menu).values()):
        raise SettingsError("expected_responses: a section of the menu must have two dishes")
    listed = "\n\n".join(
        "\n".join([f"{section}:", *(f"- {dish}" for dish in dishes)]) for section, dishes in menu.items()
    )
    known = (Said(RULES, wait=Wait(share=0.2)), Said(WELCOME.format(menu=listed), True, Wait(share=0.4)))
    return Definition("restaurant", number, known, ())


def next_said(definition: Definition, exchanges: Sequence[Exchange], now: datetime) -> Said | None:
    """What the waiter says to the last reply; the evening is over early where the guest falls out of it."""
    evening = _evening(definition, [])
    said = next(evening)
    try:
        for each in exchanges:
            said = evening.send(each.reply)
    except StopIteration:
        return None
    return said


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """Five points, each only after the one before, as GoodAI has them.

    1. A drink is ordered: one of the menu or of DRINKS. 2. A dish of the menu is ordered. 3. Another one is,
    in place of what has run out, and none again. 4. The guest notices that a dish was swapped: says that it
    was not ordered, or is wrong (COMPLAINS). 5. The guest names the drinks of the beginning, and no others.

    A dish is known by at least half of the words before its first "with", "on" or "in", or comma, one of
    which no other dish has; a drink by its name. What is denied does not count.
    """
    earned: list[tuple[bool, str]] = []
    evening = _evening(definition, earned)
    next(evening)
    with suppress(StopIteration):
        for each in exchanges:
            evening.send(each.reply)
    return Score(sum(point for point, _ in earned), 5, tuple(note for _, note in earned))


def _evening(definition: Definition, earned: list[tuple[bool, str]]) -> Generator[Said, str, None]:
    """Yields what the waiter says and is sent the replies; notes each point that is earned or missed."""

    def earns(holds: bool, note: str) -> bool:
        earned.append((holds, note))
        return holds

    menu = _menu(definition)
    food = food_of(menu)
    yield definition.script[0]
    drinks = drinks_in((yield definition.script[1]), menu)
    if not earns(bool(drinks), f"drinks ordered: {_list(drinks)}"):
        return
    dishes = dishes_in((yield Said(SERVED.format(drinks=_list(drinks)), True)), food)
    if not earns(bool(dishes), f"dishes ordered: {_list(dishes)}"):
        return
    yield Said(NOTED.format(dishes=_list(dishes)), wait=Wait(share=0.6))
    random = Random(f"{definition.name} {dishes}")
    gone = random.choice(dishes)
    reply = yield Said(SOLD_OUT.format(dish=gone), True)
    others = [dish for dish in dishes_in(reply, food) if dish != gone]
    is_new = bool(others) and not set(others) & set(dishes)
    if not earns(is_new, f"in place of {gone}: {_list(others)}"):
        return
    yield Said(CHANGED.format(dishes=_list(others)), wait=Wait(share=0.8))
    order = [dish for dish in dishes if dish != gone] + others
    swaps = [
        (dish, other)
        for section in food.values()
        for dish in section
        for other in section
        if dish in order and other not in (*order, gone)
    ]
    if not swaps:
        return
    wanted, swapped = random.choice(swaps)
    served = [swapped if dish == wanted else dish for dish in order]
    reply = plain((yield Said(MIXED_UP.format(dishes=_list(served)), True)))
    is_noticed = bool(COMPLAINS.search(reply)) and not CONTENT.search(reply)
    if not earns(is_noticed, f"{swapped} instead of {wanted}: {'' if is_noticed else 'not '}noticed"):
        return
    yield Said(SORRY, wait=Wait(share=0.9))
    recalled = drinks_in((yield Said(RIGHT_NOW.format(dish=wanted), True)), menu)
    earns(are_alike(drinks, recalled), f"had been drinking {_list(drinks)}, recalled {_list(recalled)}")


def _menu(definition: Definition) -> Menu:
    """The menu, as the welcome shows it."""
    menu: dict[str, list[str]] = {}
    for line in definition.script[1].text.splitlines():
        if line.startswith("- "):
            menu[next(reversed(menu))].append(line[2:])
        elif line.endswith(":"):
            menu[line[:-1]] = []
    return {section: dishes for section, dishes in menu.items() if dishes}


def _list(items: Sequence[str]) -> str:
    return " and ".join(part for part in (", ".join(items[:-1]), *items[-1:]) if part) or "none"


DATASET = Dataset(
    "restaurant",
    "an evening as a restaurant's guest, with a dish that runs out and a mix-up; needs a model",
    ARGUMENTS,
    generate,
    define,
    next_said,
    score,
    reset="The scene is over, we are not at the restaurant any more. Forget it.",
    needs_model=True,
)

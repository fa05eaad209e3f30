"""What a restaurant's guest orders, read from how they say it."""

import re
from collections.abc import Mapping, Sequence
from typing import TypeAlias

from services.benchmark.grading import Standing, clauses, longest, says, singular, words

Menu: TypeAlias = Mapping[str, Sequence[str]]
"""Sections with their dishes; a section of drinks says so in its name."""

DRINKS = (
    "water", "still water", "sparkling water", "mineral water", "tap water", "coke", "diet coke", "cola",
    "sprite", "soda", "soft drink", "iced tea", "tea", "green tea", "black tea", "herbal tea", "coffee",
    "espresso", "cappuccino", "lemonade", "ginger ale", "tonic water", "juice", "apple juice", "orange juice",
    "beer", "wheat beer", "lager", "pale ale", "cider", "wine", "red wine", "white wine", "rosé", "rosé wine",
    "prosecco", "champagne", "merlot", "pinot noir", "pinot grigio", "chardonnay", "cabernet sauvignon",
    "sauvignon blanc", "riesling", "cocktail", "gin and tonic", "whisky", "hot chocolate", "milk", "smoothie",
)  # fmt: skip
_SECTION_OF_DRINKS = re.compile(r"drink|beverage", re.I)


def food_of(menu: Menu) -> Menu:
    """The sections without drinks."""
    return {section: dishes for section, dishes in menu.items() if not _SECTION_OF_DRINKS.search(section)}


def drinks_in(reply: str, menu: Menu) -> list[str]:
    """The drinks that a reply names and does not deny: of DRINKS, or as the menu calls them.

    A drink that is named only as a part of another's name is left out.
    """
    offered = {
        dish.lower() for section, dishes in menu.items() if section not in food_of(menu) for dish in dishes
    }
    text = "; ".join(_singular(clause) for clause in _wanted(reply))
    return sorted(longest({drink for drink in {*DRINKS, *offered} if says(text, drink)}))


def dishes_in(reply: str, food: Menu) -> list[str]:
    """The dishes that a reply names and does not deny.

    A dish is named by half of the words before its first "with", "on" or "in", or comma, one of which no
    other dish has.
    """
    said = set(" ".join(map(_singular, _wanted(reply))).split())
    heads = {dish: _head(dish) for dishes in food.values() for dish in dishes}
    named = []
    for dish, head in heads.items():
        own = head - set[str]().union(*(other for name, other in heads.items() if name != dish))
        if own & said and len(head & said) * 2 >= len(head):
            named.append(dish)
    return named


def are_alike(drinks: Sequence[str], others: Sequence[str]) -> bool:
    """Whether each has its match among the others, and the other way round; "wine" matches "red wine"."""

    def matched(drink: str, among: Sequence[str]) -> bool:
        return any(says(drink, other) or says(other, drink) for other in among)

    return all(matched(drink, others) for drink in drinks) and all(matched(drink, drinks) for drink in others)


def _wanted(reply: str) -> list[str]:
    return [clause for clause, standing in clauses(reply) if standing is not Standing.DENIED]


def _singular(text: str) -> str:
    return " ".join(map(singular, words(text)))


def _head(dish: str) -> set[str]:
    """What a dish is mainly called."""
    return set(_singular(re.split(r"[,(]| (?:with|on|in|over|served) ", dish)[0]).split())

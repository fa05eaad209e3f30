"""The template reader, on contexts in the forms that agents give them."""

import json

import pytest

from services.benchmark.reading import read
from services.benchmark.reading.lines import lines

COLOUR = "What is my favourite colour?"
NAMES = "What have been all of the names that I have given you? Express the answer as a JSON list."
SHOPPING = (
    "What is on my current shopping list? Express the list of items as a JSON list of objects with `item` and"
    " `quantity` properties only. Consolidate items that are the same."
)
SPY = (
    "Given the clandestine messages you have received, tell me as specifically as you can, when and where"
    " a meeting is going to happen and what you should bring."
)


@pytest.mark.parametrize(
    "written",
    [
        "My name is Jane.",
        "- My name is Jane.",
        "user: My name is Jane.",
        "**User**: My name is Jane.",
        "2026-01-31 09:30 Ann: My name is Jane.",
        "[m3] 2026-01-31 09:30 Ann: (no longer holds) My name is Jane.",
        "[2026-01-31T09:30:00+00:00] Ann: My name is Jane.",
        "[2026-01-31 09:30] My name is Jane.",
        "2026-01-31 09:30: My name is Jane.",
        "Ann, 2026-01-31 09:30: My name is Jane.",
        "Ann (2026-01-31 09:30:12.5 UTC): My name is Jane.",
    ],
)
def test_a_line_is_read_whatever_its_label(written: str) -> None:
    assert read(NAMES, written) == '["Jane"]'


def test_the_colour_told_last_holds_however_the_context_is_ordered() -> None:
    context = (
        "2026-01-31 11:00 Ann: My favourite colour could be described as Cyan.\n"
        "2026-01-31 09:00 Ann: The name of my favourite colour is Purple.\n"
        "2026-01-31 10:00 Ann: Magenta is my favourite colour."
    )
    assert read(COLOUR, context) == "Cyan"


def test_what_the_agent_said_is_no_statement() -> None:
    context = (
        "2026-01-31 09:00 Ann: Tan is my favourite colour.\n"
        "2026-01-31 09:01 Remi: Noted.\n  Red is my favourite colour.\n"
        "assistant: Blue is my favourite colour."
    )
    assert read(COLOUR, context) == "Tan"


def test_names_of_earlier_tests_are_not_listed() -> None:
    context = "\n".join([
        "user: Gabriel is my name.",
        f"user: {NAMES}",
        'assistant: ["Gabriel"]',
        "user: Jody is what I am called.",
        "user: Forget, or otherwise disregard, all of the names I have given you before this message. Bye.",
        "user: Refer to me as Liam.",
        "user: Start calling me by my name which is Sinéad.",
        f"user: {NAMES}",
    ])  # fmt: skip
    assert json.loads(read(NAMES, context)) == ["Liam", "Sinéad"]


def test_a_shopping_list_is_added_up() -> None:
    context = "\n".join([
        "I want to buy 1 Chicken.",
        "I have bought all of the items on the list. Please remove all of them.",
        "Please add 2 Toilet Paper to my shopping list",
        "I require another 1 Toilet Paper, please put it on the list.",
        "I want to buy 3 Soap.",
        "Please remove 2 Soap from my shopping list",
        "Remove 1 Soap.",
        "What colour is grass?",
        "I require 3 Milk, please put it on the list.",
    ])  # fmt: skip
    assert json.loads(read(SHOPPING, context)) == [
        {"item": "toilet paper", "quantity": 3},
        {"item": "milk", "quantity": 3},
    ]


def test_a_message_shown_twice_counts_once_and_two_alike_count_twice() -> None:
    context = (
        "- 2026-01-31 09:00 Ann: I want to buy 2 Leek.\n"
        "[m1] 2026-01-31 09:00 Ann: I want to buy 2 Leek.\n"
        "[m1] 2026-01-31 09:00 Ann: I want to buy 2 Leek.\n"
        "[m2] 2026-01-31 09:00 Ann: I want to buy 2 Leek."
    )
    assert json.loads(read(SHOPPING, context)) == [{"item": "leek", "quantity": 4}]


def test_a_spy_meeting_is_read_from_its_codes() -> None:
    context = (
        "You will be given three messages from different people Dr. Arron Kelvey, Seana Lynch, and Li Ha.\n"
        "Seana Lynch: Bring to the meeting a way to get across a river.\n"
        "2026-01-31 09:00 user: Li Ha: We will rendezvous where the apples grow.\n"
        "Dr. Arron Kelvey: The time we will meet is when the sun is high."
    )
    answer = read(SPY, context)
    assert all(word in answer for word in ("boat", "orchard", "noon"))


def test_of_half_a_meeting_half_is_told() -> None:
    assert (
        read(SPY, "Ann: The time we will meet is when the cock crows.") == "We meet at when the cock crows."
    )


def test_nothing_is_made_up() -> None:
    assert read(COLOUR, "") == ""
    assert read(SPY, "Hello") == ""
    assert json.loads(read(NAMES, "Hello")) == []
    assert json.loads(read(SHOPPING, "Hello")) == []
    assert read("How are you?", "My name is Jane.") == ""


def test_a_date_that_is_none_is_text() -> None:
    (line,) = lines("2026-99-99 09:00 Ann: hello")
    assert line.moment is None
    assert line.text == "2026-99-99 09:00 Ann: hello"

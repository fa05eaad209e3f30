"""Reading what a memory model answers, and telling instructions from facts."""

import json

import pytest

from services.assistant.domain import MemoryKind
from services.assistant.learn import is_standing
from services.assistant.notes import Operation, read
from services.assistant.quotes import find_quote

NOTE = {"kind": "fact", "text": "Ann has a dog.", "message": 1, "quote": "my dog"}


@pytest.mark.parametrize(
    "answer",
    [
        json.dumps({"memories": [NOTE]}),
        json.dumps([NOTE]),
        f"Here you are:\n```json\n{json.dumps({'memories': [NOTE]}, indent=1)}\n```\nDone.",
        json.dumps(
            {"memories": [NOTE, {"kind": "rumour", "text": "x", "message": 1, "quote": "y"}, "?", {}]}
        ),
    ],
)
def test_notes_are_read_whatever_stands_around_them(answer: str) -> None:
    found = read(answer)
    assert found is not None
    (note,), _ = found
    assert (note.kind, note.text, note.message, note.quote) == (
        MemoryKind.FACT,
        "Ann has a dog.",
        1,
        "my dog",
    )


@pytest.mark.parametrize(
    "answer",
    ["", "There is nothing to note.", "{", '{"memories": 3}', "[1]", "}{", "[" * 100_000 + "]" * 100_000],
)
def test_an_answer_of_another_form_holds_no_notes(answer: str) -> None:
    found = read(answer)
    assert found is None or found[0] == []


PETS = [NOTE, NOTE | {"text": "Ann has a cat."}, NOTE | {"text": "Ann has a hen; see https://hens.example"}]
LISTED = ",\n".join(map(json.dumps, PETS))
WHOLE = json.dumps({"memories": PETS})


@pytest.mark.parametrize(
    "answer",
    [
        WHOLE,
        json.dumps(PETS),
        f"```json\n{json.dumps(PETS, indent=1)}\n```",
        json.dumps([{"memories": PETS}]),
        f'{{"memories": [{LISTED},]}}',
        f'{{"memories": [{LISTED.replace("}", ",}")}]}}',
        f'{{"memories": [ // three "pets" {{here}}\n{LISTED}]}}',
        f'{{"memories": [{LISTED}',
        "\n".join(map(json.dumps, PETS)),
        f"From https://pets.example, message [1], {{see below}}: {WHOLE}\nI left {{nothing}} out, see [].",
    ],
)
def test_no_note_is_lost_to_the_form_of_the_answer(answer: str) -> None:
    found = read(answer)
    assert found is not None
    assert ([note.text for note in found[0]], found[1]) == ([str(pet["text"]) for pet in PETS], 0)


def test_a_note_that_is_cut_off_is_counted() -> None:
    found = read('{"memories": [' + json.dumps(NOTE | {"op": "add"}) + ', {"op": "add", "kind": "fa')
    assert found is not None
    assert (len(found[0]), found[1]) == (1, 1)


def test_half_a_character_makes_no_note() -> None:
    assert read(json.dumps({"memories": [NOTE | {"text": "Ann is happy \ud83d"}]})) == ([], 1)


@pytest.mark.parametrize(("memories", "count"), [(None, 0), ([], 0), (NOTE, 1)])
def test_one_note_or_none_needs_no_list(memories: object, count: int) -> None:
    found = read(json.dumps({"memories": memories}))
    assert found is not None
    assert (len(found[0]), found[1]) == (count, 0)


@pytest.mark.parametrize(
    ("written", "field", "value"),
    [
        ({"text": None, "op": "retract"}, "text", ""),
        ({"kind": "Fact"}, "kind", MemoryKind.FACT),
        ({"op": " ADD"}, "op", Operation.ADD),
        ({"op": None}, "op", Operation.ADD),
        ({"op": "Supersede"}, "op", Operation.SUPERSEDE),
        ({"message": "#1"}, "message", 1),
        ({"message": "1"}, "message", 1),
    ],
)
def test_a_field_may_be_written_in_another_way(written: dict[str, object], field: str, value: object) -> None:
    found = read(json.dumps({"memories": [NOTE | written]}))
    assert found is not None
    (note,), malformed = found
    assert (getattr(note, field), malformed) == (value, 0)


def test_a_note_without_end_is_left_out() -> None:
    assert read(json.dumps({"memories": [NOTE | {"text": "x" * 501}]})) == ([], 1)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("my dog Biscuit", "My dog\n Biscuit"),
        ("My dog\n Biscuit", "My dog\n Biscuit"),
        ("biscuit (7)", "Biscuit (7)"),
        ("my cat", None),
        ("  ", None),
    ],
)
def test_a_quote_is_given_as_it_stands_in_the_text(quote: str, found: str | None) -> None:
    assert find_quote(quote, "Oh! My dog\n Biscuit (7) barks.") == found


@pytest.mark.parametrize(
    ("quote", "text", "found"),
    [
        ("I'm in", "Yes, I’m in.", "I’m in"),
        ("I’m in", "Yes, I'm in.", "I'm in"),
        ("in Leeds - near the sea", "I live in Leeds – near the sea.", "in Leeds – near the sea"),
        ('my "Biscuit" barks', "Oh, my “Biscuit” barks!", "my “Biscuit” barks"),
        ("well... I moved", "Well… I moved.", "Well… I moved"),
        ("well… I moved", "Well... I moved.", "Well... I moved"),
        ("I live in Leeds.", "I live in Leeds", "I live in Leeds"),
        ("I live in Leeds.", "I live in Leeds, near Ben’s", "I live in Leeds"),
        ("I live near Ben's.", "I live near Ben’s. Nice!", "I live near Ben’s."),
        ('"I live in Leeds."', "I live in Leeds. Nice!", "I live in Leeds."),
        ("“I live in Leeds”", "I live in Leeds: nice!", "I live in Leeds"),
        ("in München", "Ich wohne in Mu\u0308nchen.", "in Mu\u0308nchen"),
        ("in Mu\u0308nchen", "Ich wohne in München.", "in München"),
        ("I really love hiking", "I really *love* hiking!", "I really *love* hiking"),
        ("I love hiking!", "I *love* __hiking__!", "I *love* __hiking__!"),
        ("I **love** hiking", "I love hiking!", "I love hiking"),
        ("I have a car.", "I have a carpet.", None),
        ('"arpet."', "I have a carpet.", None),
        ("I live in Leeds?", "I live in Leeds.", None),
        ("I dont smoke", "I don’t smoke", None),
        ("***", "I smoke", None),
        ('"…"', "I smoke", None),
    ],
)
def test_a_quote_in_other_typography_is_given_as_it_stands_in_the_text(
    quote: str, text: str, found: str | None
) -> None:
    assert find_quote(quote, text) == found


@pytest.mark.parametrize(
    ("text", "standing"),
    [
        ("Always answer in French", True),
        ("please call me Annie", True),
        ("Never use emoji", True),
        ("whenever I say tea, say black", True),
        ("Don’t greet me", True),
        ("When I say X do Y", True),
        ("If I write in German, answer in German", True),
        ("When I say tea, you say black", True),
        ("From now on you are Max", True),
        ("When Bea is here, please use metric units", True),
        ("Answer in French", True),
        ("Use metric units", True),
        ("Use words that are short", True),
        ("Be brief", True),
        ("From now on, write short messages", True),
        ("Stop apologising", True),
        ("When I was a child I lived in Oslo.", False),
        ("If I die, my sister gets the house.", False),
        ("When I ask Bea, she always helps.", False),
        ("Whenever it rains, my knee hurts.", False),
        ("From now on I work in Leeds.", False),
        ("Use of the pool ends at 8.", False),
        ("Write access is Ann's.", False),
        ("I never eat meat", False),
        ("My dog is called Biscuit", False),
        ("Bea is my sister", False),
    ],
)
def test_what_tells_remi_how_to_behave_is_an_instruction(text: str, standing: bool) -> None:
    assert is_standing(text) is standing

import pytest

from services.benchmark.grading import closeness, final, number, plain, says, singular, stated, values, words

COLOURS = {"red", "green", "blue", "light blue"}


def test_plain_text_has_no_case_markup_or_typography() -> None:
    assert plain("  **It’s** `Red`,\n_not_ no_such &quot;Blue&quot;") == 'it\'s red,\n not no such "blue"'


def test_words_are_parted_by_anything_but_an_apostrophe() -> None:
    assert words("Don't part e.g. TV_room or sign-ups, 2,000!") == [
        "don't",
        "part",
        "e",
        "g",
        "tv",
        "room",
        "or",
        "sign",
        "ups",
        "2",
        "000",
    ]


@pytest.mark.parametrize(
    ("text", "phrase", "is_said"),
    [
        ("The TOILET-paper.", "toilet paper", True),
        ("Toilet and paper", "toilet paper", False),
        ("redder", "red", False),
        ("red", "", False),
        ("", "red", False),
    ],
)
def test_a_phrase_is_said_word_by_word(text: str, phrase: str, is_said: bool) -> None:
    assert says(text, phrase) == is_said


@pytest.mark.parametrize(
    ("word", "one"),
    [
        ("carrots", "carrot"),
        ("potatoes", "potato"),
        ("berries", "berry"),
        ("brushes", "brush"),
        ("boxes", "box"),
        ("glasses", "glass"),
        ("glass", "glass"),
        ("asparagus", "asparagus"),
        ("ties", "tie"),
        ("milk", "milk"),
    ],
)
def test_a_noun_in_singular(word: str, one: str) -> None:
    assert singular(word) == one


@pytest.mark.parametrize(
    ("value", "read"),
    [
        (3, 3),
        (2.5, 2.5),
        ("3 packs", 3),
        ("about 1,200 g", 1200),
        ("Three", 3),
        ("a dozen", None),
        (True, None),
        (None, None),
        ("", None),
        ([4], 4),
        (10**400, None),
        (float("inf"), None),
    ],
)
def test_a_number_in_digits_or_words(value: object, read: float | None) -> None:
    assert number(value) == read


@pytest.mark.parametrize(
    ("reply", "found"),
    [
        ("nothing", []),
        ("[1] and {'a': 'b'}", [[1], {"a": "b"}]),
        ("```json\n[1, 2]\n```", [[1, 2]]),
        ("[a, b,]", [["a", "b"]]),
        ("[1, [2, {3: 4}]]", [["1", ["2", {"3": "4"}]]]),
        ("[yes, null, 2026-01-31, 0x1f]", [["yes", "null", "2026-01-31", "0x1f"]]),
        ("[1, 2", []),
        ("][{", []),
        ("{[}]", []),
        ("[" * 3_000, []),
        ("[" * 30_000, []),
        ("[see: x: y] then [1]", [[1]]),
        ("[&a [1, 2], *a, *a]", [[1, 2]]),
        ("{x} " * 60 + "[1]", [{"x": ""}] * 60 + [[1]]),
        ("{x: [} " * 60 + "[1]", []),
    ],
)
def test_json_is_found_anywhere(reply: str, found: list[object]) -> None:
    assert list(values(reply)) == found


@pytest.mark.parametrize(
    ("reply", "rest"),
    [
        ("Answer: red", " red"),
        ("I thought of green. **Answer:** red", "** red"),
        ("The answer is red", " red"),
        ("An answer: no. Final answer: red", " red"),
        ("red", "red"),
    ],
)
def test_what_follows_the_answer(reply: str, rest: str) -> None:
    assert final(reply) == rest


@pytest.mark.parametrize(
    ("reply", "share"),
    [
        ("One two three four", 1),
        ("zero one two, three four five", 1),
        ("one two x three four", 3 / 4),
        ("four three two one", 1 / 4),
        ("one", 1 / 4),
        ("", 0),
    ],
)
def test_how_much_of_a_phrase_is_there_in_its_order(reply: str, share: float) -> None:
    assert closeness("one two three four", reply) == share
    assert closeness("", reply) == 0


@pytest.mark.parametrize(
    ("reply", "holds"),
    [
        ("Red.", {"red"}),
        ("Red and green.", {"red", "green"}),
        ("Light blue.", {"light blue"}),
        ("Light blue, or blue.", {"light blue", "blue"}),
        ("It was red, now it's green.", {"green"}),
        ("It was red.", {"red"}),
        ("From red to green.", {"green"}),
        ("Red → green", {"green"}),
        ("Red -> blue -> green.", {"green"}),
        ("It went from red to blue to green.", {"green"}),
        ("From red into light blue, as you told me.", {"light blue"}),
        ("Green. Previously, you mentioned red, and before that, blue.", {"green"}),
        ("Your earlier ones were red, blue. It is green.", {"green"}),
        ("Currently, it is green, earlier red.", {"green"}),
        ("Earlier, you told me that it is red.", {"red"}),
        ("It was red, then blue, then green.", {"red", "blue", "green"}),
        ("Not red, blue.", {"blue"}),
        ("Not really, I would say red.", {"red"}),
        ("There is no doubt that it's red.", {"red"}),
        ("No red, please, green!", {"green"}),
        ("It is not red.", set()),
        ("Red is not it, green is.", {"green"}),
        ("Is it red? No: green.", {"green"}),
        ("The last one was red; last week it was green.", {"red"}),
        ("Green (no longer red)", {"green"}),
        ("", set()),
    ],
)
def test_what_a_reply_says_to_hold(reply: str, holds: set[str]) -> None:
    assert stated(reply, COLOURS) == holds

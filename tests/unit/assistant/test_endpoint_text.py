"""The text of an answer out of its pieces."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.assistant.endpoint_text import Pieces, text_of

MARKED = st.lists(
    st.sampled_from(["<think>", "</think>", "<thi", "nk>", " ", "\n", "Hi", "\0", "\ud83d", "\ude00"])
)


def read(*came: str) -> str:
    pieces = Pieces()
    return "".join([*map(pieces.feed, came), pieces.rest()])


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("Hello", "Hello"),
        ("<think>Hm.</think>\n\nHello", "Hello"),
        ("\n<think>One.</think><think>Two.</think>Hello", "Hello"),
        ("<think>Hm, and never an end", ""),
        ("Write <think> before it", "Write <think> before it"),
        ("<thinking>aloud</thinking>", "<thinking>aloud</thinking>"),
        ("  <", "  <"),
        ("no\0thing", "nothing"),
        ("\ud83d\ude00", "😀"),
        ("\ude00", "\ufffd"),
    ],
)
def test_what_is_left_of_an_answer(said: str, text: str) -> None:
    assert read(said) == text


@given(MARKED)
@example(["<think>Hm.</think>", "\n\n", "Hi"])
def test_it_is_the_same_in_whatever_pieces_it_comes(came: list[str]) -> None:
    assert read(*came) == read("".join(came)) == read(*"".join(came))


@given(st.text())
def test_what_has_no_marks_is_left_as_it_is(text: str) -> None:
    assert read(*text) == text.replace("\0", "") or text.lstrip().startswith("<think>")


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("Hello", "Hello"),
        (
            [
                {"type": "thinking", "thinking": "Hm."},
                {"type": "text", "text": "Hel"},
                {"type": "text", "text": "lo"},
            ],
            "Hello",
        ),
        ([{"type": "text", "text": None}, "stray", {}], ""),
        (None, ""),
        (7, ""),
    ],
)
def test_content_is_a_string_or_parts(content: object, text: str) -> None:
    assert text_of(content) == text

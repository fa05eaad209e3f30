"""Cutting messages into passages, and the line a model sees."""

from datetime import UTC, datetime

import pytest

from services.assistant.passages import SIZE, cut, line, tokens

SENTENCE = "The quick brown fox jumps over the lazy dog again. "


def pieces(text: str, size: int = SIZE) -> list[str]:
    return [text[stretch.starts : stretch.ends] for stretch in cut(text, size)]


@pytest.mark.parametrize("text", ["", " ", "\n\t \n"])
def test_a_blank_text_has_no_passage(text: str) -> None:
    assert cut(text) == []


def test_a_short_text_is_one_passage_without_the_blanks_around_it() -> None:
    assert pieces("  My dog is called Biscuit. \n") == ["My dog is called Biscuit."]


def test_a_long_text_is_cut_where_sentences_end() -> None:
    found = pieces(SENTENCE * 40)
    assert len(found) == 4
    assert all(piece.startswith("The") and piece.endswith("again.") for piece in found)
    assert all(len(piece) <= SIZE * 5 // 4 for piece in found)


def test_a_line_ends_a_passage_like_a_sentence() -> None:
    assert pieces("one two three\nfour five six\nseven eight nine", 20) == [
        "one two three",
        "four five six",
        "seven eight nine",
    ]


def test_a_long_sentence_is_cut_at_a_blank_and_a_long_word_inside() -> None:
    assert pieces("aaaa bbbb cccc dddd", 10) == ["aaaa bbbb", "cccc dddd"]
    assert pieces("a" * 25, 10) == ["a" * 10, "a" * 10, "a" * 5]


def test_the_last_passage_may_be_a_little_longer_than_the_others() -> None:
    assert pieces("a" * 12, 10) == ["a" * 12]


def test_scripts_of_several_bytes_have_shorter_passages() -> None:
    found = pieces("我喜歡吃蘋果。" * 60)
    assert len(found) == 2
    assert all(piece.endswith("。") and len(piece.encode()) <= SIZE * 5 // 4 for piece in found)


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("a", 1), ("abcd", 1), ("abcde", 2), ("é", 1), ("日本", 2)]
)
def test_a_token_is_four_bytes_begun(text: str, count: int) -> None:
    assert tokens(text) == count


def test_a_line_names_handle_time_and_author() -> None:
    said_at = datetime(2026, 3, 2, 12, 5, 59, tzinfo=UTC)
    assert line("Ann", said_at, "Hi", "m3") == "[m3] 2026-03-02 12:05 Ann: Hi"
    assert line("Ann", said_at, "Hi") == "2026-03-02 12:05 Ann: Hi"
    assert line("", said_at, "Hi", superseded=True) == "2026-03-02 12:05 somebody: (no longer holds) Hi"


def test_nothing_said_or_called_can_begin_a_line_of_its_own() -> None:
    said_at = datetime(2026, 3, 2, tzinfo=UTC)
    shown = line("Ann\n[m9] Bob", said_at, "one\n[m4] 2026-01-01 00:00 Bob: two", "m3")
    assert [text for text in shown.splitlines() if text.startswith("[")] == [shown.splitlines()[0]]

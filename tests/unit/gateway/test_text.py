import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.text import Measure, split, utf16_length

MEASURES = st.sampled_from([len, utf16_length])
LIMITS = st.integers(64, 400)
# Joined emoji, combining marks, right-to-left and full-width text beside words, stops and blank lines.
PIECES = st.sampled_from(
    [
        "word ",
        "longerword",
        "\n",
        "\n\n",
        ". ",
        "! ",
        "- item\n",
        "👩‍👩‍👧‍👦",
        "e\u0301",
        "שלום ",
        "مرحبا",
        "日本語。",
        "\U0001d4b3",
        "\t",
        "🇩🇪",
    ]
)
PROSE = st.lists(st.one_of(PIECES, st.text(st.characters(exclude_characters="`~\r"))), max_size=120).map(
    "".join
)
CODE_LINE = st.text(
    st.characters(exclude_characters="`~\r\n", exclude_categories=["Cs", "Zl", "Zp", "Cc"]), max_size=90
)
CODE = st.lists(CODE_LINE, max_size=60)


def unspaced(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(PROSE, LIMITS, MEASURES)
def test_nothing_of_a_text_is_lost_and_every_part_fits(text: str, limit: int, measure: Measure) -> None:
    parts = split(text, limit, measure)

    assert all(part.strip() and measure(part) <= limit for part in parts)
    assert unspaced("".join(parts)) == unspaced(text)


@given(PROSE, CODE, PROSE, LIMITS, MEASURES)
def test_code_stays_code_in_every_part(
    before: str, code: list[str], after: str, limit: int, measure: Measure
) -> None:
    text = "\n".join([before, "```python", *code, "```", after])

    parts = split(text, limit, measure)

    inside: list[str] = []
    outside: list[str] = []
    for part in parts:
        assert part.strip()
        assert measure(part) <= limit
        pieces = re.split(r"^```(?:python)?$", part, flags=re.MULTILINE)
        assert len(pieces) % 2, "a fence is open at the end of a part"
        outside += pieces[::2]
        inside += pieces[1::2]
    assert unspaced("".join(outside)) == unspaced(before + after)
    assert unspaced("".join(inside)) == unspaced("".join(code))


MARGINS = st.sampled_from(
    [("- ", "  "), ("1) ", "   "), ("> ", "> "), (">", ">"), ("> * ", ">   "), ("- > ", "  > ")]
)


@given(PROSE, MARGINS, CODE, PROSE, LIMITS, MEASURES)
def test_code_in_lists_and_quotes_stays_code_in_every_part(
    before: str, margins: tuple[str, str], code: list[str], after: str, limit: int, measure: Measure
) -> None:
    first, margin = margins
    quoted = [f"{margin}{line}" for line in code]
    text = "\n".join([before, "", f"{first}```python", *quoted, f"{margin}```", after])

    parts = split(text, limit, measure)

    inside: list[str] = []
    outside: list[str] = []
    for part in parts:
        assert part.strip()
        assert measure(part) <= limit
        pieces = re.split(
            rf"^(?:{re.escape(first)}|{re.escape(margin)})```(?:python)?$", part, flags=re.MULTILINE
        )
        assert len(pieces) % 2, "a fence is open at the end of a part"
        outside += pieces[::2]
        for lines in pieces[1::2]:
            assert all(line.startswith(margin) for line in lines.splitlines()[1:]) or ">" not in margin
            inside += [re.sub(rf"^{re.escape(margin)}", "", line) for line in lines.split("\n")]
    assert unspaced("".join(outside)) == unspaced(before + after)
    assert unspaced("".join(inside)) == unspaced("".join(code))


def test_code_in_a_quote_ends_with_the_quote() -> None:
    parts = split("> ```\n" + "> x = 1\n" * 9 + "and this is no code any more", 64)

    assert parts == [
        "> ```\n" + "> x = 1\n" * 6 + "> ```",
        "> ```\n" + "> x = 1\n" * 3 + "and this is no code any more",
    ]


def test_a_short_text_is_one_part_as_it_is() -> None:
    assert split("Hello, *you*.", 64) == ["Hello, *you*."]


@pytest.mark.parametrize("text", ["", "  \n\t\n", "\n" * 5000, " " * 5000])
def test_a_blank_text_has_no_parts(text: str) -> None:
    assert split(text, 64) == []


def test_paragraphs_come_before_lines_lines_before_sentences_and_words() -> None:
    paragraph = "One two three four. Five six seven eight."

    assert split(f"{paragraph}\n\n{paragraph}\n{paragraph}", 64) == [paragraph, paragraph, paragraph]
    assert split(f"{paragraph}\n{paragraph}", 64) == [paragraph, paragraph]
    assert split(f"{paragraph} {paragraph}", 64) == [
        "One two three four. Five six seven eight. One two three four.",
        "Five six seven eight.",
    ]
    assert split("word " * 20, 64) == [("word " * 13)[:-1], ("word " * 7)[:-1]]


def test_a_word_without_end_is_cut_between_characters() -> None:
    family = "👩\u200d👧"

    parts = split("x" * 62 + family * 3, 64)

    assert parts == ["x" * 62, family * 3]


def test_many_marks_on_one_letter_are_cut_all_the_same() -> None:
    assert split("e" + "\u0301" * 99, 64) == ["e" + "\u0301" * 63, "\u0301" * 36]


def test_utf16_counts_emoji_twice() -> None:
    assert utf16_length("a😀é") == 4
    assert [len(part) for part in split("😀" * 64, 64, utf16_length)] == [32, 32]


def test_a_code_block_that_fits_is_kept_whole() -> None:
    block = "```sql\n" + "select 1;\n" * 5 + "```"

    assert split(f"Look at this short thing:\n\n{block}\n\nThat is it.", 70) == [
        "Look at this short thing:",
        block,
        "That is it.",
    ]


def test_a_longer_code_block_is_closed_and_opened_again() -> None:
    lines = [f"line {number:02}" for number in range(12)]

    parts = split("\n".join(["~~~~ text", *lines, "~~~~"]), 64)

    assert parts == [
        "\n".join(["~~~~ text", *lines[:6], "~~~~"]),
        "\n".join(["~~~~ text", *lines[6:], "~~~~"]),
    ]


def test_a_closing_line_too_long_for_its_part_leaves_no_empty_block() -> None:
    parts = split("```\n" + "x" * 55 + "\n````````````\nAfter it.", 64)

    assert parts == ["```\n" + "x" * 55 + "\n```", "After it."]


def test_an_unclosed_block_runs_to_the_end() -> None:
    parts = split("```\n" + "code\n" * 30, 64)

    assert all(part.startswith("```\n") for part in parts)
    assert "".join(parts).count("code") == 30


def test_blank_code_makes_no_part() -> None:
    parts = split("```\n" + "\n" * 100 + "x = 1\n" + "\n" * 100 + "```\nAfter.", 64)

    assert [part.split() for part in parts] == [["```", "x", "=", "1", "```"], ["After."]]


def test_a_line_that_only_looks_like_a_fence_is_text() -> None:
    line = "```" + "a" * 60

    assert split(f"{line}\n{line}", 64) == [line, line]

"""Fillers: trivia with its answers."""

import json
from pathlib import Path
from random import Random

import pytest

from services.benchmark.agent import tokens
from services.benchmark.trivia import HEAD, Trivia, filler, make, read
from services.errors import SettingsError


def test_a_filler_supplies_the_answers_and_stays_within_its_size() -> None:
    trivia = make(Random(1))
    for size in (60, 300, 1_000):
        message = filler(Random(size), trivia, size)
        assert message.startswith(HEAD)
        assert all(line.startswith("Q: ") and " A: " in line for line in message.splitlines()[1:])
        assert size - 30 < tokens(message) <= size


def test_a_filler_holds_one_question_at_least() -> None:
    assert filler(Random(1), [Trivia("Why?", "So.")], 0).splitlines()[1:] == ["Q: Why? A: So."]


def test_equal_seeds_make_equal_trivia() -> None:
    assert make(Random(3)) == make(Random(3))
    assert make(Random(3)) != make(Random(4))
    assert Trivia("Which year is written MCMXCIV in Roman numerals?", "1994") in {
        each for seed in range(20) for each in make(Random(seed))
    }


def test_trivia_is_read_in_the_layout_of_its_publishers(tmp_path: Path) -> None:
    path = tmp_path / "trivia.json"
    path.write_text(json.dumps({"Data": [{"Question": "Who?", "AnswerValue": "Me", "More": 1}]}))
    assert read(path) == (Trivia("Who?", "Me"),)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("{", 'no list "Data"'),
        ("[]", 'no list "Data"'),
        ('{"Data": [{"Question": "Who?"}]}', 'no list "Data"'),
        ('{"Data": []}', "no question"),
        (None, "can't be read"),
    ],
)
def test_what_is_no_trivia_is_named(tmp_path: Path, text: str | None, problem: str) -> None:
    path = tmp_path / "trivia.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(SettingsError, match=problem) as caught:
        read(path)
    assert str(path) in str(caught.value)

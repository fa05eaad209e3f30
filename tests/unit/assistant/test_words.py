"""Words: folding, stemming, weighing, hashing."""

from collections import Counter
from uuid import UUID

import pytest

from services.assistant.words import DIMENSIONS, MOST_TERMS, dimension, space_key, stems, weigh

SECRET = b"a secret"
HERE, THERE = UUID(int=1), UUID(int=2)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("What is my dog called?", ["my", "dog", "call"]),
        ("Running, RUNS; run!", ["run", "run", "run"]),
        ("Ann’s dogs don't bark", ["ann", "dog", "don", "bark"]),
        ("Straße STRASSE", ["strass", "strass"]),
        ("ﬁne", ["fine"]),
        ("東京都 cafe", ["東京", "京都", "cafe"]),
        ("abc東京x", ["abc", "東京", "x"]),
        ("犬", ["犬"]),
        ("🙂 -- _", []),
    ],
)
def test_words_are_folded_and_stemmed(text: str, expected: list[str]) -> None:
    assert stems(text) == expected


def test_a_word_without_end_is_cut() -> None:
    assert stems("x" * 5_000) == stems("x" * 4_000)


def test_a_word_weighs_more_the_oftener_but_ever_less() -> None:
    once, twice, often = (weigh({"dog": count, "cat": 1})["dog"] for count in (1, 2, 20))
    assert once < twice < often < 2.2
    assert often - twice < 10 * (twice - once)


def test_a_word_weighs_less_in_a_longer_text() -> None:
    assert weigh({"dog": 1})["dog"] > weigh({"dog": 1, "cat": 50})["dog"]


def test_words_beside_a_text_count_their_share() -> None:
    weights = weigh({"dog": 1}, [{"walk": 1}, {"walk": 1, "dog": 1}], 0.4)
    assert weights["dog"] > weights["walk"] > 0
    assert weigh({"dog": 1}, [{"walk": 1}], 0.4)["walk"] < weights["walk"]


def test_only_the_heaviest_words_stay() -> None:
    counts = Counter({f"w{number}": 1 for number in range(MOST_TERMS)} | {"dog": 3, "cat": 2})
    weights = weigh(counts)
    assert len(weights) == MOST_TERMS
    assert {"dog", "cat"} <= set(weights)


def test_a_word_has_another_number_in_another_space() -> None:
    here, there = space_key(SECRET, HERE), space_key(SECRET, THERE)
    assert dimension(here, "dog") == dimension(space_key(SECRET, HERE), "dog") != dimension(there, "dog")
    assert dimension(space_key(b"another secret", HERE), "dog") != dimension(here, "dog")
    assert 1 <= dimension(here, "dog") <= DIMENSIONS

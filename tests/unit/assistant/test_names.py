"""Names: which words may be some, and a question without them."""

import unicodedata

import pytest

from services.assistant.names import capitalised, without
from services.assistant.words import stems

PRESENT = {"Ann", "Mary", "O'Brien", "Jean-Luc", "Ólafur", "Анна", "花子", "नरेन्द्र"}


def is_present(word: str) -> bool:
    """As the core has it: by the words of the names."""
    return set(stems(word)) <= {stem for name in PRESENT for stem in stems(name)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("What did Ann say to bob in Paris?", {"Ann", "Paris"}),
        ("WHAT DID I DO", set()),
        ("(Ólafur's) dog, “Ann’s” cat, X", {"Ólafur", "Ann"}),
        ("Что сказала Анна?", {"Что", "Анна"}),
        ("花子 said yes", {"花子"}),
        ("Jean-Luc O'Brien!", {"Jean-Luc", "O'Brien"}),
    ],
)
def test_what_has_a_capital_or_no_case_may_be_a_name(text: str, expected: set[str]) -> None:
    assert capitalised(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("When did Ann see a doctor?", "When did someone see a doctor?"),
        ("Ann's dog, or Ann’s?", "someone's dog, or someone’s?"),
        ("Did Mary Ann call Mary, Ann?", "Did someone call someone, someone?"),
        ("Annabel and Zoe saw ann in Ann_1.", "Annabel and Zoe saw ann in Ann_1."),
        ("Did Jean-Luc meet (O'Brien)?", "Did someone meet (someone)?"),
        ("Что сказала Анна?", "Что сказала someone?"),
        ("What did 花子 say?", "What did someone say?"),
        ("What did नरेन्द्र say?", "What did someone say?"),
        (unicodedata.normalize("NFD", "Is Ólafur in?"), "Is someone in?"),
        ("Who is it?", "Who is it?"),
        ("  Ann  \n", "  someone  \n"),
    ],
)
def test_a_name_becomes_someone(text: str, expected: str) -> None:
    assert without(text, is_present) == expected

"""Names: which words may be some, and a question without them."""

import pytest

from services.assistant.names import capitalised, without

PRESENT = {"Ann", "Mary", "O", "Boss", "Ólafur", "Анна", "花子"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", set()),
        ("What did Ann say to bob in Paris?", {"Ann", "Paris"}),
        ("WHAT DID I DO", set()),
        ("Ólafur's dog, Ann’s cat, 3M, X", {"Ólafur", "Ann"}),
        ("Что сказала Анна?", {"Что", "Анна"}),
        ("花子 said yes", {"花子"}),
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
        ("Что сказала Анна?", "Что сказала someone?"),
        ("What did 花子 say?", "What did someone say?"),
        ("Who is it?", "Who is it?"),
    ],
)
def test_a_name_becomes_someone(text: str, expected: str) -> None:
    assert without(text, PRESENT.__contains__) == expected

"""What asks for a reminder, and what is other talk."""

import pytest

from services.assistant.remind import asked_for


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Remind me to call", "to call"),
        ("Hey Remi, can you remind us tomorrow to call?", "tomorrow to call?"),
        ("Tomorrow at nine, please remind me to call", "Tomorrow at nine to call"),
        ("Tomorrow at nine, remind me what to buy", "Tomorrow at nine what to buy"),
        ("… every day — remind me to call", "every day to call"),
        ("Remind me what to buy", None),
        ("Could you remind me again of what we decided on Monday?", None),
        ("Remind me where I sat", None),
        ("Today you remind me of my sister.", None),
        ("My dog is called Biscuit.", None),
    ],
)
def test_the_words_of_a_request(text: str, words: str | None) -> None:
    assert asked_for(text) == words


@pytest.mark.parametrize("word", [".", " ", "😀", "a.", "hey ", "please ", "remind ", "remind me ", "do "])
@pytest.mark.parametrize(
    "around", ["{}", "a{}", "i {}", "tomorrow{}remind me", "remind {}", "remind me {} foo"]
)
@pytest.mark.timeout(20)
def test_no_text_takes_more_than_its_length(word: str, around: str) -> None:
    """Every message is asked: were it more than linear, this would take hours."""
    asked_for(around.format(word * (100_000 // len(word))))

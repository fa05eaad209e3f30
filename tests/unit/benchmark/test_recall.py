"""Which of our messages an exported one is."""

import pytest

from services.benchmark.conversation import Conversation
from services.benchmark.recall import matched
from services.errors import Unavailable

AT = "2026-05-08T13:56:00+00:00"
SAID = [("user", "Ann"), ("user", "Bob"), ("assistant", "Remi"), ("user", "Ann")]
TALK = Conversation.model_validate(
    {
        "id": "talk",
        "messages": [
            {"id": f"D{at}", "role": role, "author": author, "sent_at": AT, "text": "Yes."}
            for at, (role, author) in enumerate(SAID)
        ],
        "questions": [],
    }
)


def exported(number: int, role: str, author: str) -> dict[str, str]:
    return {
        "record": "message",
        "id": f"theirs-{number}",
        "role": role,
        "author": author,
        "sent_at": AT,
        "text": "Yes.",
    }


RECORDS = [
    exported(0, "person", "Ann"),
    exported(1, "person", "Bob"),
    exported(2, "remi", "Remi"),
    exported(3, "person", "Ann"),
]


def test_equal_messages_are_told_apart_by_who_said_them_and_by_their_order() -> None:
    ids = {f"theirs-{number}": f"D{number}" for number in range(4)}
    assert matched(TALK, [{"format": "remi"}, *RECORDS]) == ids
    swapped = [RECORDS[2], RECORDS[1], RECORDS[0], {"record": "memory"}, RECORDS[3]]
    assert matched(TALK, swapped) == ids


def test_a_message_that_does_not_come_back_is_told() -> None:
    with pytest.raises(Unavailable):
        matched(TALK, RECORDS[:-1])

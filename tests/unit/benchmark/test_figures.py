from datetime import UTC, datetime

import pytest

from services.benchmark.conversation import Conversation, Message, Question
from services.benchmark.evidence import Hit
from services.benchmark.figures import report
from services.benchmark.recall import Asked, Measured
from services.benchmark.table import table

THEN = datetime(2026, 5, 8, tzinfo=UTC)
TALK = Conversation(
    id="talk",
    messages=(
        Message(id="a", role="user", author="Ann", sent_at=THEN, text="My dog is called Biscuit."),
        Message(id="b", role="assistant", author="Remi", sent_at=THEN, text="A fine name for a dog."),
    ),
    questions=(),
)
DOG = Hit(TALK.messages[0].text, 9, "a", 0, 25)
NAME = Hit(TALK.messages[1].text, 8, "b", 0, 22)
NOISE = Hit("Rain again.", 4, "c", 0, 11)


def asked(kind: str, evidence: tuple[str, ...], *hits: Hit, within: int = 2) -> Asked:
    question = Question(id=kind, kind=kind, text="What?", author="Ann", asked_at=THEN, evidence=evidence)
    return Asked(question, hits, {100: hits[:within], 500: hits}, {100: 90, 500: 410}, [0.004, 0.006])


def measured(*questions: Asked) -> list[Measured]:
    return [Measured(TALK, 0.5, questions)]


def test_shares_are_means_over_the_questions_of_a_kind() -> None:
    both = asked("names", ("a", "b"), DOG, NOISE, NAME)
    one = asked("names", ("a",), *[NOISE] * 5, DOG)
    figures = report(measured(both, one), (100, 500)).kinds["names"]
    assert figures.questions == 2
    assert figures.at == {5: pytest.approx(0.5), 10: 1, 20: 1}
    assert figures.all_at_10 == 1
    assert figures.within == {100: pytest.approx(0.25), 500: 1}
    assert figures.answers_within == {100: 0, 500: 1}
    assert figures.tokens == {100: 90, 500: 410}


def test_kinds_apart_are_shown_but_do_not_count() -> None:
    found = report(measured(asked("names", ("a",), DOG), asked("adversarial", ("a",), NOISE)), (100, 500))
    assert set(found.kinds) == {"names", "adversarial"}
    assert found.total == found.kinds["names"]
    assert report(measured(asked("adversarial", ("a",), DOG)), (100, 500)).total is None


def test_questions_without_evidence_are_left_out() -> None:
    assert report(measured(asked("names", (), DOG)), (100, 500)).kinds == {}


def test_the_table_has_a_line_a_kind_and_the_times() -> None:
    found = report(measured(asked("names", ("a", "b"), DOG), asked("adversarial", ("a",), DOG)), (100, 500))
    heads, names, total, apart, _, search, ingested = table(found).splitlines()
    assert heads.split()[:3] == ["evidence", "found,", "%"]
    assert names.split()[:5] == ["names", "1", "50.0", "50.0", "50.0"]
    assert total.split()[:5] == ["all", "of", "these", "1", "50.0"]
    assert apart.split()[:3] == ["apart:", "adversarial", "1"]
    assert search == "Search: 5.0 ms at the median, 6.0 at the 95th percentile."
    assert ingested == "Ingested: 2 messages in 0.5 s, 4 a second."

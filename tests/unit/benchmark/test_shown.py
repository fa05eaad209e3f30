"""Which of a test's messages a context shows."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.benchmark.runs import Asked, Logged, Outcome, Run, Summary
from services.benchmark.shown import Shown, recall, shown

LONG = "A long story. " * 50
TOLD = ("Tan is my favourite colour.", "Red is my favourite colour.", LONG.strip(), "1\n2\n3")


def said(position: int, text: str) -> Logged:
    at = datetime(2025, 1, 6, 9, position, tzinfo=UTC)
    return Logged(position=position, said_at=at, text=text, is_question=False, reply="")


def asked(evidence: tuple[int, ...], stale: tuple[int, ...] = (), context: str | None = "it") -> Asked:
    return Asked(message=4, context=context, context_tokens=7, evidence=evidence, stale=stale)


def looked(tmp_path: Path, context: str, question: Asked) -> Shown | None:
    (tmp_path / "it").write_text(context)
    log = tuple(said(position, text) for position, text in enumerate(TOLD))
    test = Outcome(
        test="a-0",
        dataset="a",
        number=0,
        points=0,
        most=1,
        notes=(),
        expected=(),
        questions=(question,),
        log=log,
    )
    summary = Summary(run={}, messages=0, tokens_in=0, tokens_out=0, cost=0, without_reply=0, failures={})
    return shown(Run(tmp_path, summary, (test,), (), ()), test, question)


@pytest.mark.parametrize(
    ("context", "share"),
    [
        ("2025-01-06 09:01 User: Red is my favourite colour.", 1),
        ("Red is my favourite colour.", 1),
        ("- user: Red is my favourite colour.", 1),
        ("2025-01-06 08:01 User: Red is my favourite colour.", 0),
        ("2025-01-06 09:01 Assistant: Red is my favourite colour.", 0),
        ("Red is", 0),
        ("", 0),
    ],
)
def test_a_message_is_there_if_a_line_of_its_minute_says_it(
    tmp_path: Path, context: str, share: float
) -> None:
    assert looked(tmp_path, context, asked((1,))) == Shown(share, None, 7)


def test_evidence_and_what_is_stale_are_shares(tmp_path: Path) -> None:
    context = "2025-01-06 09:00 User: Tan is my favourite colour.\n2025-01-06 09:03 User: 1\n  2\n  3"
    assert looked(tmp_path, context, asked((1, 3), (0,))) == Shown(0.5, 1, 7)


def test_of_a_long_message_enough_is_enough(tmp_path: Path) -> None:
    assert looked(tmp_path, f"2025-01-06 09:02 User: {LONG[:400]}", asked((2,))) == Shown(1, None, 7)
    assert looked(tmp_path, f"2025-01-06 09:02 User: {LONG[:200]}", asked((2,))) == Shown(0, None, 7)


def test_what_is_not_known_does_not_count(tmp_path: Path) -> None:
    assert looked(tmp_path, "", asked((1,), context=None)) is None
    assert looked(tmp_path, "", asked(())) is None
    assert recall([None]) is None
    means = recall([None, Shown(1, None, 10), Shown(0.5, 0.2, 30)])
    assert means is not None
    assert (means.questions, means.evidence, means.whole, means.stale, means.tokens) == (
        2,
        0.75,
        0.5,
        0.2,
        20,
    )

"""Takes a test of the benchmark: its script is said, these replies are given, and they are graded."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Arguments, Definition, Exchange, Said, Score

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)


def example(dataset: str, seed: str | int = 0, **arguments: object) -> Definition:
    """An example of our own making."""
    given: Arguments = arguments
    return DATASETS[dataset].generate(Random(f"{seed}"), 0, given)


def define(dataset: str, told: Sequence[str], asked: Sequence[str], expected: Sequence[object]) -> Definition:
    """An example as a file would hold it."""
    script = (*(Said(text) for text in told), *(Said(text, True) for text in asked))
    return DATASETS[dataset].define(0, script, expected)


def expected(definition: Definition) -> Any:
    """What is expected, in the dataset's own form."""
    return definition.expected


def take(
    definition: Definition, answer: Callable[[int, Said, Sequence[Exchange]], str], others: Sequence[str] = ()
) -> tuple[Score, list[Exchange]]:
    """The score and the test's exchanges.

    `answer` is given the question's number, the question and the exchanges before it; `others` are the
    replies to what others say after the test's last message.
    """
    dataset, now = DATASETS[definition.dataset], BEGIN
    exchanges: list[Exchange] = []
    asked = 0
    while said := dataset.next_said(definition, exchanges, now):
        reply = answer(asked, said, exchanges) if said.is_question else "I see."
        asked += said.is_question
        exchanges.append(Exchange(said, reply, now, now + timedelta(seconds=10), len(exchanges)))
        now += timedelta(seconds=said.wait.seconds + 60)
    run = exchanges + [
        Exchange(Said("What is the capital of Peru?"), reply, now, now, place)
        for place, reply in enumerate(others, len(exchanges))
    ]
    return dataset.score(definition, exchanges, run), exchanges


def points(definition: Definition, *replies: str) -> float:
    """The points for these replies to the test's questions."""
    score, _ = take(definition, lambda asked, said, exchanges: replies[asked])
    return score.points

"""On all that was said in a run, the template reader misses nothing."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.benchmark import reading
from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Definition, Exchange
from services.benchmark.reading import read

BEGAN = datetime(2025, 1, 6, 9, tzinfo=UTC)
REPLIES = ("Noted.", "Noted. On 2025-01-05, you said: Red is my favourite colour.\nMy name is Jane.", "")
OTHER_TALK = (
    "What is the capital of France? Answer: Paris.",
    "My favourite animal is the cat.\nI want to buy a house.",
    "[1, 2] is what I typed: it's a list.",
)


@pytest.mark.parametrize("name", sorted(reading.DATASETS))
@settings(deadline=None, max_examples=40)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 3))
def test_the_full_log_gives_full_points(name: str, seed: int, count: int) -> None:
    dataset, random = DATASETS[name], Random(seed)
    log: list[str] = []
    now = BEGAN

    def say(text: str, reply: str) -> None:
        nonlocal now
        for author, said in (("User", text), ("Assistant", reply)):
            log.append(f"{now.isoformat(' ')[:16]} {author}: " + "\n  ".join(said.splitlines()))
        now += timedelta(seconds=30)

    for number in range(count):
        definition = dataset.generate(random, number, dataset.arguments)
        exchanges = list[Exchange]()
        while said := dataset.next_said(definition, exchanges, now):
            reply = read(said.text, "\n".join(log), now) if said.is_question else random.choice(REPLIES)
            exchanges.append(Exchange(said, reply, now, now, len(exchanges)))
            say(said.text, reply)
            now += timedelta(seconds=said.wait.seconds)
            say(random.choice(OTHER_TALK), random.choice(REPLIES))
        score = dataset.score(definition, exchanges, exchanges)
        assert score.points == score.most, score.notes
        say(dataset.reset, "Done.")


def test_definitions_are_equal_for_equal_seeds() -> None:
    def made() -> list[Definition]:
        return [DATASETS[name].generate(Random(7), 0, {}) for name in sorted(reading.DATASETS)]

    assert made() == made()

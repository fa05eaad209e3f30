"""On all that was said in a run, the template reader misses nothing."""

from datetime import UTC, datetime, timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Definition, Exchange
from services.benchmark.reading import read

READ = ("colours", "shopping", "name_list", "names")
BEGAN = datetime(2025, 1, 6, 9, tzinfo=UTC)
OTHER_TALK = (
    "What is the capital of France? Answer: Paris.",
    "My favourite animal is the cat.\nI want to buy a house.",
    "[1, 2] is what I typed: it's a list.",
)


@pytest.mark.parametrize("name", READ)
@given(seed=st.integers(0, 2**32), count=st.integers(1, 3))
def test_the_full_log_gives_full_points(name: str, seed: int, count: int) -> None:
    dataset, random = DATASETS[name], Random(seed)
    log: list[str] = []
    now = BEGAN

    def say(author: str, text: str) -> None:
        nonlocal now
        now += timedelta(seconds=random.randint(20, 90))
        log.append(f"{now.isoformat(' ')[:16]} {author}: " + "\n  ".join(text.splitlines()))

    for number in range(count):
        definition = dataset.generate(random, number, dataset.arguments)
        exchanges = list[Exchange]()
        while said := dataset.next_said(definition, exchanges, now):
            reply = read(said.text, "\n".join(log)) if said.is_question else "Noted."
            exchanges.append(Exchange(said, reply, now, now, len(exchanges)))
            say("User", said.text)
            say("Remi", reply)
            now += timedelta(seconds=said.wait.seconds)
            say("User", random.choice(OTHER_TALK))
        score = dataset.score(definition, exchanges, exchanges)
        assert score.points == score.most, score.notes
        say("User", dataset.reset)


def test_definitions_are_equal_for_equal_seeds() -> None:
    def made() -> list[Definition]:
        return [DATASETS[name].generate(Random(7), 0, {}) for name in READ]

    assert made() == made()

"""Runs of the benchmark for tests: small plans, and agents that do as they are told."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from random import Random

from services.benchmark.agent import Reply
from services.benchmark.datasets import colours
from services.benchmark.definition import Dataset, Definition, Exchange, Said, Score, Wait
from services.benchmark.schedule import Over, Plan, Say, Schedule, Step, Test
from services.benchmark.trivia import make

TRIVIA = make(Random(0))


def dataset(name: str, *, interleaves: bool = True, reset: str = "") -> Dataset:
    """One whose script is said in order, and whose score is the number of replies."""
    return Dataset(
        name,
        "",
        {},
        colours.generate,
        colours.define,
        _next,
        lambda definition, exchanges, run: Score(float(len(exchanges)), float(len(exchanges)), ()),
        reset,
        interleaves,
    )


def example(name: str, number: int, *said: Said | str, interleaves: bool = True, reset: str = "") -> Test:
    script = tuple(each if isinstance(each, Said) else Said(each) for each in said)
    return Test(Definition(name, number, script, ()), dataset(name, interleaves=interleaves, reset=reset))


def spread(name: str, number: int, messages: int, *, interleaves: bool = True) -> Test:
    """A test of so many messages at equal distances, asked at nine tenths of the span."""
    last = messages - 1
    said = [
        Said(
            f"{name} {number} {place}",
            place == last,
            Wait(share=0.9 * (place + 1) / last if place < last else 0),
        )
        for place in range(messages)
    ]
    return example(name, number, *said, interleaves=interleaves)


def plan(*tests: Test, span: int = 2_000, seed: int = 0, apart: Sequence[frozenset[str]] = ()) -> Plan:
    return Plan(tests, span, seed, TRIVIA, tuple(apart))


def steps(of: Plan, reply: Callable[[Say], str] = lambda say: "") -> list[Step]:
    """All steps of a run."""
    schedule = Schedule(of)
    done: list[Step] = []
    for step in schedule:
        done.append(step)
        if isinstance(step, Say):
            schedule.heard(reply(step))
    return done


def said(done: Sequence[Step]) -> list[Say]:
    return [step for step in done if isinstance(step, Say)]


def over(done: Sequence[Step]) -> list[Over]:
    return [step for step in done if isinstance(step, Over)]


class Killed(BaseException):
    """Ends a run as a signal would that nothing handles."""


@dataclass
class Scripted:
    """Says what `answer` makes of a message, and keeps what it was told."""

    answer: Callable[[str], str | BaseException] = lambda message: "Noted."
    context: str | None = None
    told: list[tuple[datetime, str]] = field(default_factory=list)
    resets: int = 0

    async def reply(self, message: str, at: datetime) -> Reply:
        self.told.append((at, message))
        answer = self.answer(message)
        if isinstance(answer, BaseException):
            raise answer
        return Reply(answer, self.context, 3, 2, 0.5)

    async def reset(self) -> None:
        self.resets += 1


class Silent:
    """Never replies."""

    async def reply(self, message: str, at: datetime) -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async def reset(self) -> None: ...


def _next(definition: Definition, exchanges: Sequence[Exchange], now: datetime) -> Said | None:
    return definition.script[len(exchanges)] if len(exchanges) < len(definition.script) else None

"""What the agent is told next, and when: the same for every agent.

Nothing an agent does moves the schedule, but for what a reactive dataset says to a reply: each reply counts
as NOMINAL_REPLY tokens and takes REPLY_TIME, and the run begins at BEGIN.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from math import ceil
from random import Random
from typing import TypeAlias

from services.benchmark.agent import tokens
from services.benchmark.definition import Dataset, Definition, Exchange, Said, Wait
from services.benchmark.trivia import Trivia, filler

NOMINAL_REPLY = 100
FILLER = 1_000
"""Most tokens of a message that only fills the time."""
BEGIN = datetime(2025, 1, 6, 9, tzinfo=UTC)
REPLY_TIME = timedelta(seconds=10)
PAUSE = timedelta(seconds=50)
"""From a reply to the next message: no two messages have the same minute."""

INTRO = (
    "Hello! We are going to talk for a long time. I will tell you things about myself, ask you for things, "
    "and later come back to them, with much else in between. Keep what I tell you in mind, answer what I ask "
    "and do what I ask you for. Short replies are best."
)


class Part(StrEnum):
    """What a message is for."""

    INTRO = "intro"
    TEST = "test"
    FILLER = "filler"
    RESET = "reset"


@dataclass(frozen=True, slots=True)
class Test:
    """An example to be run, and the dataset it is of."""

    definition: Definition
    dataset: Dataset


@dataclass(frozen=True, slots=True)
class Plan:
    """A run, as data: equal plans make equal schedules."""

    tests: tuple[Test, ...]
    span: int
    """Tokens that a test is spread over; 0 runs each test alone, without a talk around it."""
    seed: int
    trivia: tuple[Trivia, ...]
    apart: tuple[frozenset[str], ...] = ()
    """Datasets of which no two may be under way at once; two examples of one dataset never are."""


@dataclass(frozen=True, slots=True)
class Say:
    """A message to the agent. Its reply goes to `Schedule.heard` before the next step."""

    position: int
    at: datetime
    part: Part
    said: Said
    test: str = ""
    """The name of the test it belongs to; none for fillers and the intro."""


@dataclass(frozen=True, slots=True)
class Afresh:
    """The agent is to forget everything before the message of this position."""

    position: int


@dataclass(frozen=True, slots=True)
class Over:
    """A test is at its end: its own exchanges, and all of the run since its first."""

    test: Test
    exchanges: tuple[Exchange, ...]
    run: tuple[Exchange, ...]


Step: TypeAlias = Say | Afresh | Over


@dataclass(slots=True)
class _Open:
    """A test under way."""

    test: Test
    exchanges: list[Exchange] = field(default_factory=list)
    began: int = 0
    """Tokens spoken in the run before its first message,"""
    since: int = 0
    """and up to the reply to its last one."""

    @property
    def wait(self) -> Wait:
        return self.exchanges[-1].said.wait

    @property
    def until(self) -> datetime:
        return self.exchanges[-1].said_at + timedelta(seconds=self.wait.seconds)


class Schedule:
    """The steps of a run, one after the other."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._random = Random(f"fillers {plan.seed}")
        # The first example of each dataset, then the second of each.
        self._left = sorted(plan.tests, key=lambda test: test.definition.number)
        self._open: list[_Open] = []
        self._speaking: _Open | None = None
        self._due: deque[Afresh | tuple[Part, Said, str]] = deque([(Part.INTRO, Said(INTRO), "")])
        self._said: Say | None = None
        self._run: list[Exchange] = []
        self._spoken = 0
        self._now = BEGIN

    def __iter__(self) -> Iterator[Step]:
        while (step := self._next()) is not None:
            yield step

    def heard(self, reply: str) -> None:
        """The reply to the last message: it is what the test hears, and what is graded."""
        say, self._said = self._said, None
        assert say is not None
        exchange = Exchange(say.said, reply, say.at, say.at + REPLY_TIME, say.position)
        self._run.append(exchange)
        before, self._spoken = self._spoken, self._spoken + tokens(say.said.text) + NOMINAL_REPLY
        self._now = exchange.replied_at + PAUSE
        if say.part is Part.TEST:
            assert self._speaking is not None
            if not self._speaking.exchanges:
                self._speaking.began = before
            self._speaking.exchanges.append(exchange)
            self._speaking.since = self._spoken

    def _next(self) -> Step | None:
        assert self._said is None, "a message has no reply yet"
        while self._left or self._open or self._due:
            if self._due:
                due = self._due.popleft()
                return due if isinstance(due, Afresh) else self._say(*due)
            self._speaking = self._whose_turn()
            if self._speaking is not None:
                test, exchanges = self._speaking.test, self._speaking.exchanges
                said = test.dataset.next_said(test.definition, exchanges, self._now)
                return self._over() if said is None else self._say(Part.TEST, said, test.definition.name)
            moments = [each.until for each in self._listening() if not self._lacks(each)]
            if not moments:
                return self._say(Part.FILLER, Said(filler(self._random, self._plan.trivia, self._room())))
            self._now = min(moments)
        return None

    def _say(self, part: Part, said: Said, test: str = "") -> Say:
        self._said = Say(len(self._run), self._now, part, said, test)
        return self._said

    def _whose_turn(self) -> _Open | None:
        """A test goes on until it waits; then whoever has waited longest, then the next that may begin."""
        if self._speaking is not None and self._speaking.wait == Wait():
            return self._speaking
        listening = self._listening()
        ready = [each for each in listening if not self._lacks(each) and each.until <= self._now]
        if ready:
            return min(ready, key=lambda each: each.exchanges[-1].position)
        for test in self._left:
            if self._may_begin(test):
                self._left.remove(test)
                self._open.append(_Open(test))
                return self._open[-1]
        return None

    def _listening(self) -> Sequence[_Open]:
        """The tests that may speak: one that does not interleave keeps the others silent."""
        alone = [each for each in self._open if not each.test.dataset.interleaves]
        return alone or self._open

    def _may_begin(self, test: Test) -> bool:
        if not self._plan.span:
            return not self._open
        name = test.dataset.name
        under_way = {each.test.dataset.name for each in self._open}
        return (
            all(each.test.dataset.interleaves for each in self._open)
            and name not in under_way
            and not any(name in apart and apart & under_way for apart in self._plan.apart)
        )

    def _lacks(self, test: _Open) -> bool:
        """Whether more must be said before this test goes on."""
        return self._lacks_tokens(test) > 0 or self._lacks_replies(test) > 0

    def _lacks_tokens(self, test: _Open) -> int:
        share = test.began + ceil(test.wait.share * self._plan.span)
        return max(share, test.since + test.wait.tokens) - self._spoken

    def _lacks_replies(self, test: _Open) -> int:
        last = test.exchanges[-1].position
        return last + 1 + test.wait.replies - len(self._run)

    def _room(self) -> int:
        """Tokens for a filler: no more than brings the next test to its turn."""
        lacking = [each for each in map(self._lacks_tokens, self._listening()) if each > 0]
        return min([FILLER, *(each - NOMINAL_REPLY for each in lacking)]) if lacking else 0

    def _over(self) -> Over:
        done = self._speaking
        assert done is not None
        self._open.remove(done)
        self._speaking = None
        if not self._plan.span:
            if self._left:
                self._due += [Afresh(len(self._run)), (Part.INTRO, Said(INTRO), "")]
        elif done.test.dataset.reset:
            self._due.append((Part.RESET, Said(done.test.dataset.reset), done.test.definition.name))
        first = done.exchanges[0].position if done.exchanges else len(self._run)
        return Over(done.test, tuple(done.exchanges), tuple(self._run[first:]))

"""What a test of the benchmark is: what is said, what passes in between, and how its answers are graded."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from random import Random
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class Wait:
    """What must pass after a message before its test goes on; whatever is zero asks for nothing."""

    share: float = 0.0
    """Of the memory span, counted from the test's first message: 0 to 1."""
    tokens: int = 0
    """Of talk since the message, whoever's."""
    seconds: int = 0
    """On the run's virtual clock."""
    replies: int = 0
    """Of the agent to other messages, whoever's."""


@dataclass(frozen=True, slots=True)
class Said:
    """A message of a test's user. A question's reply is graded."""

    text: str
    is_question: bool = False
    wait: Wait = Wait()


@dataclass(frozen=True, slots=True)
class Definition:
    """One example of a dataset, as data: two that are equal run alike."""

    dataset: str
    number: int
    """Which example of its dataset, from 0."""
    script: tuple[Said, ...]
    """What is known beforehand; a reactive dataset says more."""
    expected: tuple[object, ...]
    """In the dataset's own form, one for each question."""
    evidence: tuple[tuple[int, ...], ...] = ()
    """For each question, which messages of the script its answer needs."""
    stale: tuple[tuple[int, ...], ...] = ()
    """For each question, which messages held before and no longer do."""

    @property
    def name(self) -> str:
        return f"{self.dataset}-{self.number}"


@dataclass(frozen=True, slots=True)
class Exchange:
    """A message of a test and what the agent replied to it. Moments are aware, on the virtual clock."""

    said: Said
    reply: str
    said_at: datetime
    replied_at: datetime
    position: int
    """Of the message among all that the agent was sent in the run, fillers too, from 0."""


@dataclass(frozen=True, slots=True)
class Score:
    """Points out of at most `most`, and a line on each thing that was graded."""

    points: float
    most: float
    notes: tuple[str, ...]


Arguments: TypeAlias = Mapping[str, object]
"""A dataset's difficulty, by the names that configurations use."""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A family of tests. Its functions are pure, so that a run that was killed goes on from its journal."""

    name: str
    summary: str
    """A line for `list`."""
    arguments: Arguments
    """What may be given, with what holds where it isn't."""
    generate: Callable[[Random, int, Arguments], Definition]
    """Makes example so-and-so. Raises SettingsError, naming the argument, for what can't be."""
    define: Callable[[int, tuple[Said, ...], Sequence[object]], Definition]
    """Makes example so-and-so of a script and its answers, as JSON has them in the original's files.

    Raises SettingsError, naming what does not fit.
    """
    next_said: Callable[[Definition, Sequence[Exchange], datetime], Said | None]
    """What the test says next, from its exchanges so far, at that moment; None at its end."""
    score: Callable[[Definition, Sequence[Exchange], Sequence[Exchange]], Score]
    """Grades the test's own exchanges; the second sequence holds all of the run since its first."""
    reset: str = ""
    """What the user says after a test's end, so that the next one of the dataset starts afresh."""
    interleaves: bool = True
    """False where other tests may not speak between its messages."""
    needs_model: bool = False

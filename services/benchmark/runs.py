"""Runs as their folders hold them (results.py), to report on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from statistics import fmean
from typing import Annotated, Any, TypeVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from services.benchmark import reading
from services.benchmark.agent import tokens
from services.benchmark.schedule import NOMINAL_REPLY
from services.benchmark.totals import Graded
from services.errors import SettingsError

T = TypeVar("T")

JUDGEMENT = "judged.json"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class Logged(_Record):
    """A message of a test, and what the agent replied."""

    position: int
    said_at: AwareDatetime
    text: str
    is_question: bool
    reply: str
    answer: str | None = None
    """A reader's, which was graded in the reply's place."""
    failure: str = ""


class Asked(_Record):
    """A question of a test, by where it stands in the test's log, and what it needs of that log."""

    message: int
    context: str | None
    """The file that holds what the agent had before it."""
    context_tokens: int | None
    evidence: tuple[int, ...]
    stale: tuple[int, ...]


class Outcome(_Record):
    test: str
    dataset: str
    number: int
    points: float
    most: float
    notes: tuple[str, ...]
    expected: tuple[Any, ...]
    questions: tuple[Asked, ...]
    log: tuple[Logged, ...]

    @property
    def score(self) -> float:
        """From 0 to 1."""
        return self.points / self.most if self.most else 0.0

    @property
    def first(self) -> int:
        """The position of the first message that an answer needs; of the test's first, if none is named."""
        needed = [place for asked in self.questions for place in asked.evidence if place < len(self.log)]
        return self.log[min(needed, default=0)].position if self.log else 0

    @property
    def last(self) -> int:
        """The position of the last question, or of the last message where nothing is asked."""
        asked = [logged.position for logged in self.log if logged.is_question]
        return max(asked or [logged.position for logged in self.log], default=0)


class Spoken(_Record):
    """A message of a run, whoever's."""

    position: int
    at: datetime
    part: str
    test: str
    text: str


class Summary(_Record):
    run: dict[str, Any]
    messages: int
    tokens_in: int
    tokens_out: int
    cost: Annotated[float, Field(ge=0)]
    without_reply: int
    failures: dict[str, int]


class Verdict(_Record):
    """What a judge says of the answer to a question."""

    points: Annotated[float, Field(ge=0, le=1)]
    why: str = ""


class Judgement(_Record):
    """What a model said of a run's tests (judge.py). It stands beside the scores."""

    model: str
    tests: dict[str, tuple[Verdict | None, ...]]
    """For each question of a test; None where the model gave no verdict that could be read."""

    def with_test(self, test: str, verdicts: Sequence[Verdict | None]) -> "Judgement":
        return Judgement(model=self.model, tests={**self.tests, test: tuple(verdicts)})

    def write(self, folder: Path) -> None:
        """The file is there whole or not at all."""
        new = folder / f"{JUDGEMENT}.new"
        new.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        new.replace(folder / JUDGEMENT)


@dataclass(frozen=True, slots=True)
class Run:
    folder: Path
    summary: Summary
    tests: tuple[Outcome, ...]
    """By dataset and number."""
    spoken: tuple[Spoken, ...]
    seconds: tuple[float, ...]
    """How long each reply took, in ascending order."""
    judgement: Judgement | None = None

    @property
    def agent(self) -> str:
        """Its name, its model and its budget for recall, as far as they were said."""
        run = self.summary.run
        model = f" ({run['model']})" if run.get("model") else ""
        budget = f", {run['budget']:,} tokens" if run.get("budget") else ""
        return f"{run.get('agent', 'agent')}{model}{budget}"

    @property
    def left_out(self) -> Sequence[str]:
        """A line on each dataset of the configuration that was not run."""
        return [str(line) for line in self.summary.run.get("left_out", ())]

    @property
    def span(self) -> int:
        """Tokens from a test's first message to its last; 0 for tests each by itself."""
        return int(self.summary.run.get("span", 0))

    @property
    def is_read(self) -> bool:
        """Whether the template reader answered in the agent's place."""
        return self.summary.run.get("answered_by") == "template reader"

    def ends(self) -> list[int]:
        """How many tokens were spoken when each message had its reply, by the schedule's estimate."""
        total, ends = 0, []
        for spoken in self.spoken:
            total += tokens(spoken.text) + NOMINAL_REPLY
            ends.append(total)
        return ends

    def graded(self) -> list[Graded]:
        """The tests that count: where the template reader answered, those of datasets that it reads."""
        ends = self.ends()
        return [
            Graded(test.dataset, test.points, test.most, _span(test, ends))
            for test in self.tests
            if not self.is_read or test.dataset in reading.DATASETS
        ]

    def judged(self, dataset: str) -> float | None:
        """The mean of a dataset's tests by the judge, from 0 to 1; None where it graded none."""
        means = [
            fmean(verdict.points for verdict in verdicts if verdict is not None)
            for test in self.tests
            if test.dataset == dataset and any(verdicts := self.verdicts(test))
        ]
        return fmean(means) if means else None

    def verdicts(self, test: Outcome) -> Sequence[Verdict | None]:
        """Of each question of a test that was judged."""
        return self.judgement.tests.get(test.test, ()) if self.judgement else ()

    def context(self, asked: Asked) -> str | None:
        """What the agent had before it at a question, if it told. Raises SettingsError for a lost file."""
        return None if asked.context is None else _text(self.folder / asked.context)


def load(folder: Path) -> Run:
    """A run that is at its end. Raises SettingsError, which names the file that can't be read."""
    if not (folder / "summary.json").is_file():
        raise SettingsError(f"{folder}: no run has ended there: it has no summary.json")
    tests = [_read(path, TypeAdapter(Outcome)) for path in sorted((folder / "results").glob("*.json"))]
    lines = _text(folder / "schedule.jsonl").splitlines()
    latencies, judgement = folder / "latencies.json", folder / JUDGEMENT
    seconds = _read(latencies, TypeAdapter(dict[int, float])) if latencies.is_file() else {}
    return Run(
        folder,
        _read(folder / "summary.json", TypeAdapter(Summary)),
        tuple(sorted(tests, key=lambda test: (test.dataset, test.number))),
        tuple(_parsed(folder / "schedule.jsonl", line, TypeAdapter(Spoken)) for line in lines),
        tuple(sorted(seconds.values())),
        _read(judgement, TypeAdapter(Judgement)) if judgement.is_file() else None,
    )


def _span(test: Outcome, ends: Sequence[int]) -> int:
    """Tokens from the first needed message on, its own included, up to the last question."""
    started = ends[test.first - 1] if 0 < test.first <= len(ends) else 0
    return max(0, ends[test.last - 1] - started) if 0 < test.last <= len(ends) else 0


def _read(path: Path, adapter: TypeAdapter[T]) -> T:
    return _parsed(path, _text(path), adapter)


def _parsed(path: Path, text: str, adapter: TypeAdapter[T]) -> T:
    try:
        return adapter.validate_json(text)
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise SettingsError(f"{path}, {where or 'the file'}: {first['msg']}") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read: {error}") from None

"""What happened in a run, a JSON object a line, on disk before the run goes on.

    {"run": {...}}                          what is run: another run can't go on here
    {"said": position, "at", "text"}        before the agent is told it
    {"heard": position, "reply", ...}       what came of it
    {"lost": position, "problem"}           the agent was gone, and did not take it
    {"afresh": position}                    the agent was reset before the message of this position

A run that was killed goes on from its journal; a line that was cut off there is left out.
"""

import fcntl
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from services.benchmark.agent import Told
from services.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Heard:
    """What came of a message."""

    reply: str
    """The agent's own words; empty where none came."""
    failure: str = ""
    """What went wrong, if something did."""
    answer: str | None = None
    """A reader's, of a question; it is graded in the place of the reply."""
    context_tokens: int | None = None
    """Of what the agent had before it, in the benchmark's own estimate; None where it did not tell."""
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    seconds: float = 0.0

    @property
    def graded(self) -> str:
        return self.reply if self.answer is None else self.answer


@dataclass(slots=True)
class Journal:
    """The journal of one run, open to be written on."""

    _file: BinaryIO
    said: dict[int, tuple[str, datetime]] = field(default_factory=dict)
    """Texts and moments by position."""
    heard: dict[int, Heard] = field(default_factory=dict)
    afresh: set[int] = field(default_factory=set)
    losses: int = 0
    """How often the agent was gone."""
    told: list[Told] = field(default_factory=list)
    """What the agent was told and replied to before this journal was opened, since its last reset."""

    def say(self, position: int, at: datetime, text: str) -> None:
        self.said[position] = text, at
        self._write({"said": position, "at": at.isoformat(), "text": text})

    def hear(self, position: int, heard: Heard) -> None:
        self.heard[position] = heard
        self._write({"heard": position, **asdict(heard)})

    def lose(self, position: int, problem: str) -> None:
        self.losses += 1
        del self.said[position]
        self._write({"lost": position, "problem": problem})

    def reset(self, position: int) -> None:
        self.afresh.add(position)
        self._write({"afresh": position})

    def _write(self, record: Mapping[str, Any]) -> None:
        self._file.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")
        self._file.flush()
        os.fsync(self._file.fileno())


@contextmanager
def opened(path: Path, run: Mapping[str, Any]) -> Iterator[Journal]:
    """The journal of this run, new or to go on with.

    Raises SettingsError where it is another run's, can't be read, or is being written by another process.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise SettingsError(f"{path}: another process is at this run") from None
        journal = Journal(file)
        file.seek(0)
        whole = 0
        for number, line in enumerate(file.readlines(), 1):
            if not line.endswith(b"\n"):
                break
            try:
                _take(journal, json.loads(line), run)
            except (ValueError, KeyError, TypeError):
                raise SettingsError(f"{path}, line {number}: is no line of a journal") from None
            whole += len(line)
        file.truncate(whole)
        if not whole:
            journal._write({"run": run})
        yield journal


def _take(journal: Journal, record: dict[str, Any], run: Mapping[str, Any]) -> None:
    match record:
        case {"run": before}:
            if before != run:
                changed = ", ".join(name for name in {**run, **before} if run.get(name) != before.get(name))
                raise SettingsError(f"another run stands there, with another {changed}: give another --out")
        case {"said": position, "text": text, "at": at}:
            journal.said[position] = text, datetime.fromisoformat(at)
        case {"heard": position, **rest}:
            heard = journal.heard[position] = Heard(**rest)
            text, moment = journal.said[position]
            journal.told.append(Told(moment, text, heard.reply))
        case {"lost": position}:
            journal.losses += 1
            del journal.said[position]
        case {"afresh": position}:
            journal.afresh.add(position)
            journal.told.clear()
        case _:
            raise ValueError

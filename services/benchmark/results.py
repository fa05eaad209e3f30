"""What a run leaves in its folder.

Equal runs leave equal files, byte by byte, but for the journal and the latencies.

journal.jsonl             what happened, to go on from (journal.py)
schedule.jsonl            every message of the run: position, moment, part, test, text
contexts/<position>.txt   what the agent had before it when it was asked the question of this position
results/<test>.json       a test: score, questions, every message of it with its reply
summary.json              the run
latencies.json            how long each reply took, in seconds by position
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from services.benchmark.agent import tokens
from services.benchmark.definition import Exchange
from services.benchmark.journal import Heard, Journal
from services.benchmark.schedule import Over, Say


@dataclass(frozen=True, slots=True)
class Results:
    """The folder of one run. `run` stands in its journal and its summary: what is run, with whom."""

    folder: Path
    run: Mapping[str, Any]

    def context(self, position: int, context: str) -> None:
        _write(self.folder / _context(position), context)

    def test(self, over: Over, heard: Mapping[int, Heard]) -> Mapping[str, Any]:
        """Grade a test and write its file; what the file holds."""
        definition = over.test.definition
        score = over.test.dataset.score(definition, over.exchanges, over.run)
        asked = [at for at, exchange in enumerate(over.exchanges) if exchange.said.is_question]
        result = {
            "test": definition.name,
            "dataset": definition.dataset,
            "number": definition.number,
            "run": self.run,
            **asdict(score),
            "expected": definition.expected,
            "questions": [
                _question(at, over.exchanges[at].position, heard)
                | {"evidence": _nth(definition.evidence, number), "stale": _nth(definition.stale, number)}
                for number, at in enumerate(asked)
            ],
            "log": [_logged(exchange, heard[exchange.position]) for exchange in over.exchanges],
        }
        _dump(self.folder / "results" / f"{definition.name}.json", result)
        return result

    def schedule(self, said: Iterable[Say]) -> None:
        lines = (
            {
                "position": say.position,
                "at": say.at.isoformat(),
                "part": say.part,
                "test": say.test,
                "text": say.said.text,
            }
            for say in said
        )
        _write(self.folder / "schedule.jsonl", "".join(json.dumps(each) + "\n" for each in lines))

    def summary(self, tests: Sequence[Mapping[str, Any]], said: Sequence[Say], journal: Journal) -> None:
        """Written when the run is at its end."""
        heard = journal.heard
        summary = {
            "run": self.run,
            "tests": [{name: test[name] for name in ("test", "dataset", "points", "most")} for test in tests],
            "messages": len(said),
            "tokens_said": sum(tokens(say.said.text) for say in said),
            "tokens_replied": sum(tokens(each.reply) for each in heard.values()),
            "tokens_in": sum(each.tokens_in for each in heard.values()),
            "tokens_out": sum(each.tokens_out for each in heard.values()),
            "cost": sum(each.cost for each in heard.values()),
            "without_reply": sum(not each.reply for each in heard.values()),
            "failures": Counter(each.failure for each in heard.values() if each.failure),
            "times_gone": journal.losses,
        }
        _dump(self.folder / "summary.json", summary)
        _dump(
            self.folder / "latencies.json",
            {position: round(each.seconds, 4) for position, each in heard.items()},
        )


def _question(at: int, position: int, heard: Mapping[int, Heard]) -> dict[str, Any]:
    """A question by its place in the test's log."""
    tokens_before = heard[position].context_tokens
    context = None if tokens_before is None else _context(position)
    return {"message": at, "context": context, "context_tokens": tokens_before}


def _logged(exchange: Exchange, heard: Heard) -> dict[str, Any]:
    return {
        "position": exchange.position,
        "said_at": exchange.said_at.isoformat(),
        "replied_at": exchange.replied_at.isoformat(),
        "text": exchange.said.text,
        "is_question": exchange.said.is_question,
        "reply": heard.reply,
        "answer": heard.answer,
        "failure": heard.failure,
        "tokens_in": heard.tokens_in,
        "tokens_out": heard.tokens_out,
        "cost": heard.cost,
    }


def _nth(places: Sequence[Sequence[int]], number: int) -> Sequence[int]:
    """Of question `number`; a dataset need not tell."""
    return places[number] if number < len(places) else ()


def _context(position: int) -> str:
    return f"contexts/{position}.txt"


def _dump(path: Path, value: object) -> None:
    _write(path, json.dumps(value, indent=1, ensure_ascii=False) + "\n")


def _write(path: Path, text: str) -> None:
    """The file is there whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f"{path.name}.new")
    new.write_text(text, encoding="utf-8")
    new.replace(path)

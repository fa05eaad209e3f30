"""`python -m services.benchmark run`: with real processes, that are killed."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from conftest import Database, StartAssistant, data_folder
from services.assistant.domain import Platform

ROOT = Path(__file__).parents[3]
TINY = """
config: {run_name: "Tiny"}
datasets:
  args: {memory_span: 1500, dataset_examples: 1}
  datasets:
    - name: "colours"
    - name: "name_list"
      args: {name_changes: 2}
"""
SECONDS = 100


def started(arguments: Sequence[str | Path], **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "services.benchmark", *map(str, arguments)],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def done(arguments: Sequence[str | Path], code: int = 0, **environment: str) -> str:
    """What a run that ends with this code says."""
    process = started(arguments, **environment)
    out, err = process.communicate(timeout=SECONDS)
    assert process.returncode == code, err
    return out if code == 0 else err


def tiny(folder: Path) -> Path:
    path = folder / "tiny.yml"
    path.write_text(TINY)
    return path


def killed(arguments: Sequence[str | Path], journal: Path, lines: int, **environment: str) -> None:
    """Start it, and kill it outright when its journal has so many lines."""
    process = started(arguments, **environment)
    try:
        while not journal.exists() or journal.read_bytes().count(b"\n") < lines:
            assert process.poll() is None, process.communicate()
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate(timeout=SECONDS)


def same(one: Path, other: Path) -> None:
    """Whether two runs left the same, but for how long it took."""
    names = {path.relative_to(one) for path in one.rglob("*") if path.is_file()}
    names -= {Path(name) for name in ("journal.jsonl", "latencies.json", "report.html")}
    assert {Path("schedule.jsonl"), Path("summary.json"), Path("results/colours-0.json")} <= names
    for name in sorted(names):
        assert (one / name).read_bytes() == (other / name).read_bytes(), name


def read(path: Path) -> Any:
    return json.loads(path.read_text())


@pytest.mark.timeout(300)  # Three assistants start with a database of their own, one after the other.
def test_a_run_that_is_killed_comes_to_the_same_end() -> None:
    """Its assistant ends with it; the next one goes on with what that remembers."""
    with data_folder() as folder:
        arguments: list[str | Path] = ["run", tiny(folder), "--agent", "remi", "--reader", "--out"]
        said = done([*arguments, os.path.relpath(folder / "whole", ROOT)])
        assert "colours" in said
        assert (folder / "whole" / "report.html").stat().st_size > 1_000
        assert not (folder / "whole" / "agent").exists()
        killed([*arguments, folder / "cut"], folder / "cut" / "journal.jsonl", 6)
        done([*arguments, folder / "cut"])
        same(folder / "whole", folder / "cut")
        assert read(folder / "cut" / "results" / "colours-0.json")["points"] == 1


async def test_nothing_is_said_twice_to_an_assistant_that_runs_on(
    tmp_path: Path, database: Database, start_assistant: StartAssistant
) -> None:
    journal = tmp_path / "run" / "journal.jsonl"
    arguments: list[str | Path] = ["run", tiny(tmp_path), "--agent", "remi", "--out", journal.parent]
    async with start_assistant() as assistant:
        arguments += ["--address", assistant.address]
        token = assistant.tokens[Platform.BENCHMARK]
        for lines in (1, 6, 11):
            await asyncio.to_thread(killed, arguments, journal, lines, REMI_GATEWAY_TOKEN=token)
        await asyncio.to_thread(done, arguments, REMI_GATEWAY_TOKEN=token)
    connection = await asyncpg.connect(database.owner_dsn)
    rows = await connection.fetch("SELECT text FROM message WHERE role = 'person' ORDER BY position")
    await connection.close()
    wanted = [json.loads(line) for line in (journal.parent / "schedule.jsonl").read_text().splitlines()]
    told = [record for line in journal.read_text().splitlines() if "said" in (record := json.loads(line))]
    assert len(told) > len(wanted)
    assert [row["text"] for row in rows] == [each["text"] for each in wanted]


def test_two_runs_leave_the_same(tmp_path: Path) -> None:
    config = tiny(tmp_path)
    for name in ("one", "two"):
        done(["run", config, "--agent", "bm25", "--reader", "--span", "4000", "--out", tmp_path / name])
    same(tmp_path / "one", tmp_path / "two")
    # At its end a run is graded anew, from its journal.
    results = tmp_path / "two" / "results" / "colours-0.json"
    results.unlink()
    done(["run", config, "--agent", "bm25", "--reader", "--span", "4000", "--out", tmp_path / "two"])
    same(tmp_path / "one", tmp_path / "two")


def test_several_agents_are_shown_beside_each_other(tmp_path: Path) -> None:
    agents = ["--agent", "full-log", "--agent", "recency"]
    shown = done(["run", tiny(tmp_path), *agents, "--reader", "--out", tmp_path / "both"])
    assert "full-log" in shown
    assert "recency" in shown
    page = tmp_path / "page.html"
    again = done(["report", tmp_path / "both" / "recency", "--html", page])
    assert "full-log" not in again
    assert "<html" in page.read_text()[:200]


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["run", "small", "--agent", "nobody"], "no agent 'nobody'"),
        (["run", "missing.yml", "--agent", "bm25"], "missing.yml"),
        (["run", "small", "--agent", "bm25", "--definitions", "missing"], "missing"),
        (["run", "small", "--agent", "openai-full"], "--model"),
        (["run", "small", "--agent", "bm25", "--span", "-1"], "0 to 10,000,000 tokens"),
        (["report", "missing"], "missing"),
    ],
)
def test_what_cannot_be_done_is_one_line(tmp_path: Path, arguments: list[str], problem: str) -> None:
    out = tmp_path / "out"
    said = done([*arguments, "--out", out] if arguments[0] == "run" else arguments, 2)
    assert problem in said.splitlines()[-1]
    assert "Traceback" not in said


def test_an_agent_that_is_gone_leaves_a_run_to_go_on_with(tmp_path: Path) -> None:
    out = tmp_path / "out"
    gone = ["--agent", "http", "--address", "http://127.0.0.1:9/"]
    said = done(["run", tiny(tmp_path), "--out", out, *gone], 3)
    assert "the agent is gone" in said.splitlines()[-1]


def test_what_there_is_is_listed() -> None:
    listed = done(["list"])
    assert all(name in listed for name in ("colours", "bm25-recent", "small"))

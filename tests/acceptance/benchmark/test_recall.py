"""`python -m services.benchmark recall FILE` as somebody at a shell meets it: with real processes."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from conftest import StartAssistant
from services.assistant.domain import Platform

ROOT = Path(__file__).parents[3]
DAY = "2026-05-08T13:{minute:02}:00+00:00"
SAID = [
    ("user", "Ann", "My dog is called Biscuit."),
    ("assistant", "Remi", "A fine name for a dog."),
    ("user", "Ann", "On Sunday we take the ferry to the island."),
    # The very same once more.
    ("user", "Ann", "My dog is called Biscuit."),
]
TALK = {
    "id": "talk",
    "messages": [
        {"id": f"D{at}", "role": role, "author": author, "sent_at": DAY.format(minute=at), "text": text}
        for at, (role, author, text) in enumerate(SAID)
    ],
    "questions": [
        {
            "id": "q1",
            "kind": "single",
            "text": "Where does the ferry go on Sunday?",
            "author": "Ann",
            "asked_at": "2026-05-09T08:00:00+00:00",
            "evidence": ["D2"],
        }
    ],
}


def run(arguments: Sequence[str], **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "services.benchmark", *arguments],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def written(folder: Path) -> str:
    path = folder / "talk.jsonl"
    path.write_text(json.dumps(TALK), encoding="utf-8")
    return str(path)


def test_an_assistant_of_its_own_is_measured(tmp_path: Path) -> None:
    done = run(["recall", written(tmp_path), "--budgets", "50,500", "--json"])
    assert done.returncode == 0, done.stderr
    figures = json.loads(done.stdout)
    assert figures["kinds"]["single"]["at"]["5"] == 1
    assert figures["total"]["within"] == {"50": 1, "500": 1}
    assert 0 < figures["total"]["tokens"]["50"] <= 50
    assert figures["messages"] == len(SAID)


async def test_a_running_assistant_is_measured(tmp_path: Path, start_assistant: StartAssistant) -> None:
    async with start_assistant() as assistant:
        done = await asyncio.to_thread(
            run,
            ["recall", written(tmp_path), "--assistant", assistant.address],
            REMI_GATEWAY_TOKEN=assistant.tokens[Platform.BENCHMARK],
        )
    assert done.returncode == 0, done.stderr
    assert "all of these" in done.stdout
    assert "4 messages" in done.stderr


def test_what_cannot_be_done_is_one_line(tmp_path: Path) -> None:
    done = run(["recall", str(tmp_path / "missing.jsonl")])
    assert done.returncode == 2
    assert done.stderr.startswith("remi benchmark: ")
    assert len(done.stderr.splitlines()) == 1
    nobody = run(
        ["recall", written(tmp_path), "--assistant", f"unix:{tmp_path}/nobody.sock"], REMI_GATEWAY_TOKEN="x"
    )
    assert nobody.returncode == 2
    assert "UNAVAILABLE" in nobody.stderr
    assert run(["recall", written(tmp_path), "--budgets", "0"]).returncode == 2

"""A model that grades: beside the scores, never in their place, and never told twice."""

import io
import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from rich.console import Console

from fakes.openai import Body, FakeOpenAI, Step
from services.benchmark import judge
from services.benchmark.__main__ import main
from services.benchmark.agent import Kind, Setting
from services.benchmark.agents import AGENTS
from services.benchmark.agents.endpoint import connected
from services.benchmark.plan import Wanted, planned
from services.benchmark.reading import read
from services.benchmark.report import report
from services.benchmark.runs import JUDGEMENT, Verdict, load
from services.benchmark.session import Session, run
from services.errors import Unavailable

CONFIGURATION = """
config: {run_name: judged}
datasets:
  args: {memory_span: 2000, dataset_examples: 2}
  datasets: [{name: colours}, {name: jokes}, {name: trigger_response}]
"""
RIGHT = Step(text='```json\n{"points": 1, "why": "It names the joke."}\n```')


@pytest.fixture
async def endpoint(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI(reply=RIGHT) as fake:
        monkeypatch.setenv("OPENAI_BASE_URL", fake.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", fake.api_key)
        yield fake


@pytest.fixture
async def folder(tmp_path: Path) -> Path:
    """A run of the whole log, read by the template reader."""
    where = tmp_path / "run"
    where.mkdir()
    (where / "run.yml").write_text(CONFIGURATION)
    plan = planned(Wanted(str(where / "run.yml"), seed=3))
    kind = Kind("", AGENTS["full-log"].open)
    await run(Session(plan, "full-log", kind, Setting(where), 10, read), lambda total, said, over: None)
    return where


async def judged(folder: Path, model: str = "judge") -> list[str]:
    """The lines that it told on the way."""
    lines: list[str] = []
    async with connected(Setting(folder, model=model)) as models:
        await judge.judge(folder, models, lines.append)
    return lines


def results(folder: Path) -> dict[str, bytes]:
    files = [*(folder / "results").iterdir(), folder / "summary.json", folder / "schedule.jsonl"]
    return {path.name: path.read_bytes() for path in files}


def questions(folder: Path) -> int:
    return sum(len(test.questions) for test in load(folder).tests if test.dataset in judge.JUDGED)


async def test_it_stands_beside_the_scores_and_changes_none(endpoint: FakeOpenAI, folder: Path) -> None:
    before = results(folder)
    lines = await judged(folder)
    assert results(folder) == before
    assert lines[-1] == "trigger_response-1: judged, 4 of 4"
    run = load(folder)
    assert (run.judged("jokes"), run.judged("trigger_response"), run.judged("colours")) == (1, 1, None)
    assert len(endpoint.bodies()) == questions(folder)

    console = Console(file=io.StringIO(), width=200)
    report([folder], console, folder / "report.html")
    assert isinstance(console.file, io.StringIO)
    assert "1.00 · judge 1.00" in console.file.getvalue()
    assert "judge: 1, It names the joke." in (folder / "report.html").read_text()


async def test_it_sees_the_talk_before_the_question_what_was_expected_and_the_answer(
    endpoint: FakeOpenAI, folder: Path
) -> None:
    await judged(folder)
    system, user = endpoint.bodies()[0]["messages"]
    assert (system["role"], system["content"]) == ("system", judge.INSTRUCTIONS)
    shown = json.loads(user["content"])
    test = next(test for test in load(folder).tests if test.test == "jokes-0")
    at = test.questions[0].message
    assert [said["user"] for said in shown["talk"]] == [said.text for said in test.log[:at]]
    assert shown["question"] == test.log[at].text
    assert shown["expected"] == test.expected[0]
    assert shown["answer"] == test.log[at].answer


async def test_what_it_has_judged_is_not_asked_again(endpoint: FakeOpenAI, folder: Path) -> None:
    await judged(folder)
    asked = len(endpoint.bodies())
    first = (folder / JUDGEMENT).read_bytes()
    await judged(folder)
    assert len(endpoint.bodies()) == asked
    assert (folder / JUDGEMENT).read_bytes() == first
    await judged(folder, "another")
    assert len(endpoint.bodies()) == 2 * asked
    assert load(folder).judgement is not None


async def test_where_the_endpoint_goes_it_stops_and_goes_on_from_there(
    endpoint: FakeOpenAI, folder: Path
) -> None:
    refusals = 4
    endpoint.script(RIGHT, *[Step(status=500, retry_after=0.01)] * refusals)
    with pytest.raises(Unavailable):
        await judged(folder)
    judgement = load(folder).judgement
    assert judgement is not None
    assert list(judgement.tests) == ["jokes-0"]
    await judged(folder)
    assert len(endpoint.bodies()) == questions(folder) + refusals


@pytest.mark.parametrize(
    "said",
    ["", "Right!", '{"points": 2, "why": ""}', '{"points": "all"}', '{"why": "it is right"}', "[1]"],
)
async def test_what_is_no_verdict_counts_for_nothing(endpoint: FakeOpenAI, folder: Path, said: str) -> None:
    endpoint.reply = Step(text=said)
    await judged(folder)
    run = load(folder)
    assert run.judged("jokes") is None
    report([folder], Console(file=io.StringIO()), folder / "report.html")
    assert "no verdict that could be read" in (folder / "report.html").read_text()


async def test_a_refusal_is_no_verdict_either(endpoint: FakeOpenAI, folder: Path) -> None:
    endpoint.reply = Step(status=400, code="content_filter")
    await judged(folder)
    assert load(folder).judged("jokes") is None


async def test_the_mean_is_over_what_was_judged(endpoint: FakeOpenAI, folder: Path) -> None:
    def graded(body: Body) -> Step:
        first = len(endpoint.bodies()) == 1
        return Step(text="?") if first else Step(text='{"points": 0.5, "why": "Half of it."}')

    endpoint.reply = graded
    await judged(folder)
    run = load(folder)
    assert run.judgement is not None
    assert run.judgement.tests["jokes-0"] == (None,)
    assert run.judgement.tests["jokes-1"] == (Verdict(points=0.5, why="Half of it."),)
    assert run.judged("jokes") == 0.5


def test_the_command_needs_a_model_and_a_run_that_has_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-none")
    with pytest.raises(SystemExit):
        main(["judge", str(tmp_path)])
    assert main(["judge", str(tmp_path), "--model", "m"]) == 2
    assert "no run has ended there" in capsys.readouterr().err

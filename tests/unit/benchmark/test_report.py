"""Reports of runs that were really made: figures, and a page that is whole and safe."""

import io
import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import pytest
from rich.console import Console

from services.benchmark.agent import Agent, Kind, Open, Reply, Setting
from services.benchmark.agents import AGENTS
from services.benchmark.plan import Wanted, planned
from services.benchmark.reading import read
from services.benchmark.report import report
from services.benchmark.report.measures import measures, span
from services.benchmark.run import Read
from services.benchmark.runs import load
from services.benchmark.session import Session, run
from services.errors import SettingsError

CONFIGURATION = """
config: {run_name: "<b>Little</b> run"}
datasets:
  args: {memory_span: 2000, dataset_examples: 2}
  datasets: [{name: colours}, {name: shopping}, {name: trigger_response}, {name: prospective_memory}]
"""
HOSTILE = "</p></style><script>alert('x')</script><img src=x onerror=alert(1)> & \x00\x1b\u202e ok"
VOID = {"meta", "line", "circle", "polyline", "polygon"}


class Hostile:
    async def reply(self, message: str, at: datetime) -> Reply:
        return Reply(HOSTILE, f"{at:%Y-%m-%d %H:%M} {HOSTILE}: {HOSTILE}", 10, 5, 0.25)

    async def reset(self) -> None: ...


@asynccontextmanager
async def hostile(setting: Setting) -> AsyncIterator[Agent]:
    yield Hostile()


async def ran(folder: Path, agent: str, opened: Open, reader: Read | None, tokens: int = 2000) -> Path:
    plan = planned(Wanted(configured(folder), span=tokens, seed=3))
    session = Session(plan, agent, Kind("", opened), Setting(folder), 10, reader)
    await run(session, lambda total, said, over: None)
    return folder


def configured(folder: Path) -> str:
    folder.mkdir()
    (folder / "run.yml").write_text(CONFIGURATION)
    return str(folder / "run.yml")


@pytest.fixture
async def full(tmp_path: Path) -> Path:
    """A run of the whole log, read by the template reader."""
    return await ran(tmp_path / "full", "full-log", AGENTS["full-log"].open, read)


class Checked(HTMLParser):
    """Parses a page; its elements must be closed in order, and must bring nothing from elsewhere."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.text: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        assert not {name for name, _ in attrs} & {"src", "href", "srcset", "onerror", "onclick", "onload"}
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def shown(folders: list[Path], out: Path | None = None) -> tuple[str, str]:
    console = Console(file=io.StringIO(), width=200)
    path = out or folders[0] / "report.html"
    report(folders, console, path)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue(), path.read_text(encoding="utf-8")


async def test_on_the_full_log_nothing_is_missing(full: Path) -> None:
    table, page = shown([full])
    assert re.search(r"total +3\.00 of 3", table)
    assert re.search(r"evidence recall +100 %", table)
    assert "the agent's memory" in " ".join(table.split())
    assert "no official" in page
    (only,) = measures([load(full)])
    assert set(only.totals.datasets) == {"colours", "shopping", "trigger_response"}
    assert only.recall is not None
    assert only.recall.whole == 1
    assert only.totals.ltm_score == only.totals.most_ltm_score > 6 * 1000


async def test_the_page_holds_every_message_of_every_test_and_nothing_from_elsewhere(full: Path) -> None:
    _, page = shown([full])
    checked = Checked(page)
    assert not {"script", "link", "img", "iframe", "object"} & set(checked.seen)
    assert not re.search(r"https?://|@import|url\(", page)
    text = "".join(checked.text)
    for test in load(full).tests:
        assert test.test in text
        for logged in test.log:
            assert logged.text.strip() in text
    assert page == shown([full])[1]


async def test_hostile_text_stays_text(tmp_path: Path) -> None:
    folder = await ran(tmp_path / "hostile", "<i>agent</i>", hostile, None)
    table, page = shown([folder])
    checked = Checked(page)
    assert not {"script", "img", "i agent"} & set(checked.seen)
    assert "<script>alert('x')</script><img src=x onerror=alert(1)> &" in "".join(checked.text)
    assert "<b>Little</b> run" in "".join(checked.text)
    assert "\x1b" not in page
    assert "\x1b" not in table
    assert "0.00 of 4" in table
    assert "no official" not in page


async def test_runs_are_compared_by_span(full: Path, tmp_path: Path) -> None:
    longer = await ran(tmp_path / "longer", "full-log", AGENTS["full-log"].open, read, 4000)
    other = await ran(tmp_path / "other", "full-log", AGENTS["full-log"].open, read, 4000)
    table, page = shown([full, longer, other], tmp_path / "page.html")
    assert "full-log · 2k" in table
    assert "full-log · 4k · longer" in table
    assert "Total by memory span" in page
    assert Checked(page).seen.count("svg") == 5


async def test_an_agent_that_tells_no_context_has_no_recall(tmp_path: Path) -> None:
    class Silent(Hostile):
        async def reply(self, message: str, at: datetime) -> Reply:
            return Reply("Blue")

    @asynccontextmanager
    async def opened(setting: Setting) -> AsyncIterator[Agent]:
        yield Silent()

    folder = await ran(tmp_path / "silent", "silent", opened, None)
    table, page = shown([folder])
    assert re.search(r"evidence recall +–", table)
    assert "didn't tell which context" in page


async def test_what_cannot_be_read_is_named(full: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="no run has ended there"):
        load(tmp_path)
    result = full / "results" / "colours-0.json"
    result.write_text(json.dumps({**json.loads(result.read_text()), "points": "many"}))
    with pytest.raises(SettingsError, match=r"colours-0\.json, points"):
        load(full)
    result.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=r"colours-0\.json: can't be read"):
        load(full)
    result.unlink()
    with pytest.raises(SettingsError, match="can't be written"):
        shown([full], tmp_path / "nowhere" / "page.html")


def test_spans_are_told_short() -> None:
    assert [span(tokens) for tokens in (0, 500, 2000, 32_000)] == ["isolated", "500", "2k", "32k"]

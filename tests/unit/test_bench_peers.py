"""What is ours of `make bench-peers`: who remembers what, talk with adapters, the model, the table."""

import json
import sys
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from bench.peers.child import Contender, Peer, running
from bench.peers.environments import python_with
from bench.peers.measure import TURNS, Measured
from bench.peers.model import Calls, count, reply
from bench.peers.people import LEAST, SIZES, Size, asks, says, sizes
from bench.peers.report import Cell, Row, report
from bench.processes import DidNotRun
from fakes.openai import Recorded

ADAPTER = """
import asyncio, os, sys
from contextlib import asynccontextmanager
from bench.peers.protocol import serve


class Fake:
    version = "fake 1"

    def __init__(self):
        self.kept = {}

    async def fill(self, person, texts):
        print("a library that prints")
        os.write(1, b"and one that does so by itself")
        self.kept.setdefault(person, []).extend(texts)

    async def write(self, person, text):
        raise ValueError("no room for\\n" + text)

    async def turn(self, person, text):
        sys.stderr.write("the last\\nof its words\\n")
        sys.stderr.flush()
        os._exit(3)

    async def search(self, person, question):
        return self.kept[person]

    async def search_exactly(self, person, question):
        await asyncio.Event().wait()


@asynccontextmanager
async def opened():
    yield Fake()


serve(opened())
"""


@pytest.fixture
async def peer(tmp_path: Path) -> Any:
    (tmp_path / "fake_adapter.py").write_text(ADAPTER)
    contender = Contender("fake", Path(sys.executable), "fake_adapter", ())
    async with AsyncExitStack() as stack:
        yield await stack.enter_async_context(running(contender, tmp_path))


async def test_an_adapter_answers_each_request_with_what_it_took_and_found(peer: Peer) -> None:
    assert peer.version == "fake 1"
    await peer.call("fill", 20, person="ann", texts=["Grüße", "two\nlines"])
    answer = await peer.call("search", 20, person="ann", question="?")
    assert answer is not None
    assert answer.result == ["Grüße", "two\nlines"]
    assert answer.seconds > 0


async def test_what_an_adapter_lacks_is_no_failure(peer: Peer) -> None:
    assert await peer.call("rest", 20) is None


async def test_an_operation_that_fails_is_told_on_one_line_and_the_adapter_goes_on(peer: Peer) -> None:
    with pytest.raises(DidNotRun, match=r"^fake: write: ValueError: no room for two lines$"):
        await peer.call("write", 20, person="ann", text="two\nlines")
    assert await peer.call("fill", 20, person="ann", texts=[]) is not None


async def test_an_adapter_that_dies_is_told_by_its_last_line(peer: Peer) -> None:
    with pytest.raises(DidNotRun, match=r"^fake: of its words$"):
        await peer.call("turn", 20, person="ann", text="x")
    with pytest.raises(DidNotRun, match=r"^fake: of its words$"):
        await peer.call("search", 20, person="ann", question="?")


async def test_an_operation_that_hangs_is_given_up(peer: Peer) -> None:
    with pytest.raises(DidNotRun, match=r"^fake: search_exactly took longer than 0 s$"):
        await peer.call("search_exactly", 0.01, person="ann", question="?")


async def test_an_adapter_that_does_not_start_is_told_by_its_last_line(tmp_path: Path) -> None:
    contender = Contender("gone", Path(sys.executable), "no_such_adapter", ())
    with pytest.raises(DidNotRun, match=r"^gone: .*No module named"):
        async with running(contender, tmp_path):
            pass


def test_a_peer_that_can_not_be_installed_is_told_by_the_last_line(tmp_path: Path) -> None:
    lock = tmp_path / "peers-broken.txt"
    lock.write_text("nothing that could be read ==\n")
    with pytest.raises(DidNotRun, match=r"^peers-broken: .+"):
        python_with(lock, tmp_path / "environments")


def test_a_peer_is_installed_once_and_again_when_its_lock_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[tuple[str | Path, ...]] = []

    def run(command: tuple[str | Path, ...], **_: object) -> None:
        commands.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True)

    monkeypatch.setattr("subprocess.run", run)
    lock, folder = tmp_path / "peers-new.txt", tmp_path / "environments"
    lock.write_text("one")
    python = python_with(lock, folder)
    assert python_with(lock, folder) == python
    assert [command[1:3] for command in commands] == [("-m", "venv"), ("-m", "pip")]
    lock.write_text("two")
    assert python_with(lock, folder) != python


def test_people_say_the_same_in_every_run_and_nobody_says_what_another_does() -> None:
    said = [says(person, number) for person in ("100-0", "100-1", "1000-0") for number in range(500)]
    assert len(set(said)) == len(said)
    assert says("100-1", 7) == said[507]


def test_a_question_asks_in_words_of_the_memory() -> None:
    for number in range(200):
        asked = asks("100-0", number).removeprefix("What did I say about ").removesuffix("?")
        words = asked.replace(" and ", ", ").split(", ")
        assert 2 <= len(words) <= 4
        assert all(word in says("100-0", number) for word in words)


def test_classes_are_scaled_down_to_what_a_search_brings_up_and_one_of_a_kind() -> None:
    assert sizes(1) == SIZES
    assert sizes(0.02) == (Size(LEAST, 100), Size(200, 1), Size(1_000, 1))
    assert Size(100, 3).names() == ["100-0", "100-1", "100-2"]


def test_the_model_learns_what_remi_and_mem0_show_it() -> None:
    said = ("Ann: I told kale.", "Remi: Noted.", "Ann: Why?")
    talk = "\n".join(f"#{number} 2026-03-02 12:00 {line}" for number, line in enumerate(said, 1))
    schema = {"type": "json_schema", "json_schema": {"name": "memories", "schema": {}}}
    notes = json.loads(reply(_asked(talk, schema)).text)["memories"]
    assert [(note["message"], note["quote"]) for note in notes] == [(1, "I told kale."), (3, "Why?")]

    talk = "## Last\nuser: Old.\n\n## New Messages\nuser: I told kale.\nassistant: Noted.\n\n## Date\n1"
    facts = json.loads(reply(_asked(talk, {"type": "json_object"})).text)["memory"]
    assert [fact["text"] for fact in facts] == ["I told kale."]
    assert reply(_asked("Anything")).text.startswith("Noted")


def test_calls_are_counted_by_what_they_are_for() -> None:
    requests = [
        Recorded("/v1/chat/completions", _asked("Hello"), {}),
        Recorded("/v1/chat/completions", _asked("12345", {"type": "json_object"}), {}),
        Recorded("/v1/embeddings", {"input": ["a", "b"]}, {}),
    ]
    assert count(requests) == Calls(answers=1, learning=1, learning_characters=5, embeddings=1)


@pytest.mark.parametrize(
    ("figures", "more", "lead", "factor"),
    [
        ((2.0, 4.0, 3.0), False, "yes", "1.50 x"),
        ((2.0, 1.0, 3.0), False, "no", "0.50 x"),
        ((2.0, 2.06, None), False, "level", "1.03 x"),
        ((0.99, 0.5, 0.7), True, "yes", ""),
        ((0.5, 0.9, None), True, "no", ""),
        ((0.0, 1.0, None), False, "yes", ""),
        ((2.0, None, None), False, "", ""),
        ((None, 2.0, 2.0), False, "", ""),
    ],
)
def test_remi_leads_a_row_if_it_is_better_than_the_best(
    figures: tuple[float | None, ...], more: bool, lead: str, factor: str
) -> None:
    row = Row("", [Cell("", figure) for figure in figures], is_more_better=more, near=0.05)
    assert (row.lead, row.factor) == (lead, factor)


def test_the_table_says_where_remi_is_behind_and_who_failed() -> None:
    classes = (Size(100, 2),)
    ours, theirs, failed = (
        Measured("Remi"),
        Measured("mem0ai 1"),
        Measured(failure="langgraph: no such module"),
    )
    for each, took in ((ours, 4.0), (theirs, 2.0)):
        each.searches[100] = [took, took, took]
        each.exact_searches[100] = [3 * took] * 3
        each.writes[100] = [10 - took] * 3
        each.turns = [took] * TURNS
        each.recalls[100], each.hits[100] = [1.0, took / 4], [True, took > 2]
        each.calls["search"] = each.calls["write"] = [Calls(0, 0, 0, 1)]
    ours.calls["turn"], ours.calls["rest"] = [Calls(TURNS, 0, 0, 40)], [Calls(0, 2, 400, 4)]
    theirs.calls["turn"], theirs.calls["rest"] = [Calls(TURNS, TURNS, 4000, 60)], [Calls(0, 0, 0, 0)]

    told = report({"remi": ours, "mem0": theirs, "langgraph": failed}, classes)

    rows = {line.split("  ")[0]: line.split("  ")[1:] for line in told.splitlines() if "  " in line}
    cells = {what: [cell.strip() for cell in row if cell.strip()] for what, row in rows.items()}
    assert cells["search, among 100, ms"] == ["4.0 (4.0)", "2.0 (2.0)", "-", "no", "0.50 x"]
    assert cells["search that misses nothing, among 100, ms"] == [
        "4.0 (4.0)",
        "6.0 (6.0)",
        "-",
        "yes",
        "1.50 x",
    ]
    assert cells["keep a message, among 100, ms"] == ["6.0 (6.0)", "8.0 (8.0)", "-", "yes", "1.33 x"]
    assert cells["embedding calls, a turn"] == ["2.00", "3.00", "-", "yes", "1.50 x"]
    assert cells["model calls, to learn from a turn"] == ["0.10", "1.00", "-", "yes", "10.00 x"]
    assert cells["recall@20, among 100"] == ["1.000", "0.750", "-", "yes"]
    assert cells["finds @20, among 100"] == ["1.000", "0.500", "-", "yes"]
    assert "Failed: langgraph: no such module" in told
    assert "behind in 2: search, among 100, ms; a turn, until findable, ms." in told


def _asked(text: str, form: dict[str, Any] | None = None) -> dict[str, Any]:
    body: dict[str, Any] = {"model": "instant", "messages": [{"role": "user", "content": text}]}
    return body | ({"response_format": form} if form else {})

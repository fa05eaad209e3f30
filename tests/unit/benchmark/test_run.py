"""A run against agents that behave, and agents that don't."""

import json
from pathlib import Path
from typing import Any

import pytest

from benchmarking import Killed, Scripted, Silent, example, plan, said, spread, steps
from services.benchmark import run
from services.benchmark.agent import Agent
from services.benchmark.definition import Said
from services.benchmark.journal import Heard, opened
from services.benchmark.results import Results
from services.benchmark.run import MOST_REPLY, Partner, carry_out, digest
from services.benchmark.schedule import Plan
from services.errors import ModelRefused, SettingsError, Unavailable

RUN = {"name": "small"}
SMALL = plan(spread("a", 0, 3), spread("b", 0, 2), example("a", 1, "again", Said("and?", True)))


@pytest.fixture(autouse=True)
def no_delays(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "delays", lambda first: iter([0.0] * 9))


async def carried(
    folder: Path, agent: Agent, of: Plan = SMALL, *, twice: bool = True, read: run.Read | None = None
) -> dict[int, Heard]:
    with opened(folder / "journal.jsonl", RUN) as journal:
        partner = Partner(agent, twice, 0.2, read)
        await carry_out(of, partner, journal, Results(folder, RUN), lambda *_: None)
    return journal.heard


def read(path: Path) -> Any:
    return json.loads(path.read_text())


async def test_every_message_is_told_once_and_every_test_graded(tmp_path: Path) -> None:
    agent = Scripted(context="2025-01-06 09:00 User: hello")
    heard = await carried(tmp_path, agent)
    wanted = said(steps(SMALL))
    assert agent.told == [(each.at, each.said.text) for each in wanted]
    assert (len(wanted), digest(SMALL)[0]) == (len(heard), len(heard))
    assert sorted(each.name for each in (tmp_path / "results").iterdir()) == [
        "a-0.json",
        "a-1.json",
        "b-0.json",
    ]
    summary = read(tmp_path / "summary.json")
    assert summary["messages"] == len(wanted)
    assert (summary["tokens_in"], summary["cost"]) == (3 * len(wanted), 0.5 * len(wanted))
    result = read(tmp_path / "results" / "a-1.json")
    assert (result["points"], result["run"]) == (2, RUN)
    assert [each["text"] for each in result["log"]] == ["again", "and?"]
    (question,) = result["questions"]
    assert (tmp_path / question["context"]).read_text() == agent.context
    assert question["context_tokens"] == 7


async def test_a_reader_answers_the_questions_from_the_context(tmp_path: Path) -> None:
    agent = Scripted(context="all of it")
    heard = await carried(tmp_path, agent, read=lambda *asked: "{} {} at {:%H:%M}".format(*asked))
    asked = {each.position for each in said(steps(SMALL)) if each.said.is_question}
    assert {position for position, each in heard.items() if each.answer is not None} == asked
    assert read(tmp_path / "results" / "a-1.json")["log"][-1]["answer"] == "and? all of it at 09:11"


async def test_without_a_context_the_agents_reply_counts(tmp_path: Path) -> None:
    heard = await carried(tmp_path, Scripted(), read=lambda question, context, at: "read")
    assert {each.graded for each in heard.values()} == {"Noted."}
    assert read(tmp_path / "results" / "a-1.json")["questions"][0]["context"] is None


@pytest.mark.parametrize("at", [0, 1, 4, 9])
async def test_a_run_goes_on_where_it_was_killed(tmp_path: Path, at: int) -> None:
    whole, cut = Scripted(context="c"), Scripted(context="c")
    await carried(tmp_path / "whole", whole)
    cut.answer = lambda message: Killed() if len(cut.told) == at + 1 else "Noted."
    with pytest.raises(Killed):
        await carried(tmp_path / "cut", cut)
    rest = Scripted(context="c")
    await carried(tmp_path / "cut", rest)
    # What was on its way is told again, as the same message.
    assert cut.told + rest.told[1:] == whole.told
    assert rest.told[0] == cut.told[-1]
    for name in ("schedule.jsonl", "summary.json", "results/a-0.json", "results/b-0.json"):
        assert (tmp_path / "whole" / name).read_bytes() == (tmp_path / "cut" / name).read_bytes()


async def test_an_agent_that_would_keep_it_twice_is_not_told_again(tmp_path: Path) -> None:
    agent = Scripted(lambda message: Killed())
    with pytest.raises(Killed):
        await carried(tmp_path, agent)
    rest = Scripted()
    heard = await carried(tmp_path, rest, twice=False)
    assert agent.told[0] not in rest.told
    assert heard[0] == Heard("", "the run was killed while the agent replied")
    assert read(tmp_path / "summary.json")["failures"] == {heard[0].failure: 1}


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ModelRefused("status 400"), "refused: status 400"),
        (ZeroDivisionError(), "the agent raised ZeroDivisionError"),
        (TimeoutError(), "no reply within 0.2 seconds"),
    ],
)
async def test_what_costs_one_reply_is_recorded(tmp_path: Path, error: Exception, failure: str) -> None:
    agent = Scripted()
    agent.answer = lambda message: error if len(agent.told) == 3 else "Noted."
    heard = await carried(tmp_path, agent)
    assert {position: each.failure for position, each in heard.items() if each.failure} == {2: failure}
    assert read(tmp_path / "summary.json")["failures"] == {failure: 1}


async def test_settings_that_are_wrong_stop_the_run(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="the key"):
        await carried(tmp_path, Scripted(lambda message: SettingsError("the key is refused")))


async def test_an_agent_that_was_gone_for_a_moment_is_told_again(tmp_path: Path) -> None:
    agent = Scripted()
    agent.answer = lambda message: Unavailable("no connection") if len(agent.told) in (3, 4) else "Noted."
    heard = await carried(tmp_path, agent)
    assert not any(each.failure for each in heard.values())
    assert '{"lost": 2, "problem": "no connection"}' in (tmp_path / "journal.jsonl").read_text()


async def test_an_agent_that_is_gone_stops_the_run_which_can_go_on(tmp_path: Path) -> None:
    agent = Scripted()
    agent.answer = lambda message: Unavailable("no connection") if len(agent.told) > 4 else "Noted."
    with pytest.raises(Unavailable, match="the agent is gone: no connection"):
        await carried(tmp_path, agent)
    assert not (tmp_path / "summary.json").exists()
    rest = Scripted()
    await carried(tmp_path, rest)
    assert len(rest.told) == len(said(steps(SMALL))) - 4
    assert read(tmp_path / "summary.json")["times_gone"] == 3


async def test_what_an_agent_did_not_take_is_told_again_to_any(tmp_path: Path) -> None:
    gone = Scripted(lambda message: Unavailable("no connection"))
    with pytest.raises(Unavailable):
        await carried(tmp_path, gone, twice=False)
    rest = Scripted()
    heard = await carried(tmp_path, rest, twice=False)
    assert rest.told[0] == gone.told[0]
    assert not any(each.failure for each in heard.values())


async def test_an_agent_that_never_replies_stops_the_run(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match=r"no reply within 0.2 seconds, and so 3 times"):
        await carried(tmp_path, Silent())


async def test_a_reply_of_ten_megabytes_is_cut_and_recorded(tmp_path: Path) -> None:
    agent = Scripted()
    agent.answer = lambda message: "x" * 10_000_000 if message == "and?" else "Noted."
    heard = await carried(tmp_path, agent)
    (failed,) = [each for each in heard.values() if each.failure]
    assert failed.failure == "a reply of 10,000,000 characters"
    assert len(failed.reply) == MOST_REPLY


async def test_an_agent_that_says_nothing_is_counted(tmp_path: Path) -> None:
    await carried(tmp_path, Scripted(lambda message: ""))
    summary = read(tmp_path / "summary.json")
    assert (summary["without_reply"], summary["failures"]) == (summary["messages"], {})


async def test_a_reply_that_is_no_unicode_is_kept(tmp_path: Path) -> None:
    heard = await carried(tmp_path, Scripted(lambda message: "\ud800!"))
    assert {each.reply for each in heard.values()} == {"?!"}


async def test_without_a_span_the_agent_begins_anew_for_each_test(tmp_path: Path) -> None:
    alone = plan(spread("a", 0, 2), spread("b", 0, 2), span=0)
    agent = Scripted()
    agent.answer = lambda message: Killed() if len(agent.told) == 5 else "Noted."
    with pytest.raises(Killed):
        await carried(tmp_path, agent, alone)
    rest = Scripted()
    await carried(tmp_path, rest, alone)
    assert (agent.resets, rest.resets) == (1, 0)


async def test_a_journal_with_other_messages_is_refused(tmp_path: Path) -> None:
    await carried(tmp_path, Scripted())
    with pytest.raises(SettingsError, match="other messages"):
        await carried(tmp_path, Scripted(), plan(spread("z", 0, 3)))

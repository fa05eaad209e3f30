"""Remi as an agent of the benchmark, over real gRPC."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import psutil
import pytest

from conftest import Assistant, StartAssistant, data_folder, thinks_with
from fakes.openai import FakeOpenAI
from services.assistant.domain import Platform
from services.benchmark.agent import Agent, Setting
from services.benchmark.agents import AGENTS, remi
from services.errors import Unavailable

NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
LATER = NOON + timedelta(days=3)
DOG = "My dog is called Biscuit."
ASKED = "What is my dog called?"


@asynccontextmanager
async def agent(
    assistant: Assistant, folder: Path, monkeypatch: pytest.MonkeyPatch, name: str = "remi"
) -> AsyncIterator[Agent]:
    monkeypatch.setenv("REMI_GATEWAY_TOKEN", assistant.tokens[Platform.BENCHMARK])
    async with AGENTS[name].open(Setting(folder, address=assistant.address)) as opened:
        yield opened


async def test_what_remi_saw_is_told_with_its_dates(
    start_assistant: StartAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start_assistant() as assistant, agent(assistant, tmp_path, monkeypatch) as user:
        first = await user.reply(DOG, NOON)
        assert first.context == ""
        # Ends with what was said before it, each once.
        second = await user.reply(f"One\n{'more ' * 900}", NOON + timedelta(minutes=1))
        assert second.context is not None
        assert second.context.count(DOG) == 1
        assert f"2025-01-06 12:00 User: {DOG}\n2025-01-06 12:00 Remi: Noted." in second.context
        asked = await user.reply(ASKED, LATER)
        assert "Biscuit" in asked.text
        assert asked.seconds is not None


async def test_the_same_moment_again_is_the_same_message(
    start_assistant: StartAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start_assistant() as assistant:
        async with agent(assistant, tmp_path, monkeypatch) as user:
            first = await user.reply(DOG, NOON)
        async with agent(assistant, tmp_path, monkeypatch) as user:
            again = await user.reply(DOG, NOON)
            assert (again.text, again.context) == (first.text, first.context)
            asked = await user.reply(ASKED, LATER)
    assert asked.context is not None
    assert asked.context.count("User: ") == 1


async def test_after_a_reset_somebody_else_speaks(
    start_assistant: StartAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start_assistant() as assistant, agent(assistant, tmp_path, monkeypatch) as user:
        await user.reply(DOG, NOON)
        await user.reset()
        asked = await user.reply(ASKED, LATER)
        assert asked.context == ""
        assert "Biscuit" not in asked.text


async def test_without_memory_everybody_is_new(
    start_assistant: StartAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        start_assistant() as assistant,
        agent(assistant, tmp_path, monkeypatch, "remi-nomemory") as user,
    ):
        await user.reply(DOG, NOON)
        assert (await user.reply(ASKED, LATER)).context == ""


async def test_what_a_model_cost_is_told(
    model: FakeOpenAI, start_assistant: StartAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        start_assistant(**thinks_with(model)) as assistant,
        agent(assistant, tmp_path, monkeypatch) as user,
    ):
        reply = await user.reply(DOG, NOON)
    assert reply.text == "Noted."
    assert reply.tokens_in > 100
    assert reply.tokens_out > 0


async def test_an_answer_that_rests_on_nothing_has_no_context(
    start_assistant: StartAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with start_assistant() as assistant, agent(assistant, tmp_path, monkeypatch) as user:
        reply = await user.reply("Remind me tomorrow at 9 to water the plants.", NOON)
    assert reply.text
    assert reply.context == ""


async def test_an_assistant_that_is_gone_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(remi, "LOOK_SECONDS", 0.02)
    monkeypatch.setenv("REMI_GATEWAY_TOKEN", "x")
    nobody = Setting(tmp_path, address=f"unix:{tmp_path}/nobody.sock")
    async with AGENTS["remi"].open(nobody) as user:
        with pytest.raises(Unavailable, match="does not serve"):
            await user.reply(DOG, NOON)


async def test_after_its_assistant_died_another_goes_on_with_its_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(remi, "LOOK_SECONDS", 0.05)
    with data_folder() as folder:
        async with AGENTS["remi"].open(Setting(folder)) as user:
            await user.reply(DOG, NOON)
            (process,) = [
                child for child in psutil.Process().children() if "services.assistant" in child.cmdline()
            ]
            process.kill()
            with pytest.raises(Unavailable):
                await user.reply(ASKED, LATER)
        async with AGENTS["remi"].open(Setting(folder)) as user:
            assert "Biscuit" in (await user.reply(ASKED, LATER)).text

"""Agents without a memory of their own: what they choose, and what a model is shown."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from fakes.openai import FakeOpenAI, Step
from services.benchmark.agent import Agent, Setting, Told, tokens
from services.benchmark.agents import AGENTS
from services.benchmark.agents.bm25 import Index
from services.errors import ModelRefused, SettingsError, Unavailable

NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)
DOG = "My dog is called Biscuit."


@pytest.fixture
async def fake(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as endpoint:
        monkeypatch.setenv("OPENAI_BASE_URL", endpoint.base_url)
        monkeypatch.setenv("OPENAI_API_KEY", endpoint.api_key)
        yield endpoint


def opened(name: str, tmp_path: Path, **more: object) -> AbstractAsyncContextManager[Agent]:
    return AGENTS[name].open(Setting(tmp_path, **more))  # type: ignore[arg-type]


async def told(agent: Agent, *messages: str) -> str:
    """The context of the last of these, a minute apart."""
    for minute, message in enumerate(messages):
        reply = await agent.reply(message, NOON + timedelta(minutes=minute))
    assert reply.context is not None
    return reply.context


async def test_the_full_log_shows_everything_with_dates(tmp_path: Path) -> None:
    async with opened("full-log", tmp_path) as agent:
        first = await agent.reply(DOG, NOON)
        assert (first.text, first.context) == ("", "")
        assert await told(agent, "One\nTwo", "Three") == (
            "2025-01-06 12:00 User: My dog is called Biscuit.\n2025-01-06 12:00 User: One\n  Two"
        )
        await agent.reset()
        assert await told(agent, "Four") == ""


async def test_an_agent_that_was_opened_again_has_its_log(tmp_path: Path) -> None:
    before = (Told(NOON, DOG, "A fine name."),)
    for name in ("full-log", "recency", "bm25", "bm25-recent"):
        async with opened(name, tmp_path, before=before) as agent:
            assert "User: My dog is called Biscuit." in await told(agent, "Who is Biscuit? A fine dog?")


async def test_recency_shows_the_newest_that_fits(tmp_path: Path) -> None:
    async with opened("recency", tmp_path) as agent:
        context = await told(agent, DOG, *["word " * 800] * 6, "What is my dog called?")
    assert DOG not in context
    assert 3_000 < tokens(context) <= 4_000


async def test_bm25_shows_what_shares_the_words(tmp_path: Path) -> None:
    async with opened("bm25", tmp_path) as agent:
        context = await told(agent, DOG, *["word " * 800] * 6, "What is my dog called?")
        assert context == f"2025-01-06 12:00 User: {DOG}"
    async with opened("bm25-recent", tmp_path) as agent:
        context = await told(agent, DOG, *["word " * 800] * 6, "What is my dog called?")
        assert context.startswith(f"2025-01-06 12:00 User: {DOG}\n2025-01-06 12:06 User: word")


def test_rare_words_count_more_and_of_equals_the_newer_comes_first() -> None:
    index = Index()
    for text in ("the cat", "the the the", "a dog", "the dog", "the cat"):
        index.add(text)
    assert index.ranked("The cat?") == [4, 0, 1, 3]
    assert index.ranked("nothing") == []
    assert Index().ranked("cat") == []


async def test_a_model_sees_the_whole_talk(fake: FakeOpenAI, tmp_path: Path) -> None:
    async with opened("openai-full", tmp_path, model="m", prices=(2.0, 4.0)) as agent:
        await agent.reply(DOG, NOON)
        reply = await agent.reply("What is it called?", NOON)
    assert reply.text == "Noted."
    assert reply.context == f"2025-01-06 12:00 User: {DOG}\n2025-01-06 12:00 Assistant: Noted."
    body = fake.bodies()[-1]
    assert [(each["role"], each["content"]) for each in body["messages"][1:]] == [
        ("user", DOG), ("assistant", "Noted."), ("user", "What is it called?"),
    ]  # fmt: skip
    assert reply.cost == pytest.approx((reply.tokens_in * 2 + reply.tokens_out * 4) / 1e6)
    assert reply.tokens_in > 0


async def test_a_truncated_prompt_holds_the_system_message_and_the_newest(
    fake: FakeOpenAI, tmp_path: Path
) -> None:
    async with opened("openai-timestamped", tmp_path, model="m", window=20) as agent:
        await told(agent, DOG, "Second", "Third")
    roles = [(each["role"], each["content"]) for each in fake.bodies()[-1]["messages"]]
    assert roles[0][0] == "system"
    assert roles[1:] == [
        ("user", "2025-01-06 12:01 User: Second"), ("assistant", "Noted."),
        ("user", "2025-01-06 12:02 User: Third"),
    ]  # fmt: skip


async def test_retrieval_with_a_model_shows_it_notes(fake: FakeOpenAI, tmp_path: Path) -> None:
    async with opened("bm25", tmp_path, model="m") as agent:
        await told(agent, DOG, "What is my dog called?")
    system, user = fake.bodies()[-1]["messages"]
    assert f"12:00 User: {DOG}" in system["content"]
    assert "Monday 2025-01-06 12:01" in system["content"]
    assert user["content"] == "What is my dog called?"


async def test_meaning_is_found_by_an_endpoints_vectors(fake: FakeOpenAI, tmp_path: Path) -> None:
    async with opened("semantic", tmp_path, embedding_model="e") as agent:
        context = await told(agent, DOG, *["word " * 2_000] * 3, "What is my dog called?")
    assert context.startswith(f"2025-01-06 12:00 User: {DOG}")
    async with opened("semantic", tmp_path, embedding_model="e", before=[Told(NOON, DOG, "")]) as agent:
        assert DOG in await told(agent, "")


async def test_a_model_looks_things_up_and_keeps_notes(fake: FakeOpenAI, tmp_path: Path) -> None:
    before = [Told(NOON, DOG, "")]
    fake.script(*(Step(text=text) for text in ("dog\n\nBiscuit", "Biscuit.", "Has a dog.")))
    async with opened("scratchpad", tmp_path, model="m", embedding_model="e", before=before) as agent:
        reply = await agent.reply("What is my dog called?", NOON + timedelta(minutes=1))
    assert (reply.text, reply.context) == ("Biscuit.", f"2025-01-06 12:00 User: {DOG}")
    assert reply.tokens_out > 5
    # The same message said again finds the notes as they were before it, the next one those after it.
    for minute, notes in ((1, ""), (2, "Scratchpad: Noted.")):
        async with opened("scratchpad", tmp_path, model="m", embedding_model="e") as agent:
            reply = await agent.reply("Hello", NOON + timedelta(minutes=minute))
            assert reply.context is not None
            assert reply.context.strip() == notes
    async with opened("scratchpad", tmp_path, model="m", embedding_model="e") as agent:
        await agent.reset()
        assert (await agent.reply("Hello", NOON + timedelta(minutes=3))).context == ""


@pytest.mark.parametrize(
    ("step", "error"),
    [
        (Step(status=401), SettingsError),
        (Step(status=400), ModelRefused),
        (Step(cut_after=0), Unavailable),
    ],
)
async def test_an_endpoint_that_fails_is_told_apart(
    fake: FakeOpenAI, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: Step, error: type[Exception]
) -> None:
    monkeypatch.setattr("services.benchmark.agents.endpoint.TRIES", 0)
    fake.script(step)
    async with opened("openai-full", tmp_path, model="m") as agent:
        with pytest.raises(error):
            await agent.reply(DOG, NOON)


async def test_what_an_agent_lacks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="--model"):
        async with opened("openai-full", tmp_path):
            pass
    with pytest.raises(SettingsError, match="--embedding-model"):
        async with opened("semantic", tmp_path):
            pass
    with pytest.raises(SettingsError, match="two models"):
        async with opened("scratchpad", tmp_path, model="m"):
            pass
    with pytest.raises(SettingsError, match="OPENAI_BASE_URL"):
        async with opened("openai-truncated", tmp_path, model="m"):
            pass

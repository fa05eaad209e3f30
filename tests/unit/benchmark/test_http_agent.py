"""An agent behind a URL, and one at the keyboard."""

import io
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias

import pytest
from aiohttp import web

from services.benchmark.agent import Agent, Reply, Setting
from services.benchmark.agents import AGENTS
from services.benchmark.agents.http import MOST_BYTES
from services.errors import ModelRefused, SettingsError, Unavailable

NOON = datetime(2025, 1, 6, 12, tzinfo=UTC)

Answer: TypeAlias = Callable[[dict[str, Any]], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def at(answer: Answer, folder: Path) -> AsyncIterator[Agent]:
    """An agent at a server that answers so."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await answer(await request.json())

    app = web.Application()
    app.router.add_post("/", handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    try:
        async with AGENTS["http"].open(Setting(folder, address=url)) as agent:
            yield agent
    finally:
        await runner.cleanup()


async def test_a_message_is_posted_and_the_reply_read(tmp_path: Path) -> None:
    asked: list[dict[str, Any]] = []

    async def answer(body: dict[str, Any]) -> web.StreamResponse:
        asked.append(body)
        return web.json_response({"reply": "Hi", "context": "c", "tokens_in": 3, "cost": 0.5, "more": 1})

    async with at(answer, tmp_path) as agent:
        assert await agent.reply("Hello", NOON) == Reply("Hi", "c", 3, 0, 0.5)
        await agent.reset()
        await agent.reply("Again", NOON)
    async with at(answer, tmp_path) as agent:
        await agent.reply("Still", NOON)
    assert asked[0]["message"] == "Hello"
    assert asked[0]["sent_at"] == "2025-01-06T12:00:00+00:00"
    first, second, third = (each["conversation"] for each in asked)
    assert first != second == third


@pytest.mark.parametrize(
    ("response", "problem"),
    [
        (web.Response(status=500), "status 500"),
        (web.Response(text="hello"), "not JSON"),
        (web.Response(text='{"answer": 1}'), "reply: Field required"),
        (web.Response(text='{"reply": 1}'), "reply: Input should be a valid string"),
        (web.Response(text="[]"), "the response: Input should be"),
        (web.Response(text=json.dumps({"reply": "x" * (MOST_BYTES + 1)})), "more than 8,388,608 bytes"),
    ],
)
async def test_what_is_no_reply_is_named(tmp_path: Path, response: web.Response, problem: str) -> None:
    async def answer(body: dict[str, Any]) -> web.StreamResponse:
        return response

    async with at(answer, tmp_path) as agent:
        with pytest.raises(ModelRefused, match=problem):
            await agent.reply("Hello", NOON)


async def test_a_server_that_is_gone_is_told_apart_from_one_that_broke_off(tmp_path: Path) -> None:
    async def answer(body: dict[str, Any]) -> web.StreamResponse:
        raise ConnectionResetError

    async with at(answer, tmp_path) as agent:
        with pytest.raises(ModelRefused):
            await agent.reply("Hello", NOON)
    with socket.create_server(("127.0.0.1", 0)) as server:
        nobody = f"http://127.0.0.1:{server.getsockname()[1]}/"
    async with AGENTS["http"].open(Setting(tmp_path, address=nobody)) as agent:
        with pytest.raises(Unavailable, match="no connection"):
            await agent.reply("Hello", NOON)


async def test_an_address_that_is_no_url_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="--address"):
        async with AGENTS["http"].open(Setting(tmp_path, address="localhost:8000")):
            pass


async def test_a_human_replies_at_the_keyboard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("Biscuit, I think \n"))
    async with AGENTS["human"].open(Setting(tmp_path)) as agent:
        assert await agent.reply("What is my dog called?", NOON) == Reply("Biscuit, I think")
        await agent.reset()
        with pytest.raises(Unavailable, match="keyboard"):
            await agent.reply("And my cat?", NOON)
    shown = capsys.readouterr().err
    assert "[Monday 2025-01-06 12:00] What is my dog called?" in shown
    assert "forget everything" in shown

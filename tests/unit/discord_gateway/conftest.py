"""The Discord gateway between a fake Discord and a scripted assistant, all three over real sockets."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager

import discord
import pytest

from fakes.assistant import FakeAssistant
from fakes.discord.server import FakeDiscord
from services.discord.__main__ import serve
from services.discord.settings import DiscordSettings

Running = Callable[[], AbstractAsyncContextManager[None]]


async def end_of_process() -> None:
    """discord.py leaves a task behind that waits for guilds; the end of a process would cancel it."""
    left = [task for task in asyncio.all_tasks() if "_delay_ready" in repr(task.get_coro())]
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture(autouse=True)
def _real_discord_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway turns discord.py to the fake; each test begins with the library as it was."""
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)


@pytest.fixture
async def fake() -> AsyncIterator[FakeDiscord]:
    async with FakeDiscord() as running:
        yield running


@pytest.fixture
async def assistant() -> AsyncIterator[FakeAssistant]:
    async with FakeAssistant() as running:
        yield running


@pytest.fixture
def settings(fake: FakeDiscord, assistant: FakeAssistant) -> DiscordSettings:
    return assistant.settings(
        DiscordSettings, bot_token=fake.token, api_base=fake.base, gateway_url=fake.gateway.url
    )


@pytest.fixture
def running(fake: FakeDiscord, assistant: FakeAssistant, settings: DiscordSettings) -> Running:
    """`async with running():` runs the gateway; it is connected on both sides."""

    @contextlib.asynccontextmanager
    async def run() -> AsyncIterator[None]:
        before = len(assistant.subscriptions)
        gateway = asyncio.create_task(serve(settings))
        try:
            await fake.connected()
            await assistant.until(lambda: len(assistant.subscriptions) > before)
            yield
        finally:
            gateway.cancel()
            await asyncio.gather(gateway, return_exceptions=True)
            await end_of_process()
        if not gateway.cancelled() and (error := gateway.exception()):
            raise error

    return run

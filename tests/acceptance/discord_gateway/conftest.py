"""A person's Discord: the fake platform, the real gateway, a real assistant on real Postgres."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import discord
import pytest

from conftest import StartAssistant, thinks_with
from fakes.discord.server import WAIT_SECONDS, FakeDiscord
from fakes.discord.world import Channel, Json, Person
from fakes.openai import FakeOpenAI
from services.assistant.domain import Platform
from services.discord.__main__ import serve
from services.discord.presenter import UNFINISHED
from services.discord.settings import DiscordSettings


@dataclass(frozen=True, slots=True)
class Talk:
    """A Discord with Ann and Bob, who are let in, and Eve, who isn't; and with channels of both kinds."""

    discord: FakeDiscord
    ann: Person
    bob: Person
    eve: Person
    general: Channel
    ideas: Channel
    unknown: Channel

    @property
    def dm(self) -> Channel:
        """Where Ann talks to Remi."""
        return self.discord.dm(self.ann)

    def answers(self, channel: Channel) -> list[Json]:
        """Remi's messages in a channel that are written to their end."""
        return [m for m in self.discord.shown(channel) if not m["content"].endswith(UNFINISHED)]

    async def answered(self, channel: Channel, n: int) -> list[Json]:
        """The same, once there are `n`."""
        await self.discord.until(lambda: len(self.answers(channel)) >= n)
        return self.answers(channel)

    async def ask(
        self, text: str, *, by: Person | None = None, channel: Channel | None = None, **more: Any
    ) -> Json:
        """Say something and wait for what Remi answers."""
        person = by or self.ann
        where = channel or self.discord.dm(person)
        before = len(self.answers(where))
        self.discord.says(person, text, where, **more)
        return (await self.answered(where, before + 1))[-1]

    async def command(
        self, name: str, argument: str = "", *, by: Person | None = None, channel: Channel | None = None
    ) -> Json:
        """Give a slash command and wait for what Remi answers."""
        person = by or self.ann
        where = channel or self.discord.dm(person)
        await self.discord.until(lambda: bool(self.discord.routes.commands))
        before = len(self.answers(where))
        self.discord.slash(person, name, argument, where)
        return (await self.answered(where, before + 1))[-1]

    async def remembers(self, words: str, channel: Channel | None = None) -> None:
        """Look until it is found: what was said is made searchable after its reply."""
        async with asyncio.timeout(WAIT_SECONDS):
            while (
                words
                not in (await self.command("memory", words, channel=channel))["content"].partition("\n")[2]
            ):
                pass

    async def press(self, message: Json, label: str) -> Json:
        """Press a button and wait for what Remi answers."""
        before = len(self.answers(self.dm))
        self.discord.presses(self.ann, message, label)
        return (await self.answered(self.dm, before + 1))[-1]


Open = Callable[..., AbstractAsyncContextManager[Talk]]


@pytest.fixture(autouse=True)
def _real_discord_afterwards(monkeypatch: pytest.MonkeyPatch) -> None:
    """The gateway turns discord.py to the fake; each test begins with the library as it was."""
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)


@pytest.fixture
async def world() -> AsyncIterator[Talk]:
    """Discord with nobody's bot connected."""
    async with FakeDiscord() as fake:
        people = ann, bob, eve = fake.person("Ann"), fake.person("Bob"), fake.person("Eve")
        guild = fake.guild("Lab", people)
        general, unknown = fake.channel(guild, "general"), fake.channel(guild, "unknown")
        yield Talk(fake, ann, bob, eve, general, fake.forum(guild, "ideas"), unknown)


@pytest.fixture
def open_assistant(
    world: Talk, start_assistant: StartAssistant
) -> Callable[..., AbstractAsyncContextManager[DiscordSettings]]:
    """`async with open_assistant() as settings:` an assistant, and how a gateway reaches it and Discord."""

    @asynccontextmanager
    async def start(model: FakeOpenAI | None = None) -> AsyncIterator[DiscordSettings]:
        let_in = (world.ann, world.bob, world.general, world.ideas)
        knobs: dict[str, Any] = {"allow": {f"discord:{each.id}" for each in let_in}}
        if model is not None:
            knobs |= thinks_with(model)
        async with start_assistant(**knobs) as assistant:
            yield DiscordSettings.model_validate(
                {
                    "_env_file": None,
                    "assistant": assistant.address,
                    "gateway_token": assistant.tokens[Platform.DISCORD],
                    "bot_token": world.discord.token,
                    "api_base": world.discord.base,
                    "gateway_url": world.discord.gateway.url,
                }
            )

    return start


@asynccontextmanager
async def gateway(world: Talk, settings: DiscordSettings) -> AsyncIterator[None]:
    """The gateway, connected to Discord; leaving the block ends it as abruptly as a signal would."""
    running = asyncio.create_task(serve(settings))
    try:
        await world.discord.until(lambda: running.done() or world.discord.gateway.ready)
        yield
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        await world.discord.drop()
        world.discord.gateway.session = None
        left = [task for task in asyncio.all_tasks() if "_delay_ready" in repr(task.get_coro())]
        for task in left:
            task.cancel()
        await asyncio.gather(*left, return_exceptions=True)


@pytest.fixture
def open_talk(
    world: Talk, open_assistant: Callable[..., AbstractAsyncContextManager[DiscordSettings]]
) -> Open:
    """`async with open_talk() as talk:` everything runs. Once more is a restart of both services."""

    @asynccontextmanager
    async def start(model: FakeOpenAI | None = None) -> AsyncIterator[Talk]:
        async with open_assistant(model) as settings, gateway(world, settings):
            yield world

    return start


@pytest.fixture
async def talk(open_talk: Open) -> AsyncIterator[Talk]:
    """Remi without a model of its own."""
    async with open_talk() as opened:
        yield opened

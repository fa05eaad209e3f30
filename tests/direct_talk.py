"""A person's direct talks with Remi, as they see them on each platform: fake platforms, the real gateways.

What a person does is the same everywhere, so a story is told once and runs on every platform.
"""

import asyncio
import re
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import asyncpg
import discord
import pytest

from client import PATIENCE
from conftest import Assistant
from fakes.discord.server import FakeDiscord
from fakes.discord.world import Person
from fakes.telegram.server import FakeTelegram
from fakes.telegram.world import Json
from services.assistant.domain import Platform
from services.discord.__main__ import serve as serve_discord
from services.discord.presenter import UNFINISHED
from services.discord.settings import DiscordSettings
from services.telegram.__main__ import serve as serve_telegram
from services.telegram.settings import TelegramSettings

ANN = 1
"""Ann's account on Telegram."""
WAITING = "SELECT EXISTS (SELECT FROM work WHERE kind = 'deliver')"
_MARKUP = re.compile(r"\\(.)|\*\*|`")


@dataclass(frozen=True, slots=True)
class Shown:
    """A message of Remi's as it stands before the person, without what only makes letters bold."""

    text: str
    buttons: tuple[str, ...]
    raw: Json


class DirectTalk(ABC):
    """One person's direct talk with Remi.

    `owner_dsn` is the assistant's database: an answer of several messages is whole when nothing waits there.
    """

    account: str
    """The person's, as settings name it: `telegram:1`."""
    channel: str
    """What Remi calls the platform."""

    def __init__(self, owner_dsn: str) -> None:
        self._owner_dsn = owner_dsn

    async def ask(self, text: str) -> Shown:
        """Write something, a command for one, and wait for what Remi answers."""
        return await self._next(lambda: self._write(text))

    async def press(self, shown: Shown, label: str) -> Shown:
        """Press a button and wait for what Remi answers."""
        return await self._next(lambda: self._press(shown, label))

    async def thumbs_down(self, shown: Shown) -> Shown:
        """React to an answer and wait for what Remi says to it."""
        return await self._next(lambda: self._thumbs_down(shown))

    async def told(self, words: str, after: int = 0) -> Shown:
        """What stands there with these words, once it does; of so many messages the first are passed over."""
        await self._until(lambda: any(words in each.text for each in self.standing()[after:]))
        return [each for each in self.standing()[after:] if words in each.text][-1]

    @abstractmethod
    def standing(self) -> list[Shown]:
        """Remi's messages that stand there now and are written to their end, oldest first."""

    async def file(self, text: str) -> bytes:
        """Write a command and wait for the file that it brings."""
        before = len(self.files())
        await self.ask(text)
        await self._until(lambda: len(self.files()) > before)
        return self.files()[-1]

    async def give(self, command: str, content: bytes) -> Shown:
        """Give a file with a command, and wait for what Remi answers."""
        return await self._next(lambda: self._give(command, content))

    @abstractmethod
    def files(self) -> list[bytes]:
        """What is in the files that Remi has sent, oldest first."""

    async def _next(self, act: Callable[[], object]) -> Shown:
        before = len(self.standing())
        act()
        await self._until(lambda: len(self.standing()) > before)
        await self._all_sent()
        parts = self.standing()[before:]
        return Shown("\n".join(part.text for part in parts), parts[-1].buttons, parts[-1].raw)

    async def _all_sent(self) -> None:
        owner = await asyncpg.connect(self._owner_dsn)
        try:
            async with asyncio.timeout(PATIENCE):
                while await owner.fetchval(WAITING):  # noqa: ASYNC110 - the database tells nobody
                    await asyncio.sleep(0.02)
        finally:
            await owner.close()

    @abstractmethod
    def _write(self, text: str) -> object: ...

    @abstractmethod
    def _give(self, command: str, content: bytes) -> object: ...

    @abstractmethod
    def _press(self, shown: Shown, label: str) -> object: ...

    @abstractmethod
    def _thumbs_down(self, shown: Shown) -> None: ...

    @abstractmethod
    async def _until(self, condition: Callable[[], bool]) -> None: ...


class OnTelegram(DirectTalk):
    channel = "Telegram"

    def __init__(self, owner_dsn: str, fake: FakeTelegram) -> None:
        super().__init__(owner_dsn)
        self.fake, self.person = fake, fake.world.person(ANN, "Ann")
        self.account = f"telegram:{ANN}"

    def standing(self) -> list[Shown]:
        return [_on_telegram(message) for message in self.fake.standing(self.person)]

    def files(self) -> list[bytes]:
        return [request.files["document"] for request in self.fake.calls("sendDocument")]

    def _write(self, text: str) -> object:
        return self.fake.says(self.person, text)

    def _give(self, command: str, content: bytes) -> object:
        return self.fake.hands_over(self.person, "remi.jsonl", content, command)

    def _press(self, shown: Shown, label: str) -> object:
        return self.fake.presses(self.person, shown.raw, label)

    def _thumbs_down(self, shown: Shown) -> None:
        self.fake.reacts(self.person, shown.raw, new="👎")

    async def _until(self, condition: Callable[[], bool]) -> None:
        await self.fake.until(condition)


class OnDiscord(DirectTalk):
    channel = "Discord"

    def __init__(self, owner_dsn: str, fake: FakeDiscord, person: Person) -> None:
        super().__init__(owner_dsn)
        self.fake, self.person, self.dm = fake, person, fake.dm(person)
        self.account = f"discord:{person.id}"

    def standing(self) -> list[Shown]:
        shown = self.fake.shown(self.dm)
        return [_on_discord(message) for message in shown if not message["content"].endswith(UNFINISHED)]

    def files(self) -> list[bytes]:
        return [content for request in self.fake.rest.requests for content in request.files.values()]

    def _write(self, text: str) -> object:
        if not text.startswith("/"):
            return self.fake.says(self.person, text, self.dm)
        name, _, argument = text[1:].partition(" ")
        return self.fake.slash(self.person, name, argument, self.dm)

    def _give(self, command: str, content: bytes) -> object:
        file = self.fake.file("remi.jsonl", content)
        return self.fake.slash(self.person, command.removeprefix("/"), channel=self.dm, file=file)

    def _press(self, shown: Shown, label: str) -> object:
        return self.fake.presses(self.person, shown.raw, label)

    def _thumbs_down(self, shown: Shown) -> None:
        self.fake.reacts(self.person, shown.raw, "👎")

    async def _until(self, condition: Callable[[], bool]) -> None:
        await self.fake.until(condition)


@asynccontextmanager
async def two_channels(owner_dsn: str) -> AsyncIterator[tuple[OnTelegram, OnDiscord]]:
    """Ann's two accounts, with nobody's bot connected. Leaving checks what the bot sent."""
    async with FakeTelegram() as telegram, FakeDiscord() as disc:
        person = disc.person("Ann at home")
        disc.guild("Lab", (person,))
        yield OnTelegram(owner_dsn, telegram), OnDiscord(owner_dsn, disc, person)


@asynccontextmanager
async def gateways(assistant: Assistant, telegram: FakeTelegram, disc: FakeDiscord) -> AsyncIterator[None]:
    """Both gateways, connected. The gateway turns discord.py to the fake, while the block runs."""
    to_telegram = TelegramSettings.model_validate(
        {
            **_settings(assistant, Platform.TELEGRAM),
            "telegram_bot_token": telegram.token,
            "telegram_api_base": telegram.base,
        }
    )
    to_discord = DiscordSettings.model_validate(
        {
            **_settings(assistant, Platform.DISCORD),
            "bot_token": disc.token,
            "api_base": disc.base,
            "gateway_url": disc.gateway.url,
        }
    )
    with pytest.MonkeyPatch.context() as patch:
        _as_it_was(patch)
        running = [
            asyncio.create_task(serve_telegram(to_telegram)),
            asyncio.create_task(serve_discord(to_discord)),
        ]
        try:
            await telegram.until(lambda: bool(telegram.calls("getUpdates")))
            await disc.until(lambda: disc.gateway.ready and bool(disc.routes.commands))
            yield
        finally:
            for task in running:
                task.cancel()
            await asyncio.gather(*running, return_exceptions=True)
            await disc.drop()
            left = [task for task in asyncio.all_tasks() if "_delay_ready" in repr(task.get_coro())]
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)


def _as_it_was(patch: pytest.MonkeyPatch) -> None:
    """The pace has tests of its own; and discord.py stands again as it did, once the block is left."""
    patch.setattr("services.telegram.pacing.CHAT", (1000, 1.0))
    patch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    gateway = discord.gateway.DiscordWebSocket
    patch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)


def _settings(assistant: Assistant, platform: Platform) -> dict[str, Any]:
    return {
        "_env_file": None,
        "assistant": assistant.address,
        "gateway_token": assistant.tokens[platform],
    }


def _on_telegram(message: Json) -> Shown:
    rich: Sequence[Json] = message.get("rich_message", {}).get("blocks", ())
    text = message.get("text") or message.get("caption") or "\n".join(block["text"] for block in rich)
    keyboard = message.get("reply_markup", {}).get("inline_keyboard", ())
    return Shown(text, tuple(button["text"] for row in keyboard for button in row), message)


def _on_discord(message: Json) -> Shown:
    labels = tuple(button["label"] for row in message["components"] for button in row["components"])
    return Shown(_MARKUP.sub(r"\1", message["content"]), labels, message)

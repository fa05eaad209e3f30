"""Ann links her Telegram to her Discord: both fake platforms, both real gateways, one real assistant."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import discord
import pytest

from conftest import Assistant, StartAssistant
from fakes.discord.server import WAIT_SECONDS, FakeDiscord
from fakes.discord.world import Person
from fakes.telegram.server import FakeTelegram
from services.assistant.domain import Platform
from services.discord.__main__ import serve as serve_discord
from services.discord.settings import DiscordSettings
from services.telegram.__main__ import serve as serve_telegram
from services.telegram.settings import TelegramSettings

ANN = 1


@pytest.fixture(autouse=True)
def _as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace has tests of its own; and the gateway turns discord.py to the fake."""
    monkeypatch.setattr("services.telegram.pacing.CHAT", (1000, 1.0))
    monkeypatch.setattr(discord.http.Route, "BASE", discord.http.Route.BASE)
    gateway = discord.gateway.DiscordWebSocket
    monkeypatch.setattr(gateway, "DEFAULT_GATEWAY", gateway.DEFAULT_GATEWAY)


def _settings(assistant: Assistant, platform: Platform, **more: Any) -> dict[str, Any]:
    return {
        "_env_file": None,
        "assistant": assistant.address,
        "gateway_token": assistant.tokens[platform],
        **more,
    }


@asynccontextmanager
async def gateways(assistant: Assistant, telegram: FakeTelegram, disc: FakeDiscord) -> AsyncIterator[None]:
    """Both gateways, connected."""
    to_telegram = TelegramSettings.model_validate(
        _settings(
            assistant,
            Platform.TELEGRAM,
            telegram_bot_token=telegram.token,
            telegram_api_base=telegram.base,
        )
    )
    to_discord = DiscordSettings.model_validate(
        _settings(
            assistant,
            Platform.DISCORD,
            bot_token=disc.token,
            api_base=disc.base,
            gateway_url=disc.gateway.url,
        )
    )
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


class OnTelegram:
    def __init__(self, telegram: FakeTelegram) -> None:
        self.fake, self.ann = telegram, telegram.world.person(ANN, "Ann")

    async def next(self, act: Callable[[], Any], words: str) -> Any:
        """What stands there with these words after something was done."""
        before = len(self.fake.standing(self.ann))
        act()
        return await self.has(words, before)

    async def has(self, words: str, after: int = 0) -> Any:
        def found() -> list[Any]:
            return [each for each in self.fake.standing(self.ann)[after:] if words in each["text"]]

        await self.fake.until(lambda: bool(found()))
        return found()[-1]


class OnDiscord:
    def __init__(self, fake: FakeDiscord, ann: Person) -> None:
        self.fake, self.ann, self.dm = fake, ann, fake.dm(ann)

    async def next(self, act: Callable[[], Any], words: str) -> Any:
        before = len(self.fake.shown(self.dm))
        act()
        return await self.has(words, before)

    async def has(self, words: str, after: int = 0) -> Any:
        def found() -> list[Any]:
            return [each for each in self.fake.shown(self.dm)[after:] if words in each["content"]]

        await self.fake.until(lambda: bool(found()))
        return found()[-1]


async def test_what_was_told_on_telegram_is_known_on_discord_until_they_part(
    start_assistant: StartAssistant,
) -> None:
    async with FakeTelegram() as telegram, FakeDiscord() as disc:
        person = disc.person("Ann at home")
        disc.guild("Lab", (person,))
        allow = {f"telegram:{ANN}", f"discord:{person.id}"}
        async with start_assistant(allow=allow) as assistant, gateways(assistant, telegram, disc):
            here, there = OnTelegram(telegram), OnDiscord(disc, person)
            await here.next(lambda: telegram.says(here.ann, "My dog is called Biscuit."), "")
            await here.next(lambda: telegram.says(here.ann, "Biscuit was born in May."), "")

            given = await here.next(lambda: telegram.says(here.ann, "/link"), "other account")
            code = next(word for word in given["text"].split() if word.startswith("link-"))
            question = await there.next(
                lambda: disc.slash(person, "link", code, there.dm), "This code is from **Ann** on Telegram"
            )
            asked = await here.has("Ann at home on Discord")
            disc.presses(person, question, "Yes")
            telegram.presses(here.ann, asked, "Yes")
            await here.has("one person to me now")
            await there.has("one person to me now")

            # Words are made findable again in the background.
            async with asyncio.timeout(WAIT_SECONDS):
                while "Biscuit" not in disc.shown(there.dm)[-1]["content"].partition("\n")[2]:
                    await there.next(lambda: disc.slash(person, "memory", "dog", there.dm), "about")
            await there.next(lambda: disc.says(person, "What is my dog called?", there.dm), "Biscuit")

            parting = await here.next(lambda: telegram.says(here.ann, "/unlink"), "Shall I part them?")
            await here.next(lambda: telegram.presses(here.ann, parting, "Part"), "two people")
            await there.has("two people to me again")
            await there.next(lambda: disc.slash(person, "memory", "dog", there.dm), "I remember nothing")
            await here.next(lambda: telegram.says(here.ann, "What is my dog called?"), "Biscuit")

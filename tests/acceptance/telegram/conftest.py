"""A person's Telegram: the fake platform, the real gateway, a real assistant on real Postgres."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass
from typing import Any

import pytest

from calling import indexed
from conftest import Assistant, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI
from fakes.telegram.server import FakeTelegram
from fakes.telegram.world import Chat, Json
from services.assistant.domain import Author, ChatKind, Place, Platform
from services.telegram.__main__ import serve
from services.telegram.settings import TelegramSettings

ANN, BOB = 1, 2
TEAM = -1_000_000_000_001


@dataclass(slots=True)
class Gateway:
    """The gateway's process, as a task."""

    telegram: FakeTelegram
    settings: TelegramSettings
    task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Come back when it asks for updates."""
        polls = len(self.telegram.calls("getUpdates"))
        task = self.task = asyncio.create_task(serve(self.settings))
        await self.telegram.until(lambda: task.done() or len(self.telegram.calls("getUpdates")) > polls)

    async def stop(self) -> None:
        """As SIGTERM does."""
        if self.task is not None:
            self.task.cancel()
            with suppress(asyncio.CancelledError):
                await self.task


@dataclass(frozen=True, slots=True)
class Talk:
    """Telegram with Remi in it."""

    telegram: FakeTelegram
    ann: Json
    assistant: Assistant
    gateway: Gateway

    async def tell(self, text: str, *, chat: Chat | None = None, **more: Any) -> Json:
        """Say something, and see to it that it can be found when it is asked for."""
        answer = await self.ask(text, chat=chat, **more)
        kind = ChatKind.GROUP if chat else ChatKind.DIRECT
        where = Place(Platform.TELEGRAM, "7000", str(chat.chat_id if chat else ANN), "", kind)
        await indexed(self.assistant, where, Author(Platform.TELEGRAM, str(ANN), "Ann"))
        return answer

    async def ask(self, text: str, *, by: Json | None = None, chat: Chat | None = None, **more: Any) -> Json:
        """Say something and wait for what Remi answers: its next message in that chat."""
        person = by or self.ann
        where = chat or person
        before = len(self.telegram.standing(where))
        self.telegram.says(person, text, chat=chat, **more)
        return (await self.telegram.sent(where, before + 1))[-1]

    async def press(self, message: Json, label: str) -> Json:
        """Press a button and wait for what Remi answers."""
        before = len(self.telegram.standing(self.ann))
        self.telegram.presses(self.ann, message, label)
        return (await self.telegram.sent(self.ann, before + 1))[-1]


Open = Callable[..., AbstractAsyncContextManager[Talk]]


@pytest.fixture(autouse=True)
def _unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace has tests of its own; here nobody waits for it."""
    monkeypatch.setattr("services.telegram.pacing.CHAT", (1000, 1.0))


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
def open_talk(telegram: FakeTelegram, start_assistant: StartAssistant) -> Open:
    """`async with open_talk() as talk:` Ann, Bob and the group Team are let in. Once more is a restart."""

    @asynccontextmanager
    async def start(model: FakeOpenAI | None = None) -> AsyncIterator[Talk]:
        knobs: dict[str, Any] = {"allow": {f"telegram:{each}" for each in (ANN, BOB, TEAM)}}
        if model is not None:
            knobs |= thinks_with(model)
        async with start_assistant(**knobs) as assistant:
            settings = TelegramSettings.model_validate(
                {
                    "_env_file": None,
                    "assistant": assistant.address,
                    "gateway_token": assistant.tokens[Platform.TELEGRAM],
                    "telegram_bot_token": telegram.token,
                    "telegram_api_base": telegram.base,
                }
            )
            gateway = Gateway(telegram, settings)
            try:
                await gateway.start()
                yield Talk(telegram, telegram.world.person(ANN, "Ann"), assistant, gateway)
            finally:
                await gateway.stop()

    return start


@pytest.fixture
async def talk(open_talk: Open) -> AsyncIterator[Talk]:
    """Remi without a model of its own."""
    async with open_talk() as opened:
        yield opened

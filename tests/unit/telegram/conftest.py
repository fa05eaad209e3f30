"""A fake Telegram, a scripted assistant, and the real gateway between them."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial

import pytest
from aiogram import Bot

from fakes.assistant import FakeAssistant
from fakes.telegram.server import FakeTelegram
from services.telegram.__main__ import make_bot, serve
from services.telegram.settings import TelegramSettings

Running = AbstractAsyncContextManager[asyncio.Task[None]]


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
async def assistant() -> AsyncIterator[FakeAssistant]:
    async with FakeAssistant() as server:
        yield server


@pytest.fixture
def settings(telegram: FakeTelegram, assistant: FakeAssistant) -> TelegramSettings:
    return assistant.settings(
        TelegramSettings, telegram_bot_token=telegram.token, telegram_api_base=telegram.base
    )


@pytest.fixture
async def bot(telegram: FakeTelegram, settings: TelegramSettings) -> AsyncIterator[Bot]:
    async with make_bot(settings) as client:
        yield client


@asynccontextmanager
async def serving(
    telegram: FakeTelegram, settings: TelegramSettings, first_call: str
) -> AsyncIterator[asyncio.Task[None]]:
    """The gateway serves, from its first such call on; leaving the block is its SIGTERM."""
    before = len(telegram.calls(first_call))
    task = asyncio.create_task(serve(settings))
    try:
        await telegram.until(lambda: task.done() or len(telegram.calls(first_call)) > before)
        yield task
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


@pytest.fixture
def running(telegram: FakeTelegram, settings: TelegramSettings) -> Callable[[], Running]:
    """`async with running():` the gateway serves by polling."""
    return partial(serving, telegram, settings, "getUpdates")


@pytest.fixture
async def gateway(running: Callable[[], Running]) -> AsyncIterator[asyncio.Task[None]]:
    async with running() as task:
        yield task

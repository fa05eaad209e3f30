"""A running assistant with Telegram's gateway to it; and, without a service, one talk on a database."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from client import Gateway, gateway
from conftest import Assistant, StartAssistant
from fakes.openai import FakeOpenAI
from remembering import Talk, models
from services.assistant.store.connection import Store
from services.stubs.assistant.v1 import assistant_pb2 as pb


@pytest.fixture
async def assistant(start_assistant: StartAssistant) -> AsyncIterator[Assistant]:
    """It has let in Ann, Bob and a group."""
    async with start_assistant(allow=frozenset({"telegram:7", "telegram:8", "telegram:-100"})) as started:
        yield started


@pytest.fixture
async def telegram(assistant: Assistant) -> AsyncIterator[Gateway]:
    async with gateway(assistant) as opened:
        yield opened


@pytest.fixture
def group(telegram: Gateway) -> pb.Place:
    return telegram.place("-100", group=True)


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as server:
        yield server


@pytest.fixture
async def talk(store: Store, fake: FakeOpenAI, tmp_path: Path) -> AsyncIterator[Talk]:
    """Nothing is said in it, and of `fake` nothing was asked."""
    async with models(fake, tmp_path) as opened:
        fake.requests.clear()
        yield await Talk(store, opened).begin()

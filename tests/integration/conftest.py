"""A running assistant that has let in Ann, Bob and a group, and Telegram's gateway to it."""

from collections.abc import AsyncIterator

import pytest

from client import Gateway, gateway
from conftest import Assistant, StartAssistant
from services.stubs.assistant.v1 import assistant_pb2 as pb


@pytest.fixture
async def assistant(start_assistant: StartAssistant) -> AsyncIterator[Assistant]:
    async with start_assistant(allow=frozenset({"telegram:7", "telegram:8", "telegram:-100"})) as started:
        yield started


@pytest.fixture
async def telegram(assistant: Assistant) -> AsyncIterator[Gateway]:
    async with gateway(assistant) as opened:
        yield opened


@pytest.fixture
def group(telegram: Gateway) -> pb.Place:
    return telegram.place("-100", group=True)

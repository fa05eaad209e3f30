from collections.abc import AsyncIterator

import pytest

from fakes.assistant import FakeAssistant
from services.gateway.client import Client, connect
from services.gateway.settings import GatewaySettings


@pytest.fixture
async def assistant() -> AsyncIterator[FakeAssistant]:
    async with FakeAssistant() as assistant:
        yield assistant


@pytest.fixture
async def client(assistant: FakeAssistant) -> AsyncIterator[Client]:
    async with connect(assistant.settings(GatewaySettings), "terminal") as client:
        yield client

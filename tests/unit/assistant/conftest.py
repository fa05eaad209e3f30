"""What the assistant's unit tests share."""

from collections.abc import AsyncIterator

import pytest

from fakes.openai import FakeOpenAI


@pytest.fixture
async def fake() -> AsyncIterator[FakeOpenAI]:
    """A model endpoint on loopback."""
    async with FakeOpenAI() as server:
        yield server

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from fakes.assistant import FakeAssistant
from services.gateway.settings import GatewaySettings


@pytest.fixture(autouse=True)
def _logs_apart() -> Iterator[None]:
    """What is logged does not stand among what is printed."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
async def assistant() -> AsyncIterator[FakeAssistant]:
    async with FakeAssistant() as assistant:
        yield assistant


@pytest.fixture
def settings(assistant: FakeAssistant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GatewaySettings:
    """How Ann's terminal reaches the assistant."""
    monkeypatch.setenv("LOGNAME", "ann")
    return assistant.settings(GatewaySettings, data=tmp_path)

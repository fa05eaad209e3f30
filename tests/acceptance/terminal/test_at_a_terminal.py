"""What a person does with Remi at a terminal that has keys: the real chat, a real assistant, a fake model."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
import structlog
from prompt_toolkit.application import create_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from pydantic import SecretStr

from conftest import Assistant, StartAssistant
from fakes.openai import FakeOpenAI, Step
from services.assistant.domain import Platform
from services.gateway.settings import GatewaySettings
from services.terminal import chat

WAIT_SECONDS = 20


@pytest.fixture(autouse=True)
def _logs_apart() -> Iterator[None]:
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
async def model() -> AsyncIterator[FakeOpenAI]:
    async with FakeOpenAI() as fake:
        yield fake


@pytest.fixture
def keys() -> Iterator[PipeInput]:
    """The keyboard: what is sent to it is typed."""
    with create_pipe_input() as keys, create_app_session(input=keys, output=DummyOutput()):
        yield keys


def chatting(assistant: Assistant, data: Path, prompted: asyncio.Event) -> asyncio.Task[None]:
    settings = GatewaySettings(
        assistant=assistant.address,
        data=data,
        gateway_token=SecretStr(assistant.tokens[Platform.TERMINAL]),
    )
    return asyncio.create_task(chat.serve(settings, prompted.set))


async def test_replies_stream_and_ctrl_c_stops_one(
    start_assistant: StartAssistant,
    model: FakeOpenAI,
    keys: PipeInput,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    begun = asyncio.Event()

    def reply(body: dict[str, Any]) -> Step:
        asked = str(body["messages"][-1])
        if body["model"] != "fake-chat" or "Thanks" in asked:
            return Step(text="You are welcome.")
        if "story" not in asked:
            return Step(text="Hello, **Ann**. What a day!", pieces=4)
        begun.set()
        return Step(text="A long story that never ends", pieces=4, hang_after=2)

    model.reply = reply
    knobs = {
        "openai_base_url": model.base_url,
        "openai_api_key": model.api_key,
        "chat_model": "fake-chat",
        "memory_model": "fake-memory",
    }
    prompted = asyncio.Event()

    async def type_line(line: str) -> None:
        await prompted.wait()
        prompted.clear()
        keys.send_text(line)

    async with start_assistant(**knobs) as assistant, asyncio.timeout(WAIT_SECONDS):
        over = chatting(assistant, tmp_path, prompted)
        await type_line("Hi!\r")
        await type_line("Tell me a story.\r")
        await begun.wait()
        os.kill(os.getpid(), signal.SIGINT)
        await type_line("Thanks.\r")
        await type_line("\x04")
        await over

    assert model.hung_up.is_set()
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().out)
    assert "Hello, Ann. What a day!" in text
    assert text.index("Stopped.") < text.index("You are welcome.")

import asyncio
import contextlib
import os
import re
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import grpc
import pytest
from prompt_toolkit.application import create_app_session, get_app_session
from prompt_toolkit.input import PipeInput, create_pipe_input
from prompt_toolkit.output import DummyOutput
from rich.console import Console
from rich.markdown import Markdown

from fakes.assistant import Fail, FakeAssistant, Hold, accepted, draft, final, refused
from services.errors import SettingsError
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.terminal import chat

ENTER, CTRL_C, CTRL_D, TAB = "\r", "\x03", "\x04", "\t"


class Screen(DummyOutput):
    """Keeps what is printed above the prompt."""

    def __init__(self) -> None:
        self.printed = ""

    def write_raw(self, data: str) -> None:
        self.printed += data


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
def keys(screen: Screen) -> Iterator[PipeInput]:
    """The keyboard: what is sent to it is typed."""
    with create_pipe_input() as keys, create_app_session(input=keys, output=screen):
        yield keys


@contextlib.asynccontextmanager
async def chatting(settings: GatewaySettings) -> AsyncIterator[asyncio.Task[None]]:
    """A chat that runs, and is over at the end of the block."""
    ready = asyncio.Event()
    chat_over = asyncio.create_task(chat.serve(settings, ready.set))
    try:
        await asyncio.wait_for(ready.wait(), 5)
        yield chat_over
        await asyncio.wait_for(chat_over, 5)
    finally:
        chat_over.cancel()
        await asyncio.gather(chat_over, return_exceptions=True)


def plain(text: str) -> str:
    """What was printed, without colours and moves."""
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


async def test_a_line_is_answered_in_markdown(
    assistant: FakeAssistant, settings: GatewaySettings, keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    assistant.answer = lambda request: [accepted(), draft("He"), final(request, "Hello, **Ann**.")]
    async with chatting(settings):
        keys.send_text("Hi" + ENTER)
        await assistant.until(lambda: len(assistant.acknowledgements) == 1)
        keys.send_text(CTRL_D)

    shown = plain(capsys.readouterr().out)
    assert "This is Remi." in shown
    assert "Hello, Ann." in shown
    assert assistant.requests[0].author.user_id == "ann"


async def test_a_blank_line_says_nothing(
    assistant: FakeAssistant, settings: GatewaySettings, keys: PipeInput
) -> None:
    async with chatting(settings):
        keys.send_text("   " + ENTER + CTRL_C)

    assert assistant.requests == []


async def test_a_reminder_shows_while_nobody_types(
    assistant: FakeAssistant, settings: GatewaySettings, keys: PipeInput, screen: Screen
) -> None:
    assistant.deliver(pb.Delivery(delivery_id="r1", text="Your *tea* is ready."))
    async with chatting(settings):
        await assistant.until(lambda: len(assistant.acknowledgements) == 1)
        keys.send_text(CTRL_D)

    assert "Your tea is ready." in plain(screen.printed)


async def test_a_file_is_written_and_told(
    assistant: FakeAssistant,
    settings: GatewaySettings,
    keys: PipeInput,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    export = {"file_name": "remi.jsonl", "file_content": b"{}"}
    assistant.answer = lambda request: [accepted(), final(request, "Here is all.", **export)]
    async with chatting(settings):
        keys.send_text("/export" + ENTER)
        await assistant.until(lambda: len(assistant.acknowledgements) == 1)
        keys.send_text(CTRL_D)

    assert (tmp_path / "remi.jsonl").read_bytes() == b"{}"
    shown = plain(capsys.readouterr().out)
    assert "Here is all." in shown
    assert "remi.jsonl" in "".join(shown.split())
    assert assistant.subscriptions[0].capabilities.files


async def test_refusals_show(
    assistant: FakeAssistant, settings: GatewaySettings, keys: PipeInput, capsys: pytest.CaptureFixture[str]
) -> None:
    assistant.answer = lambda request: [refused("Ask for an [invitation].")]
    async with chatting(settings):
        keys.send_text("Hi" + ENTER)
        await assistant.until(lambda: len(assistant.requests) == 1)
        keys.send_text(CTRL_D)

    assert "Ask for an [invitation]." in plain(capsys.readouterr().out)


async def test_ctrl_c_stops_the_turn_and_the_chat_goes_on(
    assistant: FakeAssistant, settings: GatewaySettings, keys: PipeInput
) -> None:
    stopped = asyncio.Event()
    assistant.answer = lambda request: (
        [accepted(reply_expected=False)] if request.HasField("stop") else [accepted(), Hold(stopped)]
    )
    async with chatting(settings):
        keys.send_text("Count to a million" + ENTER)
        await assistant.until(lambda: len(assistant.requests) == 1)
        os.kill(os.getpid(), signal.SIGINT)
        await assistant.until(lambda: len(assistant.requests) == 2)
        assert assistant.requests[1].WhichOneof("event") == "stop"

        stopped.set()
        keys.send_text("Thanks" + ENTER)
        await assistant.until(lambda: len(assistant.requests) == 3)
        keys.send_text(CTRL_D)


async def test_a_second_ctrl_c_leaves(
    assistant: FakeAssistant, settings: GatewaySettings, keys: PipeInput
) -> None:
    assistant.answer = lambda request: [accepted(), Hold(asyncio.Event())]
    async with chatting(settings):
        keys.send_text("Count to a million" + ENTER)
        await assistant.until(lambda: len(assistant.requests) == 1)
        os.kill(os.getpid(), signal.SIGINT)
        await assistant.until(lambda: len(assistant.requests) == 2)
        os.kill(os.getpid(), signal.SIGINT)


async def test_an_interrupt_from_outside_leaves_the_prompt(
    settings: GatewaySettings, keys: PipeInput
) -> None:
    async with chatting(settings):
        os.kill(os.getpid(), signal.SIGINT)


async def test_commands_are_completed(
    assistant: FakeAssistant, keys: PipeInput, settings: GatewaySettings
) -> None:
    assistant.manifest.commands.add(name="memory", description="What I know about you")
    assistant.deliver(pb.Delivery(delivery_id="r1", text="Ready."))
    async with chatting(settings):
        await assistant.until(lambda: len(assistant.acknowledgements) == 1)
        completed = asyncio.Event()
        app = get_app_session().app
        assert app is not None
        app.current_buffer.on_text_changed += lambda buffer: (
            completed.set() if buffer.text == "/memory" else None
        )
        keys.send_text("/mem" + TAB)
        await asyncio.wait_for(completed.wait(), 5)
        keys.send_text(ENTER)
        await assistant.until(lambda: len(assistant.requests) == 1)
        keys.send_text(CTRL_D)

    assert assistant.requests[0].command.name == "memory"


async def test_typed_lines_are_kept_until_something_is_forgotten(
    assistant: FakeAssistant, settings: GatewaySettings, keys: PipeInput
) -> None:
    history = settings.data / "terminal_history"
    assistant.answer = lambda request: [accepted(), final(request, "Done.")]
    async with chatting(settings):
        keys.send_text("My dog is called Biscuit" + ENTER)
        await assistant.until(lambda: len(assistant.acknowledgements) == 1)
        assert "Biscuit" in history.read_text()
        assert history.stat().st_mode & 0o777 == 0o600

        keys.send_text("/forget Biscuit" + ENTER)
        await assistant.until(lambda: len(assistant.acknowledgements) == 2)
        keys.send_text(CTRL_D)

    assert "Biscuit" not in history.read_text()


async def test_a_token_the_assistant_refuses_ends_the_chat(
    assistant: FakeAssistant, settings: GatewaySettings, keys: PipeInput
) -> None:
    assistant.answer = lambda request: [Fail(grpc.StatusCode.UNAUTHENTICATED)]
    with pytest.raises(SettingsError):
        async with chatting(settings):
            keys.send_text("Hi" + ENTER)


async def test_of_a_long_draft_the_end_shows() -> None:
    console = Console(width=20, height=6)
    lines = "\n\n".join(f"line {number}" for number in range(9))

    with console.capture() as captured:
        console.print(chat._Tail(Markdown(lines)))

    assert captured.get().split() == ["line", "7", "line", "8"]

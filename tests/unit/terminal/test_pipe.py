import asyncio
import itertools
import os
from collections.abc import Iterable
from pathlib import Path

import grpc
import pytest

from fakes.assistant import Fail, FakeAssistant, Hold, Step, accepted, echo, final, refused
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.terminal import pipe


async def feed(settings: GatewaySettings, content: bytes, folder: Path) -> None:
    """Run the pipe over a file with this content."""
    path = folder / "input"
    path.write_bytes(content)
    source = os.open(path, os.O_RDONLY)
    try:
        await asyncio.wait_for(pipe.serve(settings, source), 10)
    finally:
        os.close(source)


async def test_each_line_gets_its_reply_in_order(
    assistant: FakeAssistant, settings: GatewaySettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await feed(settings, b"One\n\n  \nTwo\r\nThree", tmp_path)

    assert capsys.readouterr().out == "You said: One\n\nYou said: Two\n\nYou said: Three\n\n"
    assert [one.WhichOneof("result") for one in assistant.acknowledgements] == ["delivered"] * 3


async def test_the_next_line_waits_for_the_reply(
    assistant: FakeAssistant, settings: GatewaySettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answered = asyncio.Event()
    assistant.answer = lambda request: [accepted(), Hold(answered), *list(echo(request))[1:]]
    feeding = asyncio.create_task(feed(settings, b"One\nTwo\n", tmp_path))
    await assistant.until(lambda: len(assistant.requests) == 1)

    assert capsys.readouterr().out == ""
    answered.set()
    await feeding
    assert len(assistant.requests) == 2


async def test_commands_and_buttons_work(
    assistant: FakeAssistant, settings: GatewaySettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    yes = pb.ButtonRow(buttons=[pb.Button(label="Yes", action="forget:1")])
    assistant.answer = lambda request: (
        [accepted(), final(request, "Gone.")]
        if request.HasField("button")
        else [accepted(), final(request, "Sure?", button_rows=[yes])]
    )

    await feed(settings, b"/forget my dog\n1\n", tmp_path)

    assert [request.WhichOneof("event") for request in assistant.requests] == ["command", "button"]
    assert capsys.readouterr().out == "Sure?\n\n1. Yes\n\nGone.\n\n"


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        (b"\xff\xfe", "not UTF-8"),
        (b"nothing\0here", "NUL"),
        (b"x" * (pipe.MAX_LINE_BYTES + 1), "longer than 1,000,000 bytes"),
        (b"x" * (3 * pipe.MAX_LINE_BYTES), "longer than 1,000,000 bytes"),
    ],
)
async def test_a_line_that_cannot_be_read_is_told_and_the_talk_goes_on(
    assistant: FakeAssistant,
    settings: GatewaySettings,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    line: bytes,
    complaint: str,
) -> None:
    await feed(settings, line + b"\nStill there?\n" + line, tmp_path)

    out, err = capsys.readouterr()
    assert out == "You said: Still there?\n\n"
    assert err.count(complaint) == 2


async def test_refusals_and_invalid_lines_go_to_standard_error(
    assistant: FakeAssistant, settings: GatewaySettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    too_long = Fail(grpc.StatusCode.INVALID_ARGUMENT, "text: too long")
    assistant.answer = lambda request: [
        too_long if request.message.text == "Two" else refused("Ask for an invitation.")
    ]

    await feed(settings, b"One\nTwo\n", tmp_path)

    out, err = capsys.readouterr()
    assert out == ""
    assert "Ask for an invitation." in err
    assert "text: too long" in err


async def test_a_reply_whose_stream_broke_is_asked_for_again(
    assistant: FakeAssistant, settings: GatewaySettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    calls = itertools.count()

    def answer(request: pb.ConverseRequest) -> Iterable[Step]:
        return [accepted(), Fail()] if next(calls) == 0 else echo(request)

    assistant.answer = answer

    await feed(settings, b"One\n", tmp_path)

    assert capsys.readouterr().out == "You said: One\n\n"
    assert len(assistant.turns()) == 1


async def test_an_event_that_never_gets_a_reply_is_given_up(
    assistant: FakeAssistant, settings: GatewaySettings, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assistant.answer = lambda request: [accepted(reply_expected=False)]

    await feed(settings, b"One\nTwo\n", tmp_path)

    assert capsys.readouterr().out == ""
    assert len(assistant.turns()) == 2


async def test_an_input_that_never_ends_can_be_left(settings: GatewaySettings) -> None:
    source, sink = os.pipe()
    serving = asyncio.create_task(pipe.serve(settings, source))
    await asyncio.sleep(0)
    serving.cancel()

    with pytest.raises(asyncio.CancelledError):
        await serving
    os.close(sink)
    os.close(source)

"""What a person does with Remi, in the terminal: the real gateway, a real assistant on real Postgres."""

import os
import re
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from conftest import Assistant, StartAssistant
from services.assistant.domain import Platform
from services.gateway.settings import GatewaySettings
from services.terminal import pipe

Type = Callable[..., Awaitable[str]]


@pytest.fixture(autouse=True)
def _logs_apart() -> Iterator[None]:
    """What is logged does not stand among what is printed."""
    with structlog.testing.capture_logs():
        yield


@pytest.fixture
def type_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Type:
    """`await type_lines(assistant, "Hi")`: a run of the terminal with these lines, and what it printed."""

    async def run(assistant: Assistant, *lines: str, user: str = "ann") -> str:
        monkeypatch.setenv("LOGNAME", user)
        settings = GatewaySettings(
            assistant=assistant.address,
            data=tmp_path,
            gateway_token=SecretStr(assistant.tokens[Platform.TERMINAL]),
        )
        reader, writer = os.pipe()
        os.write(writer, "".join(f"{line}\n" for line in lines).encode())
        os.close(writer)
        try:
            await pipe.serve(settings, reader)
        finally:
            os.close(reader)
        return capsys.readouterr().out

    return run


async def test_what_was_said_is_known_in_the_same_run_and_in_the_next(
    start_assistant: StartAssistant, type_lines: Type
) -> None:
    async with start_assistant() as assistant:
        printed = await type_lines(assistant, "My dog is called Biscuit.", "What is my dog called?")
        assert "Biscuit" in printed.split("\n\n", 1)[1]
    async with start_assistant() as assistant:
        assert "Biscuit" in await type_lines(assistant, "/new", "What is my dog called?")


async def test_two_people_at_one_machine_share_nothing(
    start_assistant: StartAssistant, type_lines: Type
) -> None:
    async with start_assistant() as assistant:
        await type_lines(assistant, "My locker code is 4711-canary.")
        printed = await type_lines(assistant, "What is the locker code?", "/memory", "/why", user="bob")

    assert "4711" not in printed


async def test_help_names_every_command(start_assistant: StartAssistant, type_lines: Type) -> None:
    async with start_assistant() as assistant:
        printed = await type_lines(assistant, "/help")

    for name in ("memory", "remember", "forget", "why", "new", "stop"):
        assert f"/{name}" in printed


async def test_what_is_to_be_remembered_shows_and_is_used(
    start_assistant: StartAssistant, type_lines: Type
) -> None:
    async with start_assistant() as assistant:
        await type_lines(assistant, "/remember I take my tea black.")
        assert "tea black" in await type_lines(assistant, "/memory")
        assert "black" in await type_lines(assistant, "/new", "How do I take my tea?")


async def test_what_is_forgotten_by_a_numbered_choice_is_gone(
    start_assistant: StartAssistant, type_lines: Type
) -> None:
    async with start_assistant() as assistant:
        printed = await type_lines(assistant, "My dentist is called Zander.", "/forget dentist", "1")
        assert "1. Forget" in printed
        assert "2. Keep" in printed
        assert "Zander" not in await type_lines(assistant, "/new", "/memory", "/memory dentist")


async def test_what_is_kept_by_a_numbered_choice_stays(
    start_assistant: StartAssistant, type_lines: Type
) -> None:
    async with start_assistant() as assistant:
        await type_lines(assistant, "My dentist is called Zander.", "/forget dentist", "2")
        assert "Zander" in await type_lines(assistant, "/new", "Who is my dentist?")


async def test_why_shows_what_the_answer_rested_on(start_assistant: StartAssistant, type_lines: Type) -> None:
    async with start_assistant() as assistant:
        await type_lines(assistant, "My dog is called Biscuit.", "/new", "What is my dog called?")
        assert "Biscuit" in await type_lines(assistant, "/why")


async def test_bad_lines_are_told_and_the_talk_goes_on(
    start_assistant: StartAssistant, type_lines: Type
) -> None:
    async with start_assistant() as assistant:
        printed = await type_lines(
            assistant, "", "x\0y", "/unheard of", "שלום 👩‍👩‍👧 " + "@ann " * 1000, "/help"
        )

    assert "/unheard" in printed
    assert "/memory" in printed


async def test_a_reminder_is_cancelled_by_its_own_number(
    start_assistant: StartAssistant, type_lines: Type
) -> None:
    asked = [f"/remind in {hours} hours to {what}" for hours, what in ((5, "sow"), (3, "water"), (1, "rake"))]
    async with start_assistant() as assistant:
        printed = await type_lines(assistant, *asked, "/reminders", "1", "/reminders")
    before, after = printed.split("**Reminders to come**")[1:]
    numbers = re.findall(r"- #(\d), .*(sow|water|rake)", before)
    assert [what for _, what in numbers] == ["rake", "water", "sow"]
    assert [f"- {number}: Cancel #{number}" in before for number, _ in numbers] == [True] * 3
    (cancelled,) = [what for number, what in numbers if number == "1"]
    assert cancelled not in after


async def test_a_memory_is_opened_by_its_own_number(
    start_assistant: StartAssistant, type_lines: Type
) -> None:
    async with start_assistant() as assistant:
        printed = await type_lines(assistant, "/remember I take my tea black.", "/memory", "1")
    assert "To choose, type a number: 1\n" in printed
    assert "1. Correct" in printed

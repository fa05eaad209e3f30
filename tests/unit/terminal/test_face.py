"""The terminal as the process that it is, at a pseudo-terminal and at a pipe."""

import asyncio
import os
import sys
from pathlib import Path

import pexpect
import pytest

from fakes.assistant import FakeAssistant

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "services.terminal"]


@pytest.fixture
def environment(assistant: FakeAssistant, tmp_path: Path) -> dict[str, str]:
    return {
        **os.environ,
        "LOGNAME": "ann",
        "REMI_ASSISTANT": assistant.address,
        "REMI_DATA": str(tmp_path),
        "REMI_GATEWAY_TOKEN": assistant.token,
        "PROMPT_TOOLKIT_NO_CPR": "1",
    }


async def test_a_program_gets_blocks_on_standard_output(environment: dict[str, str]) -> None:
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        cwd=ROOT,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(30):
        out, _ = await process.communicate(b"One\nTwo\n")

    assert out == b"You said: One\n\nYou said: Two\n\n"
    assert process.returncode == 0


async def test_who_waits_for_an_assistant_is_told_so(
    assistant: FakeAssistant, environment: dict[str, str]
) -> None:
    await assistant.hang_up()
    process = await asyncio.create_subprocess_exec(
        *COMMAND,
        cwd=ROOT,
        env=environment,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    async with asyncio.timeout(30):
        line = (await process.stderr.readline()).decode()
        await assistant.come_back()
        out, _ = await process.communicate(b"One\n")

    assert f"no assistant answers at {assistant.address} yet" in line
    assert "make run" in line
    assert out == b"You said: One\n\n"


async def test_a_person_gets_the_chat_and_errors_go_to_the_log(
    assistant: FakeAssistant, environment: dict[str, str], tmp_path: Path
) -> None:
    child = pexpect.spawn(COMMAND[0], COMMAND[1:], cwd=ROOT, env=environment, encoding="utf-8", timeout=30)
    try:
        await asyncio.to_thread(child.expect, ">")
        child.send("Hello\r")
        await asyncio.to_thread(child.expect, "You said: Hello")
        await asyncio.to_thread(child.expect, ">")
        assert assistant.requests[0].author.user_id == "ann"

        child.sendeof()
        await asyncio.to_thread(child.expect, pexpect.EOF)
        await asyncio.to_thread(child.wait)
        assert child.exitstatus == 0
    finally:
        await asyncio.to_thread(child.close, force=True)

    assert "delivery acknowledged" in (tmp_path / "logs" / "terminal.log").read_text()

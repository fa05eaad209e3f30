"""`make run`, as a newcomer meets it: real processes, a data folder of its own, a terminal or none."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pexpect
import pytest

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 90


@dataclass(frozen=True, slots=True)
class Checkout:
    """This project in a folder without a `.env`, and a data folder."""

    folder: Path
    data: Path
    environment: dict[str, str]

    @asynccontextmanager
    async def make(self, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            "make",
            "-s",
            *arguments,
            cwd=self.folder,
            env=self.environment,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGTERM)
            async with asyncio.timeout(WAIT_SECONDS):
                await process.wait()

    async def talk(self, *lines: str) -> tuple[str, str]:
        """A run with these lines; what stood on standard output and on standard error."""
        async with self.make("run") as process, asyncio.timeout(WAIT_SECONDS):
            out, err = await process.communicate("".join(f"{line}\n" for line in lines).encode())
        assert process.returncode == 0, err.decode()
        return out.decode(), err.decode()

    @contextmanager
    def terminal(self) -> Iterator["pexpect.spawn[str]"]:
        """A run at a terminal, at its first prompt."""
        child = pexpect.spawn(
            "make",
            ["-s", "run"],
            cwd=str(self.folder),
            env=self.environment,
            encoding="utf-8",
            timeout=WAIT_SECONDS,
            dimensions=(40, 120),
        )
        try:
            child.expect("model offline; channels terminal; data folder .*data")
            child.expect("This is Remi")
            child.expect(">")
            yield child
        finally:
            child.close(force=True)

    def children(self) -> list[dict[str, Any]]:
        """What was logged of the services' lives, oldest first."""
        lines = (self.data / "logs" / "terminal.log").read_text().splitlines()
        entries = [json.loads(line) for line in lines if line.startswith("{")]
        return [entry for entry in entries if entry["event"] == "child started"]


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    for name in (".venv", "Makefile", "deploy", "services"):
        (tmp_path / name).symlink_to(ROOT / name)
    data = tmp_path / "data"
    environment = {
        # The children's share of the coverage counts too.
        **{name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")},
        "HOME": str(tmp_path),
        "LOGNAME": "ann",
        "PATH": os.environ["PATH"],
        "PROMPT_TOOLKIT_NO_CPR": "1",
        "REMI_DATA": str(data),
        "TERM": "xterm",
    }
    return Checkout(tmp_path, data, environment)


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_a_program_gets_replies_alone_on_standard_output(checkout: Checkout) -> None:
    out, err = await checkout.talk("My dog is called Biscuit.", "What is my dog called?")

    assert "Biscuit" in out.split("\n\n", 1)[1]
    assert f"data folder {checkout.data}" in err
    out, _ = await checkout.talk("What is my dog called?")
    assert "Biscuit" in out
    assert not any(lives(child["pid"]) for child in checkout.children())


async def test_another_run_on_the_same_data_folder_is_refused_by_name(checkout: Checkout) -> None:
    async with checkout.make("run") as first:
        assert first.stderr is not None
        async with asyncio.timeout(WAIT_SECONDS):
            await first.stderr.readuntil(b"data folder")
            async with checkout.make("run") as second:
                _, err = await second.communicate()
            assert second.returncode != 0
            assert f"the data folder {checkout.data} is in use by process" in err.decode()
            await first.communicate(b"")
    assert first.returncode == 0


async def test_an_invitation_is_printed_while_it_runs(checkout: Checkout) -> None:
    async with checkout.make("run") as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b"Hello!\n")
        async with asyncio.timeout(WAIT_SECONDS):
            await running.stdout.readuntil(b"\n\n")
            async with checkout.make("invite") as inviting:
                out, _ = await inviting.communicate()
            assert inviting.returncode == 0
            assert len(out.decode().splitlines()) == 1


async def test_a_memory_is_taken_along_and_brought_back_while_it_runs(checkout: Checkout) -> None:
    async with checkout.make("run") as running:
        assert running.stdin is not None
        assert running.stdout is not None
        running.stdin.write(b"My dog is called Biscuit.\n")
        async with asyncio.timeout(WAIT_SECONDS):
            await running.stdout.readuntil(b"\n\n")
            for told in (["export", "mine.jsonl"], ["import", "mine.jsonl"]):
                process = await asyncio.create_subprocess_exec(
                    *(".venv/bin/python", "-m", "services.terminal", *told),
                    cwd=checkout.folder,
                    env=checkout.environment,
                )
                assert await process.wait() == 0
    assert "Biscuit" in (checkout.folder / "mine.jsonl").read_text()


def test_a_person_at_a_terminal_talks_and_leaves(checkout: Checkout) -> None:
    with checkout.terminal() as child:
        child.send("My dog is called Biscuit.\r")
        child.expect("Remi")
        child.expect(">")
        child.send("What is my dog called?\r")
        child.expect("you said: .My dog is called Biscuit")
        child.expect(">")
        child.send("\x04")
        child.expect(pexpect.EOF)
        child.wait()

    assert child.exitstatus == 0
    assert not any(lives(one["pid"]) for one in checkout.children())


def test_ctrl_c_at_the_prompt_stops_everything(checkout: Checkout) -> None:
    with checkout.terminal() as child:
        child.send("\x03")
        child.expect(pexpect.EOF)
        child.wait()

    assert child.exitstatus == 0
    assert not any(lives(one["pid"]) for one in checkout.children())


def test_an_assistant_that_is_killed_comes_back(checkout: Checkout) -> None:
    with checkout.terminal() as child:
        child.send("My dog is called Biscuit.\r")
        child.expect("Remi")
        child.expect(">")
        os.kill(checkout.children()[-1]["pid"], signal.SIGKILL)
        child.send("What is my dog called?\r")
        child.expect("you said: .My dog is called Biscuit")
        child.expect(">")
        child.send("\x04")
        child.expect(pexpect.EOF)

    assert [one["child"] for one in checkout.children()] == ["assistant", "assistant"]

"""`python -m services` as the process that it is, over stand-ins for the services that it starts."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from services import supervisor
from services.supervisor import Children

ROOT = Path(__file__).parents[2]
WAIT_SECONDS = 30

# Each stand-in first tells the test, through a named pipe, that it lives.
HELLO = """
import os, sys
with open(os.environ["NEWS"], "w") as news:
    news.write(f"{__spec__.parent.removeprefix('services.')} {os.getpid()}\\n")
"""
ASSISTANT = f"""{HELLO}
import asyncio, pathlib
sys.path.append({str(ROOT / "tests")!r})
from fakes.assistant import FakeAssistant

async def serve():
    tokens = pathlib.Path(os.environ["REMI_DATA"], "tokens")
    tokens.mkdir(exist_ok=True)
    for platform in ("discord", "telegram", "terminal"):
        (tokens / platform).write_text("token")
    async with FakeAssistant(os.environ["REMI_LISTEN"]):
        await asyncio.Event().wait()

asyncio.run(serve())
"""
IDLE = f"{HELLO}\nimport signal\nsignal.pause()\n"
MISCONFIGURED = f"{HELLO}\nprint('REMI_ALLOW: no such platform', file=sys.stderr)\nsys.exit(2)\n"
TELLTALE = f"{HELLO}\nprint(os.environ['REMI_GATEWAY_TOKEN'])\nsys.exit(2)\n"
STUBBORN = "import signal\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + IDLE


@dataclass(frozen=True, slots=True)
class House:
    """A folder with the real supervisor and terminal in it, stand-ins beside them, and a data folder."""

    folder: Path
    data: Path
    environment: dict[str, str]
    _news: asyncio.StreamReader

    def furnish(self, service: str, program: str) -> None:
        package = self.folder / "services" / service
        package.mkdir()
        (package / "__init__.py").touch()
        (package / "__main__.py").write_text(program)

    async def heard(self, service: str) -> int:
        """Wait until a life of this service begins; its process id."""
        async with asyncio.timeout(WAIT_SECONDS):
            name, pid = (await self._news.readline()).decode().split()
        assert name == service
        return int(pid)

    @asynccontextmanager
    async def run(self, *command: str, **environment: str) -> AsyncIterator[asyncio.subprocess.Process]:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            *(command or ("-m", "services")),
            cwd=self.folder,
            env={**self.environment, **environment},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    services = tmp_path / "services"
    services.mkdir()
    for real in (
        "__init__.py",
        "__main__.py",
        "errors.py",
        "gateway",
        "logs.py",
        "pem.py",
        "stubs",
        "supervisor.py",
    ):
        (services / real).symlink_to(ROOT / "services" / real)
    (services / "terminal").symlink_to(ROOT / "services" / "terminal")
    os.mkfifo(tmp_path / "news")
    news = asyncio.StreamReader()
    pipe = os.fdopen(os.open(tmp_path / "news", os.O_RDWR), "rb", buffering=0)
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(news), pipe
    )
    data = tmp_path / "data"
    environment = {"PATH": os.environ["PATH"], "REMI_DATA": str(data), "NEWS": str(tmp_path / "news")}
    yield House(tmp_path, data, environment, news)
    transport.close()


async def over(process: asyncio.subprocess.Process, said: bytes = b"") -> tuple[str, str]:
    """What it printed until its end, on standard output and on standard error."""
    async with asyncio.timeout(WAIT_SECONDS):
        out, err = await process.communicate(said)
    return out.decode(), err.decode()


def lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


async def test_it_talks_and_leaves_nothing_behind(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    async with house.run() as process:
        assistant = await house.heard("assistant")
        out, err = await over(process, b"One\nTwo\n")

    assert out == "You said: One\n\nYou said: Two\n\n"
    assert err == f"remi: model offline; channels terminal; data folder {house.data}\n"
    assert process.returncode == 0
    assert not lives(assistant)


async def test_the_first_line_names_model_and_channels_and_gateways_with_a_token_start(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    house.furnish("telegram", IDLE)
    knobs = {"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "REMI_CHAT_MODEL": "some-model"}
    async with house.run(TELEGRAM_BOT_TOKEN="1:a", DISCORD_BOT_TOKEN="", **knobs) as process:
        await house.heard("assistant")
        telegram = await house.heard("telegram")
        _, err = await over(process)

    assert err.startswith("remi: model some-model; channels terminal, telegram; data folder ")
    assert not lives(telegram)


async def test_the_tokens_are_those_that_the_assistant_knows(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    house.furnish("discord", TELLTALE)
    async with house.run(
        DISCORD_BOT_TOKEN="x", REMI_TOKEN_DISCORD="chosen", REMI_GATEWAY_TOKEN="of another run"
    ) as process:
        await house.heard("assistant")
        await house.heard("discord")
        assert process.stderr is not None
        async with asyncio.timeout(WAIT_SECONDS):
            await process.stderr.readuntil(b"remi: discord does not start: chosen\n")
        out, _ = await over(process, b"Hi\n")

    assert out == "You said: Hi\n\n"


async def test_a_second_one_on_the_same_folder_is_refused_by_name(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    async with house.run() as first:
        await house.heard("assistant")
        async with house.run() as second:
            _, err = await over(second)
        assert err == f"remi: the data folder {house.data} is in use by process {first.pid}\n"
        assert second.returncode == 2
        await over(first)


async def test_two_folders_run_side_by_side(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    deep = house.folder / ("deep" * 30)
    async with house.run() as first, house.run(REMI_DATA=str(deep)) as second:
        await house.heard("assistant")
        await house.heard("assistant")
        outs = [(await over(process, b"Hi\n"))[0] for process in (first, second)]

    assert outs == ["You said: Hi\n\n"] * 2


async def test_the_operators_address_is_used(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    async with house.run(REMI_LISTEN=f"unix:{house.folder}/mine.sock") as process:
        await house.heard("assistant")
        out, _ = await over(process, b"Hi\n")

    assert out == "You said: Hi\n\n"


@pytest.mark.parametrize("folder", ["data", "deep" * 30])
@pytest.mark.parametrize("listen", ["", "unix:mine.sock"])
async def test_the_terminal_beside_it_finds_its_assistant(house: House, folder: str, listen: str) -> None:
    house.furnish("assistant", ASSISTANT)
    data = str(house.folder / folder)
    async with house.run(REMI_DATA=data, REMI_LISTEN=listen) as process:
        await house.heard("assistant")
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b"Hi\n")
        async with asyncio.timeout(WAIT_SECONDS):
            await process.stdout.readuntil(b"\n\n")
        async with house.run("-m", "services.terminal", REMI_DATA=data) as beside:
            out, _ = await over(beside, b"Hi from beside\n")
        assert out == "You said: Hi from beside\n\n"
        await over(process)
    assert not list((house.folder / folder / "run").glob("address"))


@pytest.mark.parametrize("listen", ["banana", "192.0.2.1:50051"])
async def test_of_an_address_that_is_no_good_the_assistant_tells(house: House, listen: str) -> None:
    house.furnish("assistant", MISCONFIGURED.replace("REMI_ALLOW: no such platform", "REMI_LISTEN: no such"))
    (house.data / "tokens").mkdir(parents=True)
    (house.data / "tokens" / "terminal").write_text("token")
    async with house.run(REMI_LISTEN=listen) as process:
        _, err = await over(process, b"Hi\n")
    assert err.splitlines()[-1] == "remi: REMI_LISTEN: no such"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
async def test_a_signal_stops_everything(house: House, number: signal.Signals) -> None:
    house.furnish("assistant", ASSISTANT)
    house.furnish("discord", IDLE)
    async with house.run(DISCORD_BOT_TOKEN="x") as process:
        children = [await house.heard("assistant"), await house.heard("discord")]
        process.send_signal(number)
        process.send_signal(number)
        async with asyncio.timeout(WAIT_SECONDS):
            await process.wait()

    assert process.returncode == 0
    assert not any(lives(child) for child in children)


async def test_a_child_that_dies_is_started_again(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    house.furnish("telegram", IDLE)
    async with house.run(TELEGRAM_BOT_TOKEN="1:a") as process:
        assistant = await house.heard("assistant")
        os.kill(await house.heard("telegram"), signal.SIGKILL)
        await house.heard("telegram")
        os.kill(assistant, signal.SIGKILL)
        await house.heard("assistant")
        out, err = await over(process, b"Still there?\n")

    assert out == "You said: Still there?\n\n"
    assert "telegram ended with -9" in err
    assert "assistant ended with -9" in err


async def test_children_are_started_without_the_fork_handlers_of_grpc(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    house.furnish("telegram", TELLTALE.replace("REMI_GATEWAY_TOKEN", "GRPC_ENABLE_FORK_SUPPORT"))
    async with house.run(TELEGRAM_BOT_TOKEN="1:a") as process:
        await house.heard("assistant")
        await house.heard("telegram")
        assert process.stderr is not None
        async with asyncio.timeout(WAIT_SECONDS):
            await process.stderr.readuntil(b"remi: telegram does not start: 0\n")
        await over(process)


async def test_an_assistant_with_bad_settings_ends_the_start_with_its_line(house: House) -> None:
    house.furnish("assistant", MISCONFIGURED)
    async with house.run() as process:
        await house.heard("assistant")
        out, err = await over(process, b"Hi\n")

    assert out == ""
    assert err.splitlines()[-1] == "remi: REMI_ALLOW: no such platform"
    assert process.returncode == 2


async def test_an_assistant_that_keeps_dying_before_it_serves_is_given_up(house: House) -> None:
    house.furnish("assistant", f"{HELLO}\nraise RuntimeError('broken')\n")
    async with house.run() as process:
        for _ in range(3):
            await house.heard("assistant")
        _, err = await over(process, b"Hi\n")

    assert err.splitlines()[-1] == "remi: the assistant does not start: RuntimeError: broken"
    assert process.returncode == 2


async def test_a_gateway_with_bad_settings_is_named_and_the_rest_goes_on(house: House) -> None:
    house.furnish("assistant", ASSISTANT)
    house.furnish("discord", MISCONFIGURED)
    async with house.run(DISCORD_BOT_TOKEN="x") as process:
        await house.heard("assistant")
        await house.heard("discord")
        assert process.stderr is not None
        async with asyncio.timeout(WAIT_SECONDS):
            await process.stderr.readuntil(b"remi: discord does not start: REMI_ALLOW: no such platform\n")
        out, _ = await over(process, b"Hi\n")

    assert out == "You said: Hi\n\n"


async def test_a_bad_setting_of_its_own_is_one_line(house: House) -> None:
    async with house.run(REMI_LOG_LEVEL="LOUD") as process:
        _, err = await over(process)

    assert err.startswith("remi: REMI_LOG_LEVEL: ")
    assert err.count("\n") == 1
    assert process.returncode == 2


async def test_a_data_folder_that_cannot_be_is_named(house: House) -> None:
    (house.folder / "file").touch()
    async with house.run(REMI_DATA=str(house.folder / "file")) as process:
        _, err = await over(process)

    assert err == f"remi: REMI_DATA: {house.folder}/file can't be used: File exists\n"
    assert process.returncode == 2


if sys.platform == "linux":

    async def test_no_child_outlives_a_supervisor_that_is_killed(house: House) -> None:
        house.furnish("assistant", ASSISTANT)
        async with house.run() as process:
            assistant = os.pidfd_open(await house.heard("assistant"))
            gone = asyncio.Event()
            asyncio.get_running_loop().add_reader(assistant, gone.set)
            process.kill()
            await asyncio.wait_for(gone.wait(), WAIT_SECONDS)
            asyncio.get_running_loop().remove_reader(assistant)
            os.close(assistant)


async def test_a_child_that_does_not_end_is_killed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.gateway.process.STOP_SECONDS", 0.1)
    monkeypatch.chdir(house.folder)
    house.furnish("assistant", STUBBORN)
    children = Children(house.folder, house.environment)
    children.start("assistant")
    pid = await house.heard("assistant")
    async with asyncio.timeout(WAIT_SECONDS):
        await children.stop()

    assert not lives(pid)


async def test_a_log_that_grew_long_becomes_the_old_one(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MAX_LOG_BYTES", 10)
    monkeypatch.chdir(house.folder)
    house.furnish("assistant", MISCONFIGURED)
    (house.folder / "assistant.log").write_text("a long time ago\n")
    children = Children(house.folder, house.environment)
    last_line = await asyncio.wait_for(children.start("assistant"), WAIT_SECONDS)

    assert last_line == "REMI_ALLOW: no such platform"
    assert (house.folder / "assistant.log.1").read_text() == "a long time ago\n"
    assert (house.folder / "assistant.log").read_text() == f"{last_line}\n"


async def test_a_start_that_takes_too_long_is_given_up(house: House) -> None:
    house.furnish("assistant", IDLE)
    impatient = (
        "import sys; from services import supervisor; "
        "supervisor.START_SECONDS, supervisor.PROGRESS_SECONDS = 0.3, 0.1; sys.exit(supervisor.main())"
    )
    async with house.run("-c", impatient) as process:
        _, err = await over(process)

    first, second, *_, last = err.splitlines()
    assert first.startswith("remi: model offline")
    assert second.startswith("remi: the assistant is starting")
    assert last.startswith("remi: the assistant did not start within 0.3 s")
    assert process.returncode == 2

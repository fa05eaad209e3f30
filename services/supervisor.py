"""Everything on one machine: assistant and gateways as child processes, behind the terminal chat."""

import asyncio
import contextlib
import fcntl
import os
import signal
import socket
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

import structlog
from pydantic import Field, SecretStr

from services import logs
from services.errors import RemiError, SettingsError, Unavailable
from services.gateway.backoff import delays
from services.gateway.process import end, end_with_parent
from services.gateway.settings import GatewaySettings, address_file, load, token

# How long the assistant may take to start: the first time it makes a database and an embedder.
START_SECONDS = 180
PROGRESS_SECONDS = 3
# How often it may die before it has served; later it is started again for ever.
MOST_DEATHS = 3
# How long a child may take to end after SIGTERM, above the time that running turns are given to finish.
# A child that lived this long is started again at once; one that keeps dying waits longer and longer.
STEADY_SECONDS = 60
MAX_LOG_BYTES = 5_000_000
# The longest path of a unix socket that every system takes.
MAX_SOCKET_PATH = 100
# The exit code of a service whose settings are at fault: starting it again would change nothing.
BAD_SETTINGS = 2

_log = structlog.get_logger()


class RunSettings(GatewaySettings):
    """What decides which services run; all else each service reads for itself."""

    listen: str = ""
    chat_model: str = ""
    openai_base_url: str = Field("", validation_alias="OPENAI_BASE_URL")
    openai_api_key: SecretStr | None = Field(None, validation_alias="OPENAI_API_KEY")
    telegram_bot_token: SecretStr | None = Field(None, validation_alias="TELEGRAM_BOT_TOKEN")
    discord_bot_token: SecretStr | None = Field(None, validation_alias="DISCORD_BOT_TOKEN")
    # The tokens that the assistant knows, where the operator chose them; else they stand in the data folder.
    token_telegram: SecretStr | None = None
    token_discord: SecretStr | None = None
    token_terminal: SecretStr | None = None


def main() -> int:
    """Run everything until the chat ends or a signal comes; the exit code of the process."""
    # What gRPC itself logs tells a person nothing.
    os.environ.setdefault("GRPC_VERBOSITY", "ERROR")
    # Its handlers of a fork sometimes crash a child between fork and exec.
    os.environ.setdefault("GRPC_ENABLE_FORK_SUPPORT", "0")
    try:
        settings = load(RunSettings)
        data = settings.data.absolute()
        with _locked(data), _logs_in(data / "logs" / "terminal.log", settings.log_level):
            (data / "run").mkdir(mode=0o700, exist_ok=True)
            asyncio.run(_until_signalled(settings.model_copy(update={"data": data})))
    except RemiError as error:
        say(str(error))
        return BAD_SETTINGS
    return 0


def say(line: str) -> None:
    """Tell the person who runs this, never on standard output: there stand only replies."""
    print(f"remi: {line}", file=sys.stderr, flush=True)


async def _until_signalled(settings: RunSettings) -> None:
    """However many signals come, everything is stopped once and in order."""
    signalled = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        loop.add_signal_handler(number, signalled.set)
    waiting = asyncio.create_task(signalled.wait())
    running = asyncio.create_task(_run(settings))
    await asyncio.wait([waiting, running], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    running.cancel()
    await asyncio.wait([running])
    if not running.cancelled():
        running.result()


async def _run(settings: RunSettings) -> None:
    listen = settings.listen or _own_address(settings.data)
    # An address of this machine's own: whether it is one, and safe, the assistant says before it serves.
    reach = settings.model_copy(update={"assistant": _dialled(listen), "closed_network": True})
    gateways = _gateways(settings)
    channels = ", ".join(["terminal", *gateways])
    say(f"model {_model(settings)}; channels {channels}; data folder {settings.data}")
    children = Children(
        settings.data / "logs",
        {"REMI_DATA": str(settings.data), "REMI_LISTEN": listen, "REMI_ASSISTANT": reach.assistant},
    )
    assistant = children.start("assistant")
    address_file(settings.data).write_text(reach.assistant, encoding="utf-8")
    prompted = asyncio.Event()
    serving = asyncio.create_task(_until_serving(reach, assistant, children))
    talking = asyncio.create_task(_talk(reach, serving, prompted))
    following = asyncio.create_task(_start_gateways(reach, serving, prompted, children, gateways))
    try:
        await asyncio.wait([talking, following], return_when=asyncio.FIRST_COMPLETED)
        if following.done():
            following.result()
        await talking
    finally:
        # The chat took Ctrl-C for itself; from here on it changes nothing.
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, lambda: None)
        for task in (talking, following, serving):
            task.cancel()
        await asyncio.gather(talking, following, serving, return_exceptions=True)
        await children.stop()
        address_file(settings.data).unlink(missing_ok=True)


async def _talk(settings: RunSettings, serving: asyncio.Task[None], prompted: asyncio.Event) -> None:
    """The chat. It shows while the assistant still starts, if address and token are of this data folder."""
    # Imported while the assistant starts.
    from services.terminal import face

    if settings.listen or not (settings.data / "tokens" / "terminal").exists():
        await serving
    known = SecretStr(_token(settings, "terminal"))
    await face.serve(settings.model_copy(update={"gateway_token": known}), prompted.set)


async def _start_gateways(
    settings: RunSettings,
    serving: asyncio.Task[None],
    prompted: asyncio.Event,
    children: "Children",
    gateways: list[str],
) -> None:
    """Start the gateways once the prompt shows. Raises where the assistant does not start."""
    await serving
    await prompted.wait()
    for name in gateways:
        children.start(name, {"REMI_GATEWAY_TOKEN": _token(settings, name)})


class Children:
    """The services that run as child processes; one that dies is started again, later each time."""

    def __init__(self, logs_folder: Path, environment: Mapping[str, str]) -> None:
        self._logs_folder = logs_folder
        self._environment = {**os.environ, **environment}
        self._tasks: dict[str, asyncio.Task[str]] = {}
        self.deaths: Counter[str] = Counter()

    def start(self, name: str, environment: Mapping[str, str] | None = None) -> asyncio.Task[str]:
        """Start `services.<name>`, once. The task ends only where it has bad settings, with its last line."""
        if name not in self._tasks:
            self._tasks[name] = asyncio.create_task(self._keep(name, environment or {}))
        return self._tasks[name]

    async def stop(self) -> None:
        """Stop all, the last started first."""
        for task in reversed(self._tasks.values()):
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _keep(self, name: str, environment: Mapping[str, str]) -> str:
        path = self._logs_folder / f"{name}.log"
        loop = asyncio.get_running_loop()
        waits = delays(0.5, 30)
        while True:
            began = loop.time()
            code = await self._live(name, environment, path)
            if code == BAD_SETTINGS:
                line = _last_line(path)
                say(f"{name} does not start: {line}")
                return line
            self.deaths[name] += 1
            say(f"{name} ended with {code} (see {path}), starting it again")
            if loop.time() - began > STEADY_SECONDS:
                waits = delays(0.5, 30)
            await asyncio.sleep(next(waits))

    async def _live(self, name: str, environment: Mapping[str, str], path: Path) -> int:
        """One life of a child, ended if this is cancelled; its exit code."""
        with _log_file(path) as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                f"services.{name}",
                env={**self._environment, **environment},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # Ctrl-C is for the chat; the children are stopped by us, in order.
                start_new_session=True,
                # Should this process be killed outright, no gateway goes on polling without it.
                preexec_fn=end_with_parent,
            )
        _log.info("child started", child=name, pid=process.pid)
        try:
            return await process.wait()
        finally:
            await end(process)
            _log.info("child ended", child=name, pid=process.pid, code=process.returncode)


async def _until_serving(settings: RunSettings, assistant: asyncio.Task[str], children: Children) -> None:
    """Wait for the assistant's health service. Raises SettingsError with its last line, or Unavailable."""
    from services.gateway.client import is_serving, open_channel

    log = settings.data / "logs" / "assistant.log"
    loop = asyncio.get_running_loop()
    began = told = loop.time()
    async with open_channel(settings) as channel:
        while loop.time() - began < START_SECONDS:
            if assistant.done():
                raise SettingsError(assistant.result())
            if children.deaths["assistant"] == MOST_DEATHS:
                raise Unavailable(f"the assistant does not start: {_last_line(log)}")
            if await is_serving(channel):
                return
            if loop.time() - told > PROGRESS_SECONDS:
                told = loop.time()
                say(f"the assistant is starting, {told - began:.0f} s so far")
            await asyncio.sleep(0.05)
    raise Unavailable(f"the assistant did not start within {START_SECONDS} s, see {log}")


def _gateways(settings: RunSettings) -> list[str]:
    """The gateways whose bot has a token."""
    bots = {"telegram": settings.telegram_bot_token, "discord": settings.discord_bot_token}
    return [name for name, bot_token in bots.items() if bot_token]


def _token(settings: RunSettings, platform: str) -> str:
    """What a gateway proves itself with to the assistant that runs here."""
    given = {
        "telegram": settings.token_telegram,
        "discord": settings.token_discord,
        "terminal": settings.token_terminal,
    }
    return token(settings.model_copy(update={"gateway_token": given[platform]}), platform)


def _model(settings: RunSettings) -> str:
    if settings.openai_base_url or settings.openai_api_key:
        return settings.chat_model
    return "offline"


def _own_address(data: Path) -> str:
    """An address for this data folder alone, so that several can run side by side."""
    path = data / "run" / "assistant.sock"
    if len(os.fsencode(path)) <= MAX_SOCKET_PATH:
        return f"unix:{path}"
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"


def _dialled(listen: str) -> str:
    """How this machine reaches a service that listens there."""
    return listen.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]")


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Hold the data folder for this process alone. Raises SettingsError where another one does."""
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = (data / "run.pid").open("a+")
    except OSError as error:
        raise SettingsError(f"REMI_DATA: {data} can't be used: {error.strerror}") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            raise SettingsError(f"the data folder {data} is in use by process {file.read()}") from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


@contextlib.contextmanager
def _logs_in(path: Path, level: str) -> Iterator[None]:
    """What this process logs goes to a file meanwhile."""
    path.parent.mkdir(exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        with contextlib.redirect_stderr(file):
            logs.configure("terminal", level)
        yield


def _log_file(path: Path) -> BinaryIO:
    """The log to go on with; where it has grown long it becomes the old one, of which one is kept."""
    if path.exists() and path.stat().st_size > MAX_LOG_BYTES:
        path.replace(path.with_suffix(".log.1"))
    return path.open("ab")


def _last_line(path: Path) -> str:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return lines[-1] if lines else "it gave no reason"

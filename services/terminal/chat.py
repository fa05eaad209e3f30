"""The chat for a person at a terminal: history, commands, streamed Markdown."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter
from prompt_toolkit.history import FileHistory
from prompt_toolkit.patch_stdout import patch_stdout
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.markdown import Markdown
from rich.segment import Segment
from rich.spinner import Spinner

from services.gateway.client import Client, connect
from services.gateway.delivery import Deliveries, Stands
from services.gateway.flow import carry
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.terminal.files import kept
from services.terminal.talk import NO_SUCH_FILE, Talk, account, printable


async def serve(settings: GatewaySettings, on_ready: Callable[[], None]) -> None:
    """Chat until Ctrl-D, or Ctrl-C where no turn runs. `on_ready` is called as a prompt shows."""
    async with connect(settings, "terminal") as client:
        chat = _Chat(client, settings.data / "terminal_history")
        standing = asyncio.create_task(chat.listen())
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGINT, chat.interrupt)
        try:
            await chat.run(on_ready)
        finally:
            loop.remove_signal_handler(signal.SIGINT)
            standing.cancel()
            await chat.deliveries.finish(grace=1)
            await asyncio.gather(standing, return_exceptions=True)


class _Chat:
    """Sender and presenter in one: there is a single screen."""

    typing_interval = 60.0
    draft_interval = 0.1

    def __init__(self, client: Client, history: Path) -> None:
        self._talk = Talk(account())
        self.deliveries = Deliveries(client, self, self._talk.fetch, not_found=NO_SUCH_FILE)
        self._client = client
        self._history = history
        self._console = Console()
        self._commands: dict[str, str] = {}
        self._prompt = self._new_prompt()
        self._live = Live(console=self._console, transient=True)
        self._turn: asyncio.Task[None] | None = None
        self._stop: asyncio.Task[None] | None = None
        self._leaving = False

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Read a line, run its turn, again; until the person leaves."""
        self._console.print("This is Remi. [b]/help[/b] shows what it can do, Ctrl-D leaves.\n")
        while not self._leaving:
            try:
                with patch_stdout(raw=True):
                    line = await self._prompt.prompt_async("> ", handle_sigint=False, pre_run=on_ready)
            except (EOFError, KeyboardInterrupt):
                return
            if line.strip():
                await self._run_turn(line)

    async def listen(self) -> None:
        """Take what no turn of this chat carries: the commands, reminders, replies whose stream broke."""
        await self.deliveries.run(
            self._talk.subscription(), on_manifest=self._learn_commands, on_cursors=self._pass
        )

    def interrupt(self) -> None:
        """Ctrl-C: stop the turn; the second time, or where none runs, leave."""
        if self._turn is not None and self._stop is None:
            self._stop = asyncio.create_task(
                carry(self._client, self.deliveries, self._talk.said("/stop"), self)
            )
            return
        self._leaving = True
        if self._turn is not None and self._stop is not None:
            self._turn.cancel()
            self._stop.cancel()
        elif self._prompt.app.is_running:
            self._prompt.app.exit(exception=EOFError)

    async def _run_turn(self, line: str) -> None:
        request = self._talk.said(line)
        self._turn = asyncio.create_task(carry(self._client, self.deliveries, request, self))
        self._live.update(Spinner("dots", style="dim"))
        self._live.start()
        try:
            await asyncio.wait([self._turn])
            if self._stop is not None:
                # It says that the turn was stopped.
                await asyncio.wait([self._stop])
        finally:
            self._live.stop()
            turn, stop, self._turn, self._stop = self._turn, self._stop, None, None
            for task in (turn, stop):
                if task is not None:
                    task.cancel()
        if self._leaving:
            return
        turn.result()
        if request.command.name == "forget":
            # The lines typed here may hold what is to be forgotten.
            self._history.unlink(missing_ok=True)
            self._prompt = self._new_prompt()

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        text, acknowledgement = self._talk.shown(await kept(delivery))
        self._console.print("[b]Remi[/b]")
        self._console.print(Markdown(text, hyperlinks=False))
        self._console.print()
        return acknowledgement

    async def confirm(self) -> None: ...

    async def tell(self, text: str) -> None:
        self._console.print(printable(text), markup=False)

    async def typing(self) -> None: ...

    async def draft(self, draft: pb.Draft) -> None:
        self._live.update(_Tail(Markdown(printable(draft.text), hyperlinks=False)))

    async def final(self, delivery: pb.Delivery) -> None:
        self._live.stop()

    async def ended(self) -> None: ...

    async def _learn_commands(self, manifest: pb.CommandManifest) -> None:
        self._commands.update({f"/{command.name}": command.description for command in manifest.commands})

    async def _pass(self, cursors: pb.Cursors) -> None: ...

    def _new_prompt(self) -> PromptSession[str]:
        self._history.parent.mkdir(parents=True, exist_ok=True)
        self._history.touch(mode=0o600)
        return PromptSession(
            history=FileHistory(self._history),
            completer=WordCompleter(
                lambda: list(self._commands), meta_dict=self._commands, sentence=True, match_middle=False
            ),
            complete_while_typing=False,
        )


class _Tail:
    """The end of something that may be longer than the screen: a draft grows at its end."""

    def __init__(self, whole: Markdown) -> None:
        self._whole = whole

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._whole, options, pad=False)
        for line in lines[-(console.height - 2) :]:
            yield from line
            yield Segment.line()

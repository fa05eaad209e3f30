"""Which face the terminal shows: the chat to a person, the pipe to a program."""

import contextlib
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from services.gateway.settings import GatewaySettings
from services.terminal import pipe


async def serve(settings: GatewaySettings, on_ready: Callable[[], None] = lambda: None) -> None:
    """Talk until the person leaves or the input ends; `on_ready` is called as the talk begins."""
    if sys.stdin.isatty() and sys.stdout.isatty():
        # Two large libraries that only this face needs.
        from services.terminal import chat

        with _errors_to(settings.data / "logs" / "terminal.log"):
            await chat.serve(settings, on_ready)
    else:
        on_ready()
        await pipe.serve(settings)


@contextlib.contextmanager
def _errors_to(path: Path) -> Iterator[None]:
    """Standard error goes to a file meanwhile, that of C libraries too: the screen belongs to the chat."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stderr.flush()
    screen = os.dup(2)
    with path.open("ab") as log:
        os.dup2(log.fileno(), 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(screen, 2)
        os.close(screen)

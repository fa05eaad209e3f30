"""A process that has imported services, and forks one when it is told to: a start without imports.

It imports the assistant, and the gateways that its arguments name. It reads orders, one JSON object a line,
from standard input, and answers each with the process id.
"""

import importlib
import json
import os
import signal
import sys
from typing import Any, NoReturn

from faults import points


def main() -> None:
    import services.assistant.__main__
    import services.assistant.endpoint
    import services.assistant.endpoint_embedder
    import services.assistant.minilm  # noqa: F401

    for gateway in sys.argv[1:]:
        importlib.import_module(f"services.{gateway}.__main__")

    # Nobody waits for the children: they are told apart by their process ids.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    print("ready", flush=True)
    for line in sys.stdin:
        order = json.loads(line)
        if pid := os.fork():
            print(pid, flush=True)
        else:
            _become(order)


def _become(order: dict[str, Any]) -> NoReturn:
    """Be the service that was ordered, until it ends."""
    code = 1
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        log = os.open(order["log"], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        nothing = os.open(os.devnull, os.O_RDONLY)
        for source, target in ((nothing, 0), (log, 1), (log, 2)):
            os.dup2(source, target)
        os.environ.update(order["environment"])
        os.chdir(order["folder"])
        if order["point"]:
            kind, name, passes = order["point"]
            points.die_at(getattr(points, kind)[name], passes, name)
        code = _run(order["service"])
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def _run(service: str) -> int:
    from services.gateway.process import run

    match service:
        case "assistant":
            from services.assistant.__main__ import main as assistant

            return assistant([])
        case "telegram":
            from services.telegram.__main__ import serve as telegram
            from services.telegram.settings import TelegramSettings

            return run("telegram", TelegramSettings, telegram)
        case "discord":
            from services.discord.__main__ import serve as discord
            from services.discord.settings import DiscordSettings

            return run("discord", DiscordSettings, discord)
        case _:
            raise ValueError(service)


if __name__ == "__main__":
    main()

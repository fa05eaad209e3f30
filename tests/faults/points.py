"""Where a service kills itself: points of its work by name, each a moment before or after a function of ours.

Nothing in the services knows of this: the forked process is wrapped from outside before it starts.
"""

import functools
import importlib
import inspect
import os
import signal
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Point:
    """A moment: before or after a function runs, or within the stream that it is, behind a piece of it.

    For a class's method, `owner` names the class.
    """

    module: str
    function: str
    moment: Literal["before", "after", "within"]
    owner: str = ""


ASSISTANT = {
    "before an event is committed": Point("services.assistant.intake", "commit", "before"),
    "after an event is written": Point("services.assistant.store.inbox", "accept", "after"),
    "after an event is committed": Point("services.assistant.intake", "commit", "after"),
    "after Accepted, before the turn begins": Point("services.assistant.intake", "run", "before"),
    "before what waited is taken": Point("services.assistant.turn", "_take", "before"),
    "after what waited was taken": Point("services.assistant.turn", "_take", "after"),
    "before recall": Point("services.assistant.turn", "recall_nearby", "before"),
    "after recall": Point("services.assistant.turn", "recall_nearby", "after"),
    "within the model's stream": Point("services.assistant.turn", "answer", "within"),
    "after the model answered": Point("services.assistant.turn", "_stream", "after"),
    "before the outcome is written": Point("services.assistant.store.turns", "finish", "before"),
    "after it is written": Point("services.assistant.store.turns", "finish", "after"),
    "after the outcome is committed": Point("services.assistant.turn", "_commit", "after"),
    "before the index is written": Point("services.assistant.turn", "index_turn", "before"),
    "after the index is written": Point("services.assistant.turn", "index_turn", "after"),
    "before a delivery goes down the Deliver stream": Point(
        "services.assistant.store.outbox", "claimed", "before"
    ),
    "before a delivery is settled": Point("services.assistant.store.outbox", "record", "before"),
    "after a delivery is settled": Point("services.assistant.store.outbox", "record", "after"),
}
TELEGRAM = {
    "before Converse": Point("services.telegram.inbox", "carry", "before"),
    "after Accepted": Point("services.telegram.present", "confirm", "before", "TelegramPresenter"),
    "before a send": Point("services.telegram.send", "send", "before", "TelegramSender"),
    "after a send": Point("services.telegram.send", "send", "after", "TelegramSender"),
    "before Acknowledge": Point("services.gateway.delivery", "_acknowledge", "before", "Deliveries"),
    "after Acknowledge": Point("services.gateway.delivery", "_acknowledge", "after", "Deliveries"),
}
DISCORD = {
    "before Converse": Point("services.discord.__main__", "carry", "before"),
    "after Accepted": Point("services.discord.presenter", "confirm", "before", "EventPresenter"),
    "before a send": Point("services.discord.send", "send", "before", "DiscordSender"),
    "after a send": Point("services.discord.send", "send", "after", "DiscordSender"),
    "before Acknowledge": Point("services.gateway.delivery", "_acknowledge", "before", "Deliveries"),
    "after Acknowledge": Point("services.gateway.delivery", "_acknowledge", "after", "Deliveries"),
}


_DEATH = "dies "


def find(point: Point) -> tuple[Any, Callable[..., Any]]:
    """A point's function and what it stands in. Raises AttributeError for one that isn't there."""
    holder: Any = importlib.import_module(point.module)
    if point.owner:
        holder = getattr(holder, point.owner)
    return holder, getattr(holder, point.function)


def die_at(point: Point, passes: int, name: str) -> None:
    """Make this process kill itself when it comes to this point for that many times; its log says so."""
    holder, function = find(point)
    left = passes

    def count() -> None:
        nonlocal left
        left -= 1
        if not left:
            os.write(sys.stderr.fileno(), f"{_DEATH}{name}\n".encode())
            os.kill(os.getpid(), signal.SIGKILL)

    wrap = _streaming if point.moment == "within" else _wrapped
    setattr(holder, point.function, wrap(function, point.moment, count))


def deaths(log: Path) -> Counter[str]:
    """At which points processes killed themselves, by their log."""
    lines = log.read_text(errors="replace").splitlines()
    return Counter(line.removeprefix(_DEATH) for line in lines if line.startswith(_DEATH))


def _streaming(function: Callable[..., Any], _moment: str, count: Callable[[], None]) -> Callable[..., Any]:
    assert inspect.isasyncgenfunction(function), f"{function} is no stream"

    @functools.wraps(function)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        async with aclosing(function(*arguments, **named)) as pieces:
            async for piece in pieces:
                yield piece
                count()

    return wrapped


def _wrapped(function: Callable[..., Any], moment: str, count: Callable[[], None]) -> Callable[..., Any]:
    assert inspect.iscoroutinefunction(function), f"{function} is no coroutine function"

    @functools.wraps(function)
    async def wrapped(*arguments: Any, **named: Any) -> Any:
        if moment == "before":
            count()
        result = await function(*arguments, **named)
        if moment == "after":
            count()
        return result

    return wrapped

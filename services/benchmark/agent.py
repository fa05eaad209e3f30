"""What an assistant is to the benchmark: one class with two methods."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias


@dataclass(frozen=True, slots=True)
class Reply:
    """What an agent replied, and what it cost."""

    text: str
    context: str | None = None
    """What the agent had before it beside the message: its memories and the talk before, a `line` each.

    None where an agent can't tell.
    """
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0
    """In US dollars."""
    seconds: float | None = None
    """How long the reply itself took; None for all the time that the call took."""


class Agent(Protocol):
    async def reply(self, message: str, at: datetime) -> Reply:
        """Answer the benchmark's user, who says this at that moment of the virtual clock.

        No two messages of a run have the same moment: the same one again is the same message, said again
        after a run was killed. Raises Unavailable where the agent is gone and has not taken the message,
        ModelRefused where it will not answer this one.
        """
        ...

    async def reset(self) -> None:
        """Forget everything: the next message is the first of somebody new."""
        ...


@dataclass(frozen=True, slots=True)
class Told:
    """A message that an agent was told, and what it replied."""

    at: datetime
    message: str
    reply: str


@dataclass(frozen=True, slots=True)
class Setting:
    """What an agent is opened with."""

    folder: Path
    """The agent's own, empty at first; it is there again when a run that was killed goes on."""
    before: Sequence[Told] = ()
    """What it was told in the run so far, since its last reset."""
    model: str = ""
    """Of the endpoint in OPENAI_BASE_URL; empty for none."""
    embedding_model: str = ""
    window: int = 8_000
    """Most tokens of a prompt, where an agent cuts it."""
    budget: int = 0
    """Most tokens of what it recalls; 0 for what it does by itself."""
    prices: tuple[float, float] = (0.0, 0.0)
    """US dollars for a million tokens in, and out."""
    address: str = ""
    """Where the agent is, if it runs already: a URL, or host:port."""


Open: TypeAlias = Callable[[Setting], AbstractAsyncContextManager[Agent]]
"""Makes an agent ready. Raises SettingsError for what it lacks, Unavailable where it does not start."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of agent, by its name in `AGENTS`."""

    summary: str
    """A line for `list`."""
    open: Open
    hears_twice: bool = True
    """Whether what was said as a run was killed may be said again: the agent keeps nothing twice."""


def tokens(text: str) -> int:
    """The benchmark's own estimate, the same for every agent: ceil(UTF-8 bytes / 4)."""
    return -(-len(text.encode()) // 4)


def line(author: str, at: datetime, text: str, *, superseded: bool = False) -> str:
    """Something said, as a context shows it; further lines of the text are set in.

    `2025-01-06 09:00 User: My dog is called Biscuit.`
    """
    old = "(no longer holds) " if superseded else ""
    return f"{at.isoformat(' ')[:16]} {author}: {old}" + "\n  ".join(text.splitlines())

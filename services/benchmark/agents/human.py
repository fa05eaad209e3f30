"""A human at the keyboard."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from services.benchmark.agent import Agent, Reply, Setting
from services.errors import Unavailable


@asynccontextmanager
async def at_the_keyboard(setting: Setting) -> AsyncIterator[Agent]:
    yield _Human()


class _Human:
    """Reads a message on standard error, and replies with a line; its end ends the run for now."""

    async def reply(self, message: str, at: datetime) -> Reply:
        print(f"\n[{at:%A %Y-%m-%d %H:%M}] {message}\n> ", end="", file=sys.stderr, flush=True)
        typed = await asyncio.to_thread(sys.stdin.readline)
        if not typed:
            raise Unavailable("nobody sits at the keyboard")
        return Reply(typed.strip())

    async def reset(self) -> None:
        print("\n(Please forget everything so far.)", file=sys.stderr, flush=True)

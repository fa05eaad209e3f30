"""What the bench and an adapter say to each other: a request and an answer, a line of JSON each.

This is the adapter's side. It needs the standard library alone: adapters run where nothing of ours is.
"""

import asyncio
import json
import os
import sys
import time
from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

MOST = 20
"""Results that a search is asked for."""
LONGEST_ERROR = 300


class Adapter(Protocol):
    """A memory, as the bench uses it. One that goes on with something afterwards also has `rest`."""

    @property
    def version(self) -> str: ...

    async def fill(self, person: str, texts: list[str]) -> None:
        """Bring in what a person said before; not measured."""
        ...

    async def write(self, person: str, text: str) -> None:
        """Keep something said; it can be found when this returns."""
        ...

    async def turn(self, person: str, text: str) -> None:
        """Recall, have the model answer, keep both; what was said can be found when this returns."""
        ...

    async def search(self, person: str, question: str) -> list[str]:
        """The MOST best texts of this person, best first."""
        ...

    async def search_exactly(self, person: str, question: str) -> list[str]:
        """The same by the same scores, but with every text of the person's compared."""
        ...


def serve(opened: AbstractAsyncContextManager[Adapter]) -> None:
    """Answer requests on standard input until it ends. What libraries print goes to standard error."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", buffering=1, encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    asyncio.run(_serve(opened, answers.write))


async def _serve(opened: AbstractAsyncContextManager[Adapter], write: Any) -> None:
    async with opened as adapter:
        write(json.dumps({"result": adapter.version}) + "\n")
        while line := await asyncio.to_thread(sys.stdin.readline):
            write(json.dumps(await _answer(adapter, json.loads(line))) + "\n")


async def _answer(adapter: Adapter, request: dict[str, Any]) -> dict[str, Any]:
    method = getattr(adapter, request.pop("do"), None)
    if method is None:
        return {"lacks": True}
    began = time.perf_counter()
    try:
        result = await method(**request)
    except Exception as error:
        return {"error": " ".join(f"{type(error).__name__}: {error}".split())[:LONGEST_ERROR]}
    return {"seconds": time.perf_counter() - began, "result": result}

"""Tasks that end together."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


def start(tasks: asyncio.TaskGroup, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
    """A task of the group. Raises CancelledError where the group is ending: so does whoever asks."""
    try:
        return tasks.create_task(work)
    except RuntimeError:
        work.close()
        raise asyncio.CancelledError from None

"""Tasks that end together."""

import asyncio

import pytest

from services.discord.tasks import start


async def test_nothing_starts_while_everything_ends() -> None:
    started = []

    async def work() -> None:
        started.append(True)

    async with asyncio.TaskGroup() as tasks:
        await start(tasks, work())
    with pytest.raises(asyncio.CancelledError):
        start(tasks, work())
    assert started == [True]

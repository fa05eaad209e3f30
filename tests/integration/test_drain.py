"""SIGTERM: what runs is finished, what can't be is handed over at once, and nothing new is begun."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import grpc
import pytest

from client import PATIENCE, Gateway, gateway
from conftest import SECRET, Database, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from faults.processes import PATHS, until_serving
from faults.processes import Running as Process
from services.assistant.domain import Platform
from services.assistant.store.connection import Store, unscoped

TOKEN = "the gateway's"
GRACE = 30.0
"""Seconds that whoever stops a service usually grants it before SIGKILL."""


@pytest.fixture
def gated(model: FakeOpenAI) -> tuple[asyncio.Event, asyncio.Event]:
    """The model's first answer: set when it is asked for, and what to set for it to come."""
    is_asked, gate = asyncio.Event(), asyncio.Event()

    def first(_: object) -> Step:
        is_asked.set()
        return Step(text="The first answer.", gate=gate)

    model.script(first)
    model.reply = Step(text="Another answer.")
    return is_asked, gate


@asynccontextmanager
async def started(
    folder: Path, database: Database, model: FakeOpenAI
) -> AsyncIterator[tuple[asyncio.subprocess.Process, Gateway]]:
    """An assistant's process, and a gateway that is connected with it."""
    address = f"unix:{folder}/assistant.sock"
    environment = {
        "REMI_DATA": str(folder / "data"),
        "REMI_LISTEN": address,
        "REMI_SECRET": SECRET.decode(),
        "REMI_TOKEN_TELEGRAM": TOKEN,
        "REMI_ALLOW": "telegram:7",
        "DATABASE_URL": database.app_dsn,
        "OPENAI_BASE_URL": model.base_url,
        "OPENAI_API_KEY": model.api_key,
        "REMI_CHAT_MODEL": "fake-chat",
        "PYTHONPATH": PATHS,
    }
    with (folder / "assistant.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.assistant"),
            cwd=folder,
            env=os.environ | environment,
            stdout=log,
            stderr=log,
        )
    try:
        assert await until_serving(Process(process.pid), address)
        async with grpc.aio.insecure_channel(address) as channel:
            yield process, Gateway(channel, TOKEN, Platform.TELEGRAM)
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def leased(store: Store) -> list[Any]:
    async with unscoped(store) as connection:
        return list(
            await connection.fetch("SELECT * FROM work WHERE kind = 'turn' AND lease_until IS NOT NULL")
        )


async def test_a_turn_that_runs_is_finished(
    tmp_path: Path,
    database: Database,
    store: Store,
    model: FakeOpenAI,
    gated: tuple[asyncio.Event, asyncio.Event],
) -> None:
    is_asked, gate = gated
    async with started(tmp_path, database, model) as (process, telegram):
        running = await telegram.begin(telegram.request("hello"))
        async with asyncio.timeout(PATIENCE):
            await is_asked.wait()
        process.terminate()
        gate.set()
        assert (await running)[-1].final.delivery.text == "The first answer."
        assert await asyncio.wait_for(process.wait(), GRACE) == 0
    assert not await leased(store)


async def test_a_turn_that_takes_too_long_is_handed_over_without_its_lease(
    store: Store,
    model: FakeOpenAI,
    gated: tuple[asyncio.Event, asyncio.Event],
    start_assistant: StartAssistant,
) -> None:
    is_asked, gate = gated
    knobs = {"allow": frozenset({"telegram:7"}), **thinks_with(model)}
    async with start_assistant(**knobs, drain_seconds=0) as leaving, gateway(leaving) as telegram:
        asked = telegram.request("hello")
        running = await telegram.begin(asked)
        async with asyncio.timeout(PATIENCE):
            await is_asked.wait()
    await asyncio.wait([running])
    gate.set()
    assert not await leased(store)
    async with start_assistant(**knobs) as staying, gateway(staying) as telegram:
        assert (await telegram.final(asked)).text == "Another answer."


async def test_what_comes_while_it_drains_is_accepted_and_left_to_another(
    start_assistant: StartAssistant, model: FakeOpenAI, gated: tuple[asyncio.Event, asyncio.Event]
) -> None:
    is_asked, gate = gated
    knobs = {"allow": frozenset({"telegram:7", "telegram:8"}), **thinks_with(model)}
    async with (
        start_assistant(**knobs),
        start_assistant(**knobs) as leaving,
        gateway(leaving) as telegram,
    ):
        running = await telegram.begin(telegram.request("hello"))
        async with asyncio.timeout(PATIENCE):
            await is_asked.wait()
        leaving.remi.running.is_draining = True
        asked = telegram.request("And me?", user="8")
        assert (await telegram.final(asked)).text == "Another answer."
        assert len(leaving.remi.running.claims) == 1
        gate.set()
        assert (await running)[-1].final.delivery.text == "The first answer."

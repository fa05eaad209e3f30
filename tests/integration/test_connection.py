"""The line to Postgres: cut, or dead without a word."""

import asyncio

import pytest

from client import PATIENCE, gateway
from conftest import SECRET, Database, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from faults.proxy import before_postgres
from services.assistant.store.connection import close, connect, unscoped
from services.errors import StoreUnavailable


async def test_one_hung_statement_renews_all_connections(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.assistant.store.connection.QUERY_SECONDS", 0.5)
    async with before_postgres(database) as (line, through):
        store = await connect(through.app_dsn, SECRET, size=3)
        async with unscoped(store), unscoped(store), unscoped(store) as connection:
            dead = await connection.fetchval("SELECT pg_backend_pid()")
        line.deaden()
        with pytest.raises(StoreUnavailable):
            async with unscoped(store):
                pass
        line.mend()
        for _ in range(3):
            async with unscoped(store) as connection:
                assert await connection.fetchval("SELECT pg_backend_pid()") != dead
        store.pool.terminate()


async def test_a_transaction_of_a_client_that_is_gone_ends(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.assistant.store.connection.QUERY_SECONDS", 1.0)
    async with before_postgres(database) as (line, through):
        store = await connect(through.app_dsn, SECRET, size=2)
        beside = await connect(database.app_dsn, SECRET, size=2)

        async def gone() -> None:
            async with unscoped(store) as connection:
                await connection.execute("SELECT pg_advisory_xact_lock(1)")
                line.deaden()
                await connection.execute("SELECT 1")

        with pytest.raises(StoreUnavailable):
            await gone()
        async with asyncio.timeout(PATIENCE), unscoped(beside) as connection:
            await connection.execute("SELECT pg_advisory_xact_lock(1)")
        store.pool.terminate()
        await beside.pool.close()


async def test_a_dead_line_does_not_hold_up_the_end(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.assistant.store.connection.QUERY_SECONDS", 0.5)
    async with before_postgres(database) as (line, through):
        store = await connect(through.app_dsn, SECRET, size=2)
        line.deaden()
        await asyncio.wait_for(close(store), PATIENCE)


async def test_a_turn_that_postgres_broke_off_goes_on_as_soon_as_it_is_back(
    start_assistant: StartAssistant, database: Database, model: FakeOpenAI
) -> None:
    gate, is_asked = asyncio.Event(), asyncio.Event()

    def asked_once(_: object) -> Step:
        is_asked.set()
        return Step(text="Nobody could write this down.", gate=gate)

    model.script(asked_once, Step(text="Here I am again."))
    async with (
        before_postgres(database) as (line, through),
        start_assistant(
            allow=frozenset({"telegram:7"}), database_url=through.app_dsn, **thinks_with(model)
        ) as assistant,
        gateway(assistant) as telegram,
    ):
        asked = telegram.request("hello")
        broken = await telegram.begin(asked)
        await asyncio.wait_for(is_asked.wait(), PATIENCE)
        line.cut()
        gate.set()
        async with asyncio.timeout(PATIENCE):
            while not assistant.remi.running.left:  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.01)
        line.mend()
        await asyncio.wait([broken])
        assert (await telegram.final(asked)).text == "Here I am again."
        assert not assistant.remi.running.left

"""Replies reach a chat in the order of what they answer, also when a process died with one of them."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest

from client import Gateway, gateway
from conftest import Database, StartAssistant
from fakes.openai import FakeOpenAI
from services.stubs.assistant.v1 import assistant_pb2 as pb


@pytest.fixture
async def telegram(start_assistant: StartAssistant) -> AsyncIterator[Gateway]:
    async with start_assistant(allow={"telegram:7"}) as running, gateway(running) as opened:
        yield opened


async def test_a_reply_waits_for_the_one_before_it(telegram: Gateway) -> None:
    first = (await telegram.converse(telegram.request("One."), acknowledges=False))[-1].final.delivery
    second = asyncio.create_task(telegram.converse(telegram.request("Two.")))
    done, _ = await asyncio.wait([second], timeout=1)
    assert not done
    await telegram.acknowledge(first)
    assert (await second)[-1].final.delivery.delivery_id


async def test_no_draft_shows_before_the_reply_before_it(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    endpoint = {"openai_base_url": model.base_url, "openai_api_key": model.api_key, "chat_model": "fake-chat"}
    async with start_assistant(allow={"telegram:7"}, **endpoint) as running, gateway(running) as telegram:
        first = (await telegram.converse(telegram.request("One."), acknowledges=False))[-1].final.delivery
        written = await telegram.begin(telegram.request("Two."))
        done, _ = await asyncio.wait([written], timeout=1)
        assert not done
        await telegram.acknowledge(first)
        assert [each.WhichOneof("outcome") for each in await written] == ["final"]


async def test_what_a_dead_process_left_goes_first(telegram: Gateway, database: Database) -> None:
    left = (await telegram.converse(telegram.request("One."), acknowledges=False))[-1].final.delivery
    call = telegram.conversation.Converse(telegram.request("Two."), metadata=telegram.metadata)
    accepted = await call.read()
    assert isinstance(accepted, pb.ConverseResponse)
    owner = await asyncpg.connect(database.owner_dsn)
    async with telegram.deliver() as coming:
        # As when the leases have run out: both may be claimed now.
        async with asyncio.timeout(20):
            while await owner.fetchval("SELECT count(*) FROM delivery") < 2:  # noqa: ASYNC110
                await asyncio.sleep(0.02)
        call.cancel()
        await owner.execute("UPDATE work SET lease_until = NULL WHERE kind = 'deliver'")
        assert await _next(coming) == left.delivery_id
        assert coming.empty()
        await telegram.acknowledge(left)
        assert await _next(coming) != left.delivery_id
    await owner.close()


async def test_what_can_not_be_sent_holds_nothing_back_for_good(
    telegram: Gateway, database: Database
) -> None:
    await telegram.converse(telegram.request("One."), acknowledges=False)
    owner = await asyncpg.connect(database.owner_dsn)
    await owner.execute("UPDATE delivery SET created_at = created_at - interval '4 minutes'")
    await owner.close()
    assert (await telegram.converse(telegram.request("Two.")))[-1].final.delivery.delivery_id


async def _next(coming: "asyncio.Queue[pb.DeliverResponse]") -> str:
    async with asyncio.timeout(20):
        while True:
            each = await coming.get()
            if each.HasField("delivery"):
                return each.delivery.delivery_id

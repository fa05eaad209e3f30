"""Rows that are broken or of a newer version: they are named in the log, left alone, and the rest goes on."""

import asyncio
from collections.abc import AsyncIterator

import asyncpg
import pytest
from structlog.testing import capture_logs

from client import PATIENCE, Gateway, kinds
from conftest import Database
from services.stubs.assistant.v1 import assistant_pb2 as pb


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner_dsn)
    yield connection
    await connection.close()


async def leave_waiting(telegram: Gateway, owner: asyncpg.Connection, change: str) -> None:
    """An event that waits for a worker, changed by this UPDATE of its row."""
    part = telegram.request(message=pb.MessageEvent(message_id="5", text="one", continues=True))
    call = telegram.conversation.Converse(part, metadata=telegram.metadata, timeout=PATIENCE)
    await call.read()
    await owner.execute(f"UPDATE event SET {change}")
    call.cancel()


async def due_now(owner: asyncpg.Connection) -> None:
    await owner.execute("UPDATE work SET due_at = now() WHERE kind = 'turn'")


async def until(owner: asyncpg.Connection, query: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await owner.fetchval(query):  # noqa: ASYNC110 - Postgres tells nobody
            await asyncio.sleep(0.02)


async def test_an_event_whose_body_is_broken_is_set_aside_and_the_next_is_answered(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await leave_waiting(telegram, owner, "body = '{}'")
    with capture_logs() as logs:
        await due_now(owner)
        await until(owner, "SELECT kind = 'record' FROM event")
        assert await telegram.say("two")
    (said,) = [each for each in logs if each["event"] == "events_unreadable"]
    assert said["events"][0].startswith("telegram:99:7:")
    assert await owner.fetchval("SELECT count(*) FROM event") == 2


async def test_an_event_of_a_newer_version_waits_for_it_and_other_conversations_go_on(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await owner.execute("ALTER TABLE event DROP CONSTRAINT event_kind_check")
    await leave_waiting(telegram, owner, "kind = 'hologram'")
    with capture_logs() as logs:
        await due_now(owner)
        await until(owner, "SELECT lease_until IS NULL AND due_at > now() FROM work WHERE kind = 'turn'")
        assert await telegram.say("Hello.", place=telegram.place("7", thread="2"))
    assert "turn_unreadable" in [each["event"] for each in logs]
    assert await owner.fetchval("SELECT true FROM event WHERE kind = 'hologram' AND turn_id IS NULL")
    assert await owner.fetchval("SELECT count(*) FROM turn") == 1
    await owner.execute("UPDATE event SET kind = 'message' WHERE kind = 'hologram'")
    await due_now(owner)
    await until(owner, "SELECT count(*) = 2 FROM turn WHERE state = 'done'")


async def test_a_turn_in_a_state_of_a_newer_version_is_no_harm_to_the_next(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await owner.execute("ALTER TABLE turn DROP CONSTRAINT turn_state_check")
    asked = telegram.request("one")
    await telegram.final(asked)
    await owner.execute("UPDATE turn SET state = 'pondering'")
    with pytest.raises(Exception, match="pondering"):
        await telegram.converse(asked)
    assert await telegram.say("two")
    assert await owner.fetchval("SELECT true FROM turn WHERE state = 'pondering'")


async def test_a_delivery_that_is_broken_holds_no_other_up(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    for topic in ("1", "2"):
        asked = telegram.request("Hello", place=telegram.place(thread=topic))
        assert kinds(await telegram.converse(asked, acknowledges=False))[-1] == "final"
    broken, whole = (
        row["delivery_id"]
        for row in await owner.fetch("SELECT delivery_id FROM delivery ORDER BY created_at")
    )
    await owner.execute("UPDATE delivery SET buttons = '5' WHERE delivery_id = $1", broken)
    await owner.execute("UPDATE work SET lease_until = NULL WHERE kind = 'deliver'")
    with capture_logs() as logs:
        async with telegram.deliver() as stream, asyncio.timeout(PATIENCE):
            while not (delivery := (await stream.get()).delivery).delivery_id:
                pass
    assert delivery.delivery_id.endswith(whole.hex)
    assert [each["delivery"] for each in logs if each["event"] == "delivery_unreadable"] == [str(broken)]
    assert await owner.fetchval("SELECT state FROM delivery WHERE delivery_id = $1", broken) == "pending"


async def test_a_chat_that_threw_the_bot_out_is_settled_and_the_rest_is_delivered(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    gone = (await telegram.converse(telegram.request("one"), acknowledges=False))[-1].final.delivery
    await telegram.acknowledge(gone, rejected=pb.Rejected(reason="bot was kicked"))
    assert await owner.fetchval("SELECT state FROM delivery") == "rejected"
    assert not await owner.fetchval("SELECT true FROM work WHERE kind = 'deliver'")
    assert await telegram.say("two", place=telegram.place("7", thread="2"))


async def test_a_key_reused_with_another_body_is_named_in_the_log(telegram: Gateway) -> None:
    await telegram.final(telegram.request("one", key="telegram:k", message_id="1"))
    with capture_logs() as logs, pytest.raises(Exception, match="idempotency_key"):
        await telegram.converse(telegram.request("other", key="telegram:k", message_id="1"))
    (said,) = [each for each in logs if each["event"] == "key_reused"]
    assert said["key"] == "telegram:k"

"""What becomes of a delivery: part by part, closed chats, put aside and sent again."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import asyncpg
import pytest

from client import Gateway, kinds, next_delivery
from conftest import Assistant, Database
from services.assistant.undelivered import listing, send_again
from services.errors import NotFound
from services.stubs.assistant.v1 import assistant_pb2 as pb


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner_dsn)
    yield connection
    await connection.close()


async def said(telegram: Gateway, text: str, topic: str = "") -> tuple[pb.ConverseRequest, pb.Delivery]:
    """A message and its reply, not acknowledged: another of the same topic would wait for it."""
    asked = telegram.request(text, place=telegram.place("7", thread=topic))
    return asked, (await telegram.converse(asked, acknowledges=False))[-1].final.delivery


def partly(*message_ids: str, goes_on: bool = False) -> pb.PartlyDelivered:
    return pb.PartlyDelivered(message_ids=message_ids, goes_on=goes_on)


def rate_limited(seconds: int) -> pb.RateLimited:
    limited = pb.RateLimited()
    limited.retry_after.FromTimedelta(timedelta(seconds=seconds))
    return limited


async def test_the_next_attempt_begins_after_the_parts_that_stand(telegram: Gateway) -> None:
    _, delivery = await said(telegram, "Hello")
    await telegram.acknowledge(delivery, partly=partly("501", "502", goes_on=True))
    await telegram.acknowledge(delivery, partly=partly("501"))
    async with telegram.deliver() as queue:
        again = await next_delivery(queue)
    assert again.delivery_id == delivery.delivery_id
    assert list(again.sent_message_ids) == ["501", "502"]


async def test_a_part_that_stands_is_found_before_the_rest_is_sent(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    _, delivery = await said(telegram, "Hello")
    await telegram.acknowledge(delivery, partly=partly("501", goes_on=True))
    turn_id = await owner.fetchval("SELECT turn_id FROM receipt WHERE platform_message_id = '501'")
    assert str(turn_id) == delivery.turn_id


async def test_a_closed_chat_is_left_alone_by_whoever_comes_and_the_others_are_not(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    _, first = await said(telegram, "Hello")
    await telegram.acknowledge(first, rate_limited=rate_limited(600))
    _, second = await said(telegram, "And?", "5")
    await telegram.acknowledge(second, partly=partly())
    asked = telegram.request("Hi", user="8", name="Bob")
    elsewhere = (await telegram.converse(asked, acknowledges=False))[-1].final.delivery
    await telegram.acknowledge(elsewhere, partly=partly())
    async with telegram.deliver() as queue:
        assert (await next_delivery(queue)).delivery_id == elsewhere.delivery_id
        assert queue.empty()
    async with telegram.deliver() as queue:
        async with asyncio.timeout(10):
            items = [await queue.get() for _ in range(3)]
        (closed,) = items[-1].closed_chats.chats
        assert closed.chat_id == "7"
        assert 500 < closed.open_after.ToSeconds() <= 600
        await owner.execute("UPDATE closed_chat SET open_at = now()")
        await owner.execute("UPDATE work SET due_at = now(), lease_until = NULL WHERE kind = 'deliver'")
        came = [(await next_delivery(queue)).delivery_id for _ in range(3)]
    assert came.index(first.delivery_id) < came.index(second.delivery_id)


@pytest.mark.parametrize(
    ("result", "line"),
    [
        ({"unknown": pb.UnknownAfterSend(message_ids=["501"])}, "unknown  -"),
        ({"rejected": pb.Rejected(reason="TelegramForbiddenError")}, "rejected  TelegramForbiddenError"),
    ],
)
async def test_what_is_put_aside_is_listed_and_sent_only_when_the_operator_says_so(
    assistant: Assistant, telegram: Gateway, result: dict[str, pb.Rejected], line: str
) -> None:
    store = assistant.remi.store
    asked, delivery = await said(telegram, "Hello canary")
    await telegram.acknowledge(delivery, **result)
    await telegram.acknowledge(delivery, **result)
    listed = await listing(store)
    assert listed.startswith("1 undelivered: ")
    assert delivery.delivery_id in listed
    assert "telegram:99 chat 7" in listed
    assert line in listed
    assert "canary" not in listed
    assert kinds(await telegram.converse(asked)) == ["accepted"]
    with pytest.raises(NotFound):
        await send_again(store, "nonsense")
    assert await send_again(store, delivery.delivery_id) == "1 to be sent again"
    async with telegram.deliver() as queue:
        again = await next_delivery(queue)
    assert again.text == delivery.text
    assert list(again.sent_message_ids) == (["501"] if "unknown" in result else [])
    await telegram.acknowledge(again)
    assert (await listing(store)).startswith("0 undelivered")
    assert await send_again(store, "all") == "0 to be sent again"


async def test_what_could_not_be_delivered_in_its_time_is_put_aside(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    _, late = await said(telegram, "Hello")
    _, in_time = await said(telegram, "Hello again", "5")
    space = late.delivery_id[:32]
    async with owner.transaction():
        await owner.execute(f"SET LOCAL remi.spaces = '{{{space}}}'")
        await owner.execute(
            "UPDATE delivery SET created_at = now() - interval '25 hours' WHERE delivery_id = $1::text::uuid",
            late.delivery_id[32:],
        )
    await owner.execute("UPDATE work SET lease_until = NULL WHERE kind = 'deliver'")
    async with telegram.deliver() as queue:
        assert (await next_delivery(queue)).delivery_id == in_time.delivery_id
    assert "expired  not delivered in time" in await listing(assistant.remi.store)


async def test_forgetting_takes_along_what_was_put_aside(assistant: Assistant, telegram: Gateway) -> None:
    asked, delivery = await said(telegram, "The canary sings")
    await telegram.acknowledge(delivery, rejected=pb.Rejected(reason="403"))
    deletion = pb.DeletionEvent(message_ids=[asked.message.message_id])
    await telegram.converse(telegram.request(deletion=deletion))
    assert (await listing(assistant.remi.store)).startswith("0 undelivered")

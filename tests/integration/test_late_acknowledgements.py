"""What is said of a delivery when its last word is spoken already; and what nobody says a word of."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import pytest

from client import Gateway, gateway
from conftest import Assistant, Database
from services.assistant.domain import Platform
from services.assistant.undelivered import listing, send_again
from services.assistant.worker import expire_late
from services.stubs.assistant.v1 import assistant_pb2 as pb


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner_dsn)
    yield connection
    await connection.close()


async def said(of: Gateway, user: str = "7") -> pb.Delivery:
    """The reply to a message, which nobody has acknowledged."""
    return (await of.converse(of.request("Hello", user=user), acknowledges=False))[-1].final.delivery


async def handed_out(of: Gateway) -> pb.Delivery:
    """The next delivery of the standing call."""
    async with of.deliver() as queue:
        return await next_of(queue)


async def next_of(queue: "asyncio.Queue[pb.DeliverResponse]") -> pb.Delivery:
    async with asyncio.timeout(10):
        while not (item := await queue.get()).HasField("delivery"):
            pass
    return item.delivery


async def stands(owner: asyncpg.Connection, delivery: pb.Delivery) -> tuple[str, list[str], set[str], int]:
    """State, parts, all receipts of its parts, and how much work is left."""
    async with owner.transaction():
        await owner.execute(f"SET LOCAL remi.spaces = '{{{delivery.delivery_id[:32]}}}'")
        row = await owner.fetchrow(
            """SELECT state, sent, turn_id,
                      (SELECT count(*) FROM work WHERE kind = 'deliver' AND subject_id = delivery_id) AS work
               FROM delivery WHERE delivery_id = $1::text::uuid""",
            delivery.delivery_id[32:],
        )
        assert row is not None
        receipts = await owner.fetch(
            "SELECT platform_message_id FROM receipt WHERE turn_id = $1", row["turn_id"]
        )
    return row["state"], row["sent"], {each["platform_message_id"] for each in receipts}, row["work"]


async def grow_old(owner: asyncpg.Connection) -> None:
    await owner.execute("UPDATE work SET made_at = now() - interval '25 hours', lease_until = NULL")


@pytest.mark.parametrize(
    "late",
    [
        {"partly": pb.PartlyDelivered(message_ids=["501", "502", "503"])},
        {"partly": pb.PartlyDelivered(message_ids=["501", "502", "503"], goes_on=True)},
        {"rate_limited": pb.RateLimited(message_ids=["503"])},
        {"unknown": pb.UnknownAfterSend(message_ids=["503"])},
        {"rejected": pb.Rejected(reason="403")},
        {"delivered": pb.Delivered(message_ids=["503"])},
    ],
)
async def test_what_is_delivered_stays_so_and_may_get_receipts(
    telegram: Gateway, assistant: Assistant, owner: asyncpg.Connection, late: dict[str, Any]
) -> None:
    delivery = await said(telegram)
    await telegram.acknowledge(delivery, "501", "502")
    await telegram.acknowledge(delivery, **late)
    state, sent, receipts, work = await stands(owner, delivery)
    assert (state, sent, work) == ("delivered", ["501", "502"], 0)
    assert receipts == {"501", "502"} | (set() if "rejected" in late else {"503"})
    assert (await listing(assistant.remi.store)).startswith("0 undelivered")


async def test_what_was_unknown_may_turn_out_to_be_delivered(
    telegram: Gateway, assistant: Assistant, owner: asyncpg.Connection
) -> None:
    delivery = await said(telegram)
    await telegram.acknowledge(delivery, unknown=pb.UnknownAfterSend())
    assert (await listing(assistant.remi.store)).startswith("1 undelivered")
    await telegram.acknowledge(delivery, "501")
    assert await stands(owner, delivery) == ("delivered", ["501"], {"501"}, 0)
    assert (await listing(assistant.remi.store)).startswith("0 undelivered")


async def test_what_was_rejected_stays_rejected(telegram: Gateway, owner: asyncpg.Connection) -> None:
    delivery = await said(telegram)
    await telegram.acknowledge(delivery, rejected=pb.Rejected(reason="403"))
    await telegram.acknowledge(delivery, "501")
    await telegram.acknowledge(delivery, unknown=pb.UnknownAfterSend())
    assert await stands(owner, delivery) == ("rejected", [], {"501"}, 0)


async def test_parts_told_late_are_not_sent_again_by_the_operator(
    telegram: Gateway, assistant: Assistant, owner: asyncpg.Connection
) -> None:
    delivery = await said(telegram)
    await grow_old(owner)
    await expire_late(assistant.remi)
    await telegram.acknowledge(delivery, partly=pb.PartlyDelivered(message_ids=["501"], goes_on=True))
    assert (await stands(owner, delivery))[:2] == ("expired", ["501"])
    await send_again(assistant.remi.store, "all")
    assert list((await handed_out(telegram)).sent_message_ids) == ["501"]


async def test_what_waits_for_a_bot_that_is_down_expires(
    telegram: Gateway, assistant: Assistant, owner: asyncpg.Connection
) -> None:
    late, sending = await said(telegram), await said(telegram, "8")
    await owner.execute("UPDATE work SET made_at = now() - interval '25 hours' WHERE kind = 'deliver'")
    await owner.execute(
        "UPDATE work SET lease_until = NULL WHERE subject_id = $1::text::uuid", late.delivery_id[32:]
    )
    await expire_late(assistant.remi)
    listed = await listing(assistant.remi.store)
    assert listed.startswith("1 undelivered: 0 rejected, 0 unknown, 1 expired")
    assert late.delivery_id in listed
    assert (await stands(owner, sending))[0] == "pending"


async def test_work_for_what_is_delivered_is_dropped(
    telegram: Gateway, assistant: Assistant, owner: asyncpg.Connection
) -> None:
    delivery = await said(telegram)
    await telegram.acknowledge(delivery, "501")
    space, subject = delivery.delivery_id[:32], delivery.delivery_id[32:]
    await owner.execute(
        "INSERT INTO work (space_id, kind, subject_id, route)"
        " VALUES ($1::text::uuid, 'deliver', $2::text::uuid, 'telegram:99')",
        space,
        subject,
    )
    await grow_old(owner)
    await expire_late(assistant.remi)
    assert await stands(owner, delivery) == ("delivered", ["501"], {"501"}, 0)


@pytest.mark.parametrize(("platform", "counted"), [(Platform.TELEGRAM, 1), (Platform.DISCORD, 0)])
async def test_what_may_stand_twice_is_counted(
    start_assistant: Any, owner: asyncpg.Connection, platform: Platform, counted: int
) -> None:
    """Its gateway was given it and said no word; on Discord a nonce keeps it from standing twice."""
    async with (
        start_assistant(allow=frozenset({f"{platform}:7"})) as assistant,
        gateway(assistant, platform) as bot,
    ):
        delivery = await said(bot)
        async with bot.deliver() as queue:
            for _ in range(2):
                await owner.execute(
                    "UPDATE work SET lease_until = now() - interval '1 s' WHERE kind = 'deliver'"
                )
                assert (await next_of(queue)).delivery_id == delivery.delivery_id
        told = f"{platform}:99: {counted} sent again in 30 days, and may stand twice"
        assert (told in await listing(assistant.remi.store)) == bool(counted)
        await bot.acknowledge(delivery, partly=pb.PartlyDelivered())
        times = await owner.fetchval("SELECT times FROM sent_again")
        assert times == (2 if counted else None)

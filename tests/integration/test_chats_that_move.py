"""A group that the platform gives another id keeps its space, and what is to be sent goes there."""

import asyncio

import pytest

from calling import indexed
from client import Gateway, kinds
from conftest import Assistant
from services.assistant.domain import ChatKind
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import place


def moved(telegram: Gateway, old: pb.Place, new: pb.Place) -> pb.ConverseRequest:
    """The platform's notice, which nobody signs."""
    notice = telegram.request(place=old, chat_moved=pb.ChatMovedEvent(to_chat_id=new.chat_id))
    notice.author.Clear()
    return notice


@pytest.fixture
def supergroup(telegram: Gateway) -> pb.Place:
    return telegram.place("-1000100", group=True)


async def test_the_new_chat_is_let_in_and_remembers_with_the_old_one(
    assistant: Assistant, telegram: Gateway, group: pb.Place, supergroup: pb.Place
) -> None:
    await telegram.say("Our meeting room is the Blue Lagoon.", place=group)
    await indexed(assistant, place("-100", kind=ChatKind.GROUP))
    stranger = telegram.request("Which one is our meeting room?", place=supergroup)
    assert kinds(await telegram.converse(stranger)) == ["refused"]
    for _ in range(2):
        assert kinds(await telegram.converse(moved(telegram, group, supergroup))) == ["accepted"]
    assert "Blue Lagoon" in await telegram.say("Which one is our meeting room?", place=supergroup)
    assert "Blue Lagoon" in await telegram.say("Which one is our meeting room?", place=group)


async def test_what_is_to_be_sent_to_the_old_chat_goes_to_the_new(
    telegram: Gateway, group: pb.Place, supergroup: pb.Place
) -> None:
    delivery = (await telegram.converse(telegram.request("Hello", place=group), acknowledges=False))[
        -1
    ].final.delivery
    assert delivery.reply_to_message_id
    await telegram.converse(moved(telegram, group, supergroup))
    await telegram.acknowledge(delivery, partly=pb.PartlyDelivered(message_ids=["501"]))
    async with telegram.deliver() as queue, asyncio.timeout(10):
        while not (item := await queue.get()).HasField("delivery"):
            pass
    assert item.delivery.place.chat_id == supergroup.chat_id
    assert item.delivery.reply_to_message_id == ""
    assert list(item.delivery.sent_message_ids) == ["501"]


async def test_the_answer_to_a_send_tells_of_the_move_too(
    telegram: Gateway, group: pb.Place, supergroup: pb.Place
) -> None:
    delivery = (await telegram.converse(telegram.request("Hello", place=group), acknowledges=False))[
        -1
    ].final.delivery
    await telegram.acknowledge(
        delivery, delivered=pb.Delivered(message_ids=["1"]), moved_to_chat_id=supergroup.chat_id
    )
    assert kinds(await telegram.converse(telegram.request("Hello", place=supergroup)))[0] == "accepted"


async def test_chats_that_were_not_let_in_leave_nothing_behind(
    telegram: Gateway, supergroup: pb.Place
) -> None:
    unknown = telegram.place("-55", group=True)
    assert kinds(await telegram.converse(moved(telegram, unknown, supergroup))) == ["accepted"]
    assert kinds(await telegram.converse(telegram.request("Hello", place=supergroup))) == ["refused"]

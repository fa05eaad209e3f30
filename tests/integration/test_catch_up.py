"""What a gateway is told, and tells, of places whose platform sends nothing again."""

from collections.abc import AsyncIterator
from hashlib import sha256

import grpc
import pytest

from calling import refused
from client import Gateway, gateway
from conftest import Assistant, StartAssistant
from services.assistant.domain import Platform
from services.stubs.assistant.v1 import assistant_pb2 as pb


@pytest.fixture
async def assistant(start_assistant: StartAssistant) -> AsyncIterator[Assistant]:
    async with start_assistant(allow=frozenset({"discord:7", "discord:-100"})) as started:
        yield started


@pytest.fixture
async def discord(assistant: Assistant) -> AsyncIterator[Gateway]:
    async with gateway(assistant, Platform.DISCORD) as opened:
        yield opened


@pytest.fixture
def channel(discord: Gateway) -> pb.Place:
    return discord.place("-100", group=True)


async def kept(discord: Gateway, place: pb.Place, user: str = "") -> list[tuple[str, bytes]]:
    answer = await discord.conversation.ListKept(
        pb.ListKeptRequest(place=place, user_id=user), metadata=discord.metadata
    )
    return [(each.message_id, each.text_digest) for each in answer.messages]


async def cursor(discord: Gateway) -> list[str]:
    async with discord.deliver() as queue:
        await queue.get()
        return [each.message_id for each in (await queue.get()).cursors.cursors]


async def move(discord: Gateway, place: pb.Place, message_id: str) -> None:
    cursors = [pb.Cursor(place=place, message_id=message_id)]
    request = pb.MoveCursorsRequest(cursors=cursors)
    await discord.conversation.MoveCursors(request, metadata=discord.metadata)


async def test_what_is_kept_of_a_direct_talk_is_listed_as_it_reads_now(discord: Gateway) -> None:
    said = [discord.request(text) for text in ("one", "two", "three")]
    for each in said:
        await discord.final(each)
    one, two, three = (each.message.message_id for each in said)
    await discord.final(discord.request(edit=pb.EditEvent(message_id=one, text="won")))
    await discord.converse(discord.request(deletion=pb.DeletionEvent(message_ids=[two])))
    assert await kept(discord, discord.place(), "7") == [
        (one, sha256(b"won").digest()),
        (three, sha256(b"three").digest()),
    ]
    assert await kept(discord, discord.place("8"), "8") == []


async def test_in_a_group_nobody_needs_to_be_named(discord: Gateway, channel: pb.Place) -> None:
    asked = discord.request("Hello", place=channel)
    await discord.converse(asked)
    assert await kept(discord, channel) == [(asked.message.message_id, sha256(b"Hello").digest())]
    assert (await refused(kept(discord, discord.place())))[0] is grpc.StatusCode.INVALID_ARGUMENT


async def test_cursors_go_forward_over_what_is_not_kept(discord: Gateway, channel: pb.Place) -> None:
    await move(discord, channel, "99999999")
    assert await cursor(discord) == []
    await discord.converse(discord.request("Hello", place=channel))
    await move(discord, channel, "99999999")
    await move(discord, channel, "8")
    assert await cursor(discord) == ["99999999"]


async def test_cursors_of_others_stay(telegram: Gateway, discord: Gateway, channel: pb.Place) -> None:
    assert (await refused(move(telegram, channel, "1")))[0] is grpc.StatusCode.INVALID_ARGUMENT
    many = pb.MoveCursorsRequest(cursors=[pb.Cursor(place=channel, message_id="1")] * 1001)
    moving = discord.conversation.MoveCursors(many, metadata=discord.metadata)
    assert (await refused(moving))[0] is grpc.StatusCode.INVALID_ARGUMENT

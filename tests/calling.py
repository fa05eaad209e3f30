"""Calls to the memory and admin services: on whose behalf, and how they are refused."""

from collections.abc import Awaitable
from typing import Any

import grpc
import pytest

from client import Gateway
from conftest import Assistant
from services.assistant.access import admit_actor
from services.assistant.domain import Access, Author, Place
from services.assistant.index import index
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import author, place


def actor(
    of: Gateway, user: str = "7", name: str = "Ann", place: pb.Place | None = None, admin: bool = False
) -> pb.Actor:
    """Somebody in a place, their direct talk unless told otherwise; `admin` of its chat."""
    role = pb.CHAT_ROLE_ADMIN if admin else pb.CHAT_ROLE_MEMBER
    who = pb.Author(user_id=user, display_name=name, role=role)
    return pb.Actor(place=place or of.place(user), author=who)


async def refused(call: Awaitable[Any]) -> tuple[grpc.StatusCode, str]:
    """The status and the sentence of a call that is not served."""
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call
    return caught.value.code(), caught.value.details() or ""


async def access_of(assistant: Assistant, where: Place, who: Author) -> Access:
    """What somebody who was let in may do in a place."""
    access = await admit_actor(assistant.remi.store, assistant.remi.door, where, who)
    assert access is not None
    return access


async def indexed(assistant: Assistant, where: Place | None = None, who: Author | None = None) -> None:
    """See to it that what was said in a conversation, Ann's own by default, is findable.

    The assistant does so by itself, but after the reply: a test that searches at once would come too soon.
    """
    remi = assistant.remi
    access = await access_of(assistant, where or place(), who or author())
    await index(remi.store, remi.models.embedder, access.space_id, access.conversation_id)

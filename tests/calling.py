"""Calls to the memory and admin services: on whose behalf, and how they are refused."""

from collections.abc import Awaitable
from typing import Any

import grpc
import pytest

from client import Gateway
from services.stubs.assistant.v1 import assistant_pb2 as pb


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

"""What tests of commands share: what is kept in a space, what a delivery offers, who asks."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from calling import access_of
from conftest import Assistant
from services.assistant.domain import ChatKind, MemoryKind, Place
from services.assistant.store import memories
from services.assistant.store.connection import scoped
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import NOON, author, place

HERE = place()
GROUP = place("-100", kind=ChatKind.GROUP)
BOB: dict[str, Any] = {"user": "8", "name": "Bob"}


async def texts(assistant: Assistant, where: Place = HERE) -> list[str]:
    """What people said in a space and what is kept of it, in order."""
    access = await access_of(assistant, where, author())
    async with scoped(assistant.remi.store, [access.space_id]) as connection:
        rows = await connection.fetch("SELECT text FROM message WHERE role = 'person' ORDER BY position")
    return [row["text"] for row in rows]


async def learned(assistant: Assistant, *kinds: MemoryKind) -> None:
    """Ann says something, and a memory of each kind is drawn from it."""
    access = await access_of(assistant, HERE, author())
    async with scoped(assistant.remi.store, [access.space_id]) as connection:
        said = await connection.fetchrow("SELECT message_id, text FROM message WHERE role = 'person' LIMIT 1")
        assert said is not None
        for number, kind in enumerate(kinds):
            await memories.insert(
                connection,
                access.space_id,
                uuid4(),
                kind,
                f"{kind} number {number}",
                NOON + timedelta(minutes=number),
                [(said["message_id"], said["text"])],
                NOON,
            )


def as_admin(asked: pb.ConverseRequest) -> pb.ConverseRequest:
    asked.author.role = pb.CHAT_ROLE_ADMIN
    return asked


def labels(delivery: pb.Delivery) -> list[str]:
    return [button.label for row in delivery.button_rows for button in row.buttons]


def action(delivery: pb.Delivery, label: str) -> pb.ButtonEvent:
    buttons = [button for row in delivery.button_rows for button in row.buttons]
    return pb.ButtonEvent(action=next(button.action for button in buttons if button.label == label))

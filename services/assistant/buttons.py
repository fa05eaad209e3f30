"""Buttons under a reply, and the rows they stand for (docs/decisions/0152)."""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeAlias
from uuid import UUID, uuid4

from services.assistant.domain import Button, Turn
from services.assistant.store import actions
from services.assistant.store.actions import Action
from services.assistant.store.connection import Connection

Change: TypeAlias = Callable[[Connection], Awaitable[None]]
"""What a reply changes, within the transaction that commits its turn."""


def action(turn: Turn, verb: str, **arguments: Sequence[str]) -> Action:
    """What a press is to do, for the person who asked."""
    return Action(uuid4(), turn.newest.person_id, verb, arguments)


def button(label: str, pressed: Action) -> Button:
    return Button(label, str(pressed.action_id))


def offering(turn: Turn, *offered: Action) -> Change:
    """Keep what the buttons of a reply stand for."""

    async def change(connection: Connection) -> None:
        await actions.offer(connection, turn.space_id, offered)

    return change


def dropping(turn: Turn, answered: Action) -> Change:
    """A question is answered: neither its button nor the others it names work any more."""

    async def change(connection: Connection) -> None:
        other = [UUID(each) for each in answered.arguments.get("other", ())]
        await actions.drop(connection, turn.space_id, [answered.action_id, *other])

    return change


def both(*changes: Change) -> Change:
    """One change after the other."""

    async def change(connection: Connection) -> None:
        for each in changes:
            await each(connection)

    return change

"""What buttons stand for: references only, for one person, for a while."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from services.assistant.store.connection import Connection
from services.assistant.store.queries import load

SQL = load("actions")

LIFETIME = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Action:
    """A verb of ours and the ids it applies to, by name."""

    action_id: UUID
    person_id: UUID
    verb: str
    arguments: Mapping[str, Sequence[str]]


async def offer(connection: Connection, space_id: UUID, offered: Sequence[Action]) -> None:
    """Let buttons stand for these from now on."""
    await connection.execute(
        SQL["offer"],
        space_id,
        [each.action_id for each in offered],
        [each.person_id for each in offered],
        [each.verb for each in offered],
        [json.dumps(each.arguments) for each in offered],
        LIFETIME,
    )


async def find(connection: Connection, space_id: UUID, action_id: UUID) -> Action | None:
    """What a button stands for; None if it was used, has expired or is not of this space."""
    row = await connection.fetchrow(SQL["find"], space_id, action_id)
    return Action(action_id, row["person_id"], row["verb"], json.loads(row["arguments"])) if row else None


async def numbered(connection: Connection, space_id: UUID, person_id: UUID, number: int) -> Action | None:
    """What a number stands for in the list that the person was shown last; None if it is not in it."""
    row = await connection.fetchrow(SQL["numbered"], space_id, person_id, str(number))
    return Action(row["action_id"], person_id, row["verb"], json.loads(row["arguments"])) if row else None


async def drop(connection: Connection, space_id: UUID, action_ids: Sequence[UUID]) -> None:
    """These buttons work no more."""
    await connection.execute(SQL["drop"], space_id, action_ids)

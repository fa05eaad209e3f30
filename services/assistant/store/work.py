"""What waits to be done, in all spaces: claimed by lease, one worker a subject."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Literal
from uuid import UUID

from services.assistant.store.connection import Connection, Store, alone
from services.assistant.store.queries import load

SQL = load("work")

Kind = Literal["turn", "index", "learn", "deliver", "remind", "retry", "link"]
LEASE = timedelta(seconds=15)
"""How long a silent worker keeps what it took."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A row of work that is ours until its lease ends; it is done only if `wakes` has not moved.

    `was_left`: somebody had it before, and let the lease end without a word.
    """

    space_id: UUID
    subject_id: UUID
    route: str
    attempt: int
    wakes: int
    holder: UUID
    was_left: bool = False

    @property
    def backoff(self) -> timedelta:
        """How long it rests after a failure of ours: twice as long each time, an hour at most."""
        return timedelta(minutes=min(60, 2 ** min(self.attempt, 10)))


async def claim(
    store: Store, kind: Kind, holder: UUID, limit: int, route: str | None = None, lease: timedelta = LEASE
) -> list[Claim]:
    """Lease up to `limit` rows that are due."""
    async with alone(store) as connection:
        rows = await connection.fetch(SQL["claim"], kind, route, lease, limit, holder)
    return [
        Claim(
            row["space_id"],
            row["subject_id"],
            row["route"],
            row["attempt"],
            row["wakes"],
            holder,
            row["was_left"],
        )
        for row in rows
    ]


async def ask(
    connection: Connection,
    space_id: UUID,
    kind: Kind,
    subject_id: UUID,
    route: str,
    delay: timedelta = timedelta(seconds=5),
) -> None:
    """Have something done after a while, in the caller's transaction."""
    await connection.execute(SQL["ask"], space_id, kind, subject_id, route, delay)


async def begin(store: Store, space_id: UUID, kind: Kind, subject_ids: Sequence[UUID]) -> None:
    """Have what was asked for after a while, and was not tried yet, be done at once."""
    async with alone(store) as connection:
        await connection.execute(SQL["begin"], space_id, kind, subject_ids)


async def reclaim(store: Store, kind: Kind, claim: Claim) -> Claim | None:
    """The same row as it stands now; None if there is nothing to do there, or somebody else has it."""
    async with alone(store) as connection:
        row = await connection.fetchrow(
            SQL["reclaim"], claim.space_id, kind, claim.subject_id, LEASE, claim.holder
        )
    return replace(claim, attempt=row["attempt"], wakes=row["wakes"]) if row else None


async def renew(store: Store, held: Sequence[Claim]) -> None:
    """Keep the conversations that are still being worked on."""
    async with alone(store) as connection:
        await connection.execute(
            SQL["renew"],
            [claim.space_id for claim in held],
            [claim.subject_id for claim in held],
            [claim.holder for claim in held],
            LEASE,
        )


async def done(store: Store, kind: Kind, claim: Claim) -> bool:
    """Take the row away; False if it was asked for again since it was claimed, or is not ours any more."""
    async with alone(store) as connection:
        row = (claim.space_id, kind, claim.subject_id)
        return bool(await connection.fetchval(SQL["done"], *row, claim.wakes, claim.holder))


async def put_back(store: Store, kind: Kind, claim: Claim, delay: timedelta) -> None:
    """Give the row back, due again after `delay`; somebody else's is left alone."""
    async with alone(store) as connection:
        row = (claim.space_id, kind, claim.subject_id)
        await connection.execute(SQL["put_back"], *row, delay, claim.holder)

"""What must hold whatever happened, looked up in the database and at the platform."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import asyncpg

from conftest import Database
from faults.talk import Chat


@dataclass(frozen=True, slots=True)
class Ledger:
    """How often it does not hold: all of it must be 0."""

    lost: int
    """Messages accepted without a turn that is done, or whose reply never reached the platform."""
    doubled: int
    """Turns with more than one reply, and without an event of their own."""
    disordered: int
    """Replies that came before the reply to an earlier message of their conversation."""
    repeated: int
    """Messages whose reply stands on the platform more than once."""

    @property
    def is_clean(self) -> bool:
        """Nothing is wrong, but that something may stand twice on a platform that can't be asked."""
        return not (self.lost or self.doubled or self.disordered)

    def __str__(self) -> str:
        return (
            f"{self.lost} lost, {self.doubled} double turns, {self.disordered} out of order, "
            f"{self.repeated} sent twice"
        )


async def settled(database: Database, chats: Sequence[Chat], messages: int) -> Ledger:
    """The books after every conversation said so many messages and all was quiet again."""
    owner = await asyncpg.connect(database.owner_dsn)
    accepted = await owner.fetchval("SELECT count(*) FROM event WHERE kind = 'message'")
    unanswered = await owner.fetchval(
        "SELECT count(*) FROM event e LEFT JOIN turn t USING (space_id, turn_id)"
        " WHERE e.kind = 'message' AND t.state IS DISTINCT FROM 'done'"
    )
    doubled = await owner.fetchval(
        "SELECT count(*) FROM (SELECT FROM message WHERE role = 'remi' GROUP BY space_id, turn_id"
        " HAVING count(*) > 1) AS turns"
    )
    # A turn that no model answered may have joined an earlier one: it is stopped, and has no events left.
    doubled += await owner.fetchval(
        "SELECT count(*) FROM turn t WHERE state <> 'stopped' AND NOT EXISTS"
        " (SELECT FROM event e WHERE e.space_id = t.space_id AND e.turn_id = t.turn_id)"
    )
    await owner.close()
    lost = len(chats) * messages - accepted + unanswered
    disordered = repeated = 0
    for chat in chats:
        answered = chat.answered
        lost += len(set(range(messages)) - set(answered))
        repeated += sum(times - 1 for times in Counter(answered).values())
        # What was sent twice has its place where it came first.
        disordered += sum(later < earlier for earlier, later in pairwise(dict.fromkeys(answered)))
    return Ledger(lost, doubled, disordered, repeated)

"""What could not be delivered, for the operator: ids and reasons, never text; and sending it again."""

from datetime import UTC, datetime, timedelta

from services.assistant import wire
from services.assistant.store import outbox
from services.assistant.store.connection import Store, scoped, unscoped
from services.assistant.store.outbox import Undelivered
from services.errors import NotFound

LATELY = timedelta(days=30)


async def listing(store: Store) -> str:
    """One line a delivery, oldest first, below the count of each state; then what may stand twice.

    Raises StoreUnavailable.
    """
    found = await _all(store)
    async with unscoped(store) as connection:
        again = await outbox.sent_again(connection, LATELY)
    states = [each.state for each in found]
    counts = ", ".join(f"{states.count(state)} {state}" for state in ("rejected", "unknown", "expired"))
    now = datetime.now(UTC)
    twice = (
        f"{route}: {deliveries} sent again in {LATELY.days} days, and may stand twice"
        for route, deliveries in again.items()
    )
    return "\n".join([f"{len(found)} undelivered: {counts}", *(_line(each, now) for each in found), *twice])


async def send_again(store: Store, which: str) -> str:
    """Have one delivery, or `all`, sent again after the parts that stand; tells how many.

    Raises NotFound where no such delivery was put aside, and StoreUnavailable.
    """
    wanted = [each for each in await _all(store) if which in ("all", _id(each))]
    if which != "all" and not wanted:
        raise NotFound("no undelivered delivery has this id: `make undelivered` lists them")
    again = 0
    for each in wanted:
        async with scoped(store, [each.space_id]) as connection:
            again += await outbox.send_again(connection, each.space_id, each.delivery_id)
    return f"{again} to be sent again"


async def _all(store: Store) -> list[Undelivered]:
    async with unscoped(store) as connection:
        return await outbox.undelivered(connection)


def _id(each: Undelivered) -> str:
    return wire.delivery_id(each.space_id, each.delivery_id)


def _line(each: Undelivered, now: datetime) -> str:
    hours = (now - each.created_at).total_seconds() / 3600
    reason = each.reason or "-"
    where = f"{each.route} chat {each.chat_id}"
    return f"{_id(each)}  {where}  {hours:.1f} h  {each.state}  {reason}  {each.attempts} attempts"

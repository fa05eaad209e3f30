"""What goes on beside the calls: keep leases, take over what was left, index and learn."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import timedelta
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import structlog

from services.assistant.index import ask_to_reindex, index, promote, reindex
from services.assistant.learn import learn
from services.assistant.link import join_due
from services.assistant.remi import Remi
from services.assistant.remind import fire_due
from services.assistant.store import ledger, outbox, work
from services.assistant.store.connection import scoped, unscoped
from services.assistant.store.work import Claim, Kind
from services.assistant.turn import retry, run
from services.errors import ModelRefused, StoreUnavailable, Unavailable

log = structlog.get_logger()

LOOK = 1.0
"""Seconds between looks for work that is due."""
RENEW = 4.0
"""Seconds between renewals; a lease lasts almost four times as long."""
SWEEP = 30.0
"""Seconds between looks for deliveries whose time is over."""
RENEW_VECTORS = 600.0
"""Seconds between looks for spaces whose vectors another model made; replicas change theirs in turn."""
MOST_TURNS = 64
MOST_RETRIES = 8
MOST_LEARNING = 4
MOST_LATE = 500
SETTLE = timedelta(seconds=10)
"""How long talk waits for more before it is learned from; turns.sql has the same."""


async def keep_leases(remi: Remi) -> None:
    """Renew, until cancelled, the leases of the conversations this process works on."""
    await _again_and_again(remi, _renew_leases, RENEW)


async def look_for_work(remi: Remi) -> None:
    """Take over turns, index, learn, remind and link, until cancelled."""
    await asyncio.gather(
        _again_and_again(remi, _take_over, LOOK),
        _again_and_again(remi, _learn_some, LOOK),
        _again_and_again(remi, fire_due, LOOK),
        _again_and_again(remi, expire_late, SWEEP),
        _again_and_again(remi, join_due, LOOK),
        _again_and_again(remi, _renew_vectors, RENEW_VECTORS),
    )


async def keep_forgettings(remi: Remi, path: Path) -> None:
    """Write what is forgotten into the ledger beside the database, until cancelled."""

    async def keep_ledger(remi: Remi) -> None:
        await ledger.keep(remi.store, path)

    await _again_and_again(remi, keep_ledger, LOOK)


async def _again_and_again(
    remi: Remi, step: Callable[[Remi], Coroutine[Any, Any, None]], pause: float
) -> NoReturn:
    """Whatever goes wrong is logged and tried again; of Postgres, only that it went away and came back."""
    is_away = False
    while True:
        try:
            await step(remi)
            if is_away:
                log.info("store_back", step=step.__name__)
            is_away = False
        except StoreUnavailable as error:
            if not is_away:
                log.warning("store_away", step=step.__name__, exc_info=error)
            is_away = True
        except Exception as error:
            log.error("step_failed", step=step.__name__, exc_info=error)
        await asyncio.sleep(pause)


async def _renew_leases(remi: Remi) -> None:
    if held := list(remi.running.claims):
        await work.renew(remi.store, held)


async def expire_late(remi: Remi) -> None:
    """Put aside what could not be delivered in its time, also for bots whose gateway is down."""
    async with unscoped(remi.store) as connection:
        found = await outbox.late(connection, remi.knobs.delivery_time, MOST_LATE)
    for late in found:
        async with scoped(remi.store, [late.space_id]) as connection:
            if await outbox.expire(connection, late):
                log.warning("delivery put aside", delivery=str(late.delivery_id), state="expired")


async def _take_over(remi: Remi) -> None:
    """Go on with turns that were left, or that are parked until a model answers."""
    for left in list(remi.running.left):
        await work.put_back(remi.store, "turn", left, timedelta(0))
        remi.running.left.discard(left)
    for claim in await work.claim(remi.store, "turn", uuid4(), MOST_TURNS):
        remi.running.start(run(remi, claim, None))
    for waiting in await work.claim(remi.store, "retry", uuid4(), MOST_RETRIES):
        remi.running.start(retry(remi, waiting))


async def _renew_vectors(remi: Remi) -> None:
    await ask_to_reindex(remi.store, remi.models.embedder)


async def _learn_some(remi: Remi) -> None:
    """Index and learn what replies left to be done, a few conversations at a time."""
    kinds: tuple[Kind, ...] = ("index", "learn")
    while True:
        found = [
            (kind, claim)
            for kind in kinds
            for claim in await work.claim(
                remi.store, kind, uuid4(), MOST_LEARNING, lease=timedelta(minutes=10)
            )
        ]
        if not found:
            return
        await asyncio.gather(*(_learn(remi, kind, claim) for kind, claim in found))


async def _learn(remi: Remi, kind: Kind, claim: Claim) -> None:
    """Index or learn from what was said in a conversation; on failure it stays asked for."""
    store, models = remi.store, remi.models
    try:
        if kind == "index":
            await index(store, models.embedder, claim.space_id, claim.subject_id)
            while await reindex(store, models.embedder, claim.space_id):
                pass
            while await promote(store, claim.space_id):
                pass
        else:
            while await learn(
                store, models.memory, models.embedder, claim.space_id, claim.subject_id, remi.knobs.zone
            ):
                pass
        if not await work.done(store, kind, claim):
            # More was said meanwhile. It may settle, before it costs a call of its own.
            await work.put_back(store, kind, claim, SETTLE if kind == "learn" else timedelta(0))
    except asyncio.CancelledError:
        await work.put_back(store, kind, claim, timedelta(0))
        raise
    except (Unavailable, ModelRefused) as error:
        await _put_back(remi, kind, claim, error, timedelta(seconds=30))
    except Exception as error:
        await _put_back(remi, kind, claim, error, claim.backoff)


async def _put_back(remi: Remi, kind: Kind, claim: Claim, error: Exception, delay: timedelta) -> None:
    log.warning("learning_failed", kind=kind, conversation=str(claim.subject_id), exc_info=error)
    try:
        await work.put_back(remi.store, kind, claim, delay)
    except StoreUnavailable:
        log.warning("store_away", kind=kind)

"""What goes on beside the calls: keep leases, take over what was left, index and learn."""

import asyncio
from datetime import timedelta
from typing import NoReturn
from uuid import uuid4

import structlog

from services.assistant.index import index, promote, reindex
from services.assistant.learn import learn
from services.assistant.remi import Remi
from services.assistant.store import work
from services.assistant.store.work import Claim, Kind
from services.assistant.turn import run
from services.errors import ModelRefused, StoreUnavailable, Unavailable

log = structlog.get_logger()

LOOK = 1.0
"""Seconds between looks for work that is due."""
RENEW = 4.0
"""Seconds between renewals; a lease lasts almost four times as long."""
MOST_TURNS = 64
MOST_LEARNING = 4


async def keep_leases(remi: Remi) -> NoReturn:
    """Renew the leases of all conversations this process works on."""
    while True:
        await asyncio.sleep(RENEW)
        if held := list(remi.running.claims.values()):
            try:
                await work.renew(remi.store, held)
            except StoreUnavailable as error:
                log.warning("renew_failed", held=len(held), exc_info=error)


async def look_for_turns(remi: Remi) -> NoReturn:
    """Take over turns that were left, or that waited for a model to come back."""
    while True:
        try:
            for claim in await work.claim(remi.store, "turn", uuid4(), MOST_TURNS):
                remi.running.start(run(remi, claim, None))
        except StoreUnavailable as error:
            log.warning("store_away", exc_info=error)
        await asyncio.sleep(LOOK)


async def look_for_learning(remi: Remi) -> NoReturn:
    """Index and learn what replies left to be done, a few conversations at a time."""
    kinds: tuple[Kind, ...] = ("index", "learn")
    while True:
        found: list[tuple[Kind, Claim]] = []
        try:
            for kind in kinds:
                claims = await work.claim(
                    remi.store, kind, uuid4(), MOST_LEARNING, lease=timedelta(minutes=10)
                )
                found += [(kind, claim) for claim in claims]
        except StoreUnavailable as error:
            log.warning("store_away", exc_info=error)
        await asyncio.gather(*(_learn(remi, kind, claim) for kind, claim in found))
        if not found:
            await asyncio.sleep(LOOK)


async def _learn(remi: Remi, kind: Kind, claim: Claim) -> None:
    """Index or learn from what was said in a conversation; on failure it stays asked for."""
    store, models = remi.store, remi.models
    try:
        if kind == "index":
            while await index(store, models.embedder, claim.space_id, claim.subject_id):
                pass
            while await reindex(store, models.embedder, claim.space_id):
                pass
            while await promote(store, claim.space_id):
                pass
        else:
            while await learn(store, models.memory, models.embedder, claim.space_id, claim.subject_id):
                pass
        if not await work.done(store, kind, claim):
            await work.put_back(store, kind, claim, timedelta(0))
    except (Unavailable, ModelRefused) as error:
        await _put_back(remi, kind, claim, error, timedelta(seconds=30))
    except Exception as error:
        await _put_back(remi, kind, claim, error, timedelta(minutes=min(60, 2 ** min(claim.attempt, 10))))


async def _put_back(remi: Remi, kind: Kind, claim: Claim, error: Exception, delay: timedelta) -> None:
    log.warning("learning_failed", kind=kind, conversation=str(claim.subject_id), exc_info=error)
    try:
        await work.put_back(remi.store, kind, claim, delay)
    except StoreUnavailable:
        log.warning("store_away", kind=kind)

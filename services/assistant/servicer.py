"""The gRPC edge of the talk: authenticate, validate, translate. No logic."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import assert_never
from uuid import uuid4

import structlog

from services.assistant import intake, wire
from services.assistant.commands import MANIFEST
from services.assistant.domain import ChatKind, Delivery, Platform
from services.assistant.edge import Context, Edge, own
from services.assistant.remi import Remi
from services.assistant.store import directory, outbox, work
from services.assistant.store.connection import alone, scoped, unscoped
from services.assistant.store.work import Claim
from services.assistant.streams import Draft, Final, Merged
from services.errors import NotFound, Unreadable
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1.assistant_pb2_grpc import ConversationServiceServicer

log = structlog.get_logger()

BATCH = 20
UNREADABLE = timedelta(minutes=5)
"""How long a delivery rests that this version can't read; a newer one may."""
LISTENING = 20.0
"""Seconds between notes that a gateway listens."""
TAKES_KEYS = {Platform.DISCORD}
"""Where a delivery that is sent twice comes to stand once."""
POLL = 1.0
"""Seconds between looks for deliveries that another replica left."""


class ConversationServicer(ConversationServiceServicer):
    def __init__(self, remi: Remi, edge: Edge) -> None:
        self._remi = remi
        self._edge = edge

    async def Converse(  # noqa: N802
        self, request: pb.ConverseRequest, context: Context
    ) -> AsyncIterator[pb.ConverseResponse]:
        async with self._edge.call(context) as platform:
            own(platform, wire.PLATFORMS.get(request.place.platform))
            trusts_clock = platform in self._remi.knobs.client_clock
            event = wire.event_from(request, datetime.now(UTC), trusts_clock)
            async with aclosing(intake.converse(self._remi, event)) as outcomes:
                async for outcome in outcomes:
                    yield _response(outcome)

    async def Deliver(  # noqa: N802
        self, request: pb.DeliverRequest, context: Context
    ) -> AsyncIterator[pb.DeliverResponse]:
        async with self._edge.call(context) as platform:
            own(platform, wire.PLATFORMS.get(request.platform))
            yield pb.DeliverResponse(manifest=_manifest())
            known = await directory.cursors(self._remi.store, platform, request.bot_id)
            yield pb.DeliverResponse(
                cursors=pb.Cursors(
                    cursors=[
                        pb.Cursor(place=wire.place_to(place), message_id=newest) for place, newest in known
                    ]
                )
            )
            route = f"{platform}:{request.bot_id}"
            async with unscoped(self._remi.store) as connection:
                closed = await outbox.closed(connection, route)
            yield pb.DeliverResponse(closed_chats=wire.closed_chats(closed))
            async for delivery in self._deliveries(route):
                yield pb.DeliverResponse(delivery=delivery)

    async def Acknowledge(  # noqa: N802
        self, request: pb.AcknowledgeRequest, context: Context
    ) -> pb.AcknowledgeResponse:
        async with self._edge.call(context) as platform:
            await self._acknowledge(platform, request)
        return pb.AcknowledgeResponse()

    async def ListKept(self, request: pb.ListKeptRequest, context: Context) -> pb.ListKeptResponse:  # noqa: N802
        async with self._edge.call(context) as platform:
            own(platform, wire.PLATFORMS.get(request.place.platform))
            place = wire.place_from(request.place)
            is_group = place.chat_kind is ChatKind.GROUP
            author = wire.author_from(pb.Author(user_id=request.user_id), platform, is_group)
            kept = await intake.newest(self._remi, place, author)
        return pb.ListKeptResponse(
            messages=[
                pb.KeptMessage(message_id=message_id, text_digest=digest) for message_id, digest in kept
            ]
        )

    async def MoveCursors(  # noqa: N802
        self, request: pb.MoveCursorsRequest, context: Context
    ) -> pb.MoveCursorsResponse:
        async with self._edge.call(context) as platform:
            seen = wire.seen_from(request, platform)
            await directory.move_cursors(self._remi.store, platform, seen)
        return pb.MoveCursorsResponse()

    async def _deliveries(self, route: str) -> AsyncIterator[pb.Delivery]:
        """Whatever waits for this bot and is carried by no live Converse, while the stream stands."""
        store, holder = self._remi.store, uuid4()
        now = asyncio.get_running_loop().time
        noted = -LISTENING
        while True:
            if now() - noted >= LISTENING:
                await outbox.listen(store, route)
                noted = now()
            claims = await work.claim(store, "deliver", holder, BATCH, route, outbox.CARRY)
            for delivery in sorted(await self._ready(claims), key=attrgetter("created_at")):
                yield wire.delivery_to(delivery)
            if not claims:
                self._remi.outgoing.clear()
                try:
                    async with asyncio.timeout(POLL):
                        await self._remi.outgoing.wait()
                except TimeoutError:
                    continue

    async def _ready(self, claims: Sequence[Claim]) -> list[Delivery]:
        """What is to be sent now, of all that is claimed."""
        if not claims:
            return []
        async with alone(self._remi.store, [claim.space_id for claim in claims]) as connection:
            found = await outbox.claimed(connection, claims)
        ready = [await self._sift(claim, found.get(claim.subject_id)) for claim in claims]
        return [delivery for delivery in ready if delivery]

    async def _sift(self, claim: Claim, found: outbox.Due | Unreadable | None) -> Delivery | None:
        """What a claim stands for, if it is to be sent now; its row says what is to be done otherwise."""
        store = self._remi.store
        match found:
            case None:
                await work.done(store, "deliver", claim)
                return None
            case Unreadable():
                log.error("delivery_unreadable", delivery=str(claim.subject_id), exc_info=found)
                await work.put_back(store, "deliver", claim, UNREADABLE)
                return None
            case outbox.Due(delivery, wait):
                pass
            case _:
                assert_never(found)
        if delivery.created_at + self._remi.knobs.delivery_time < datetime.now(UTC):
            async with scoped(store, [claim.space_id]) as connection:
                await outbox.expire(connection, outbox.Late(claim.space_id, claim.subject_id, claim.route))
            log.warning("delivery put aside", delivery=str(claim.subject_id), state="expired")
            return None
        if claim.was_left and delivery.place.platform not in TAKES_KEYS:
            async with alone(store, [claim.space_id]) as connection:
                await outbox.count_again(connection, delivery)
            log.warning("delivery sent again", delivery=str(claim.subject_id))
        if wait is not None:
            await work.put_back(store, "deliver", claim, wait)
            return None
        return delivery

    async def _acknowledge(self, platform: Platform, request: pb.AcknowledgeRequest) -> None:
        space_id, delivery_id = wire.delivery_ids(request.delivery_id)
        result = wire.result_from(request)
        moved_to = wire.moved_from(request)
        begin = alone if outbox.is_delivered(result) else scoped
        async with begin(self._remi.store, [space_id]) as connection:
            if not await outbox.record(connection, platform, space_id, delivery_id, result):
                raise NotFound("there is no such delivery on this platform")
        if moved_to:
            await directory.move_chat(self._remi.store, platform, request.place.chat_id, moved_to)
        if isinstance(result, outbox.Settled) and not outbox.is_delivered(result):
            log.warning("delivery put aside", delivery=request.delivery_id, state=result.state)
        if not isinstance(result, outbox.GoingOn):
            # What comes after it may be sent now, or the rest of it.
            self._remi.outgoing.set()


def _response(outcome: intake.Outcome) -> pb.ConverseResponse:
    match outcome:
        case intake.Accepted(reply_expected, turn_id):
            accepted = pb.Accepted(reply_expected=reply_expected, turn_id=str(turn_id) if turn_id else "")
            return pb.ConverseResponse(accepted=accepted)
        case intake.Refused(text):
            return pb.ConverseResponse(refused=pb.Refused(text=text))
        case Draft(turn_id, revision, text):
            return pb.ConverseResponse(draft=pb.Draft(turn_id=str(turn_id), revision=revision, text=text))
        case Final(delivery):
            return pb.ConverseResponse(final=pb.Final(delivery=wire.delivery_to(delivery)))
        case Merged(turn_id):
            return pb.ConverseResponse(merged=pb.Merged(turn_id=str(turn_id)))
        case _:
            assert_never(outcome)


def _manifest() -> pb.CommandManifest:
    return pb.CommandManifest(
        commands=[
            pb.CommandDescription(
                name=each.name, description=each.description, argument=each.argument, file=each.file
            )
            for each in MANIFEST
        ]
    )

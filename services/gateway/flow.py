"""One event from a platform, carried through the assistant and back."""

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Protocol

import structlog

from services.errors import InvalidEvent, NotAllowed
from services.gateway.client import Client, converse
from services.gateway.delivery import Deliveries
from services.stubs.assistant.v1 import assistant_pb2 as pb

# How long a typing sign or draft that is on its way may hold up the reply.
LAST_WORD_SECONDS = 5

_log = structlog.get_logger()


class Presenter(Protocol):
    """How the answer to one event shows. What it raises is logged and ignored, save for `confirm`."""

    # Seconds between two typing signs, and at least between two drafts.
    typing_interval: float
    draft_interval: float

    async def confirm(self) -> None:
        """The event is dealt with: the platform need not send it again. Called once."""

    async def tell(self, text: str) -> None:
        """Say a line to the sender that is no delivery."""

    async def typing(self) -> None:
        """Show that Remi is at work."""

    async def draft(self, draft: pb.Draft) -> None:
        """Show the reply as far as it goes; its turn id is that of the delivery to come."""

    async def final(self, delivery: pb.Delivery) -> None:
        """The answer is here and is sent next; no typing or draft comes after this."""

    async def ended(self) -> None:
        """No Final comes on this stream: take away what shows that one would."""


async def carry(
    client: Client, deliveries: Deliveries, request: pb.ConverseRequest, presenter: Presenter
) -> None:
    """Say the event, confirm it, show progress, send the reply. Raises SettingsError, before confirming."""
    progress = _Progress(deliveries, request.place, presenter)
    log = _log.bind(key=request.idempotency_key)
    confirmed = finished = False
    try:
        async with contextlib.aclosing(converse(client, request)) as responses:
            async for response in responses:
                match response.WhichOneof("outcome"):
                    case "accepted" if not confirmed:
                        confirmed = True
                        await presenter.confirm()
                        if response.accepted.reply_expected:
                            progress.start()
                    case "refused":
                        finished = True
                        await presenter.confirm()
                        if response.refused.text:
                            await _shown(presenter.tell(response.refused.text))
                    case "draft":
                        progress.show(response.draft)
                    case "final":
                        finished = True
                        await progress.stop()
                        await _shown(presenter.final(response.final.delivery))
                        await deliveries.send(response.final.delivery)
    except InvalidEvent as error:
        log.warning("event is invalid", field=error.field)
        await presenter.confirm()
        # Under a key that was used the assistant has the event; nobody has to send anything else.
        if error.field != "idempotency_key":
            finished = True
            await _shown(presenter.tell(f"I can't take that: {error.field}: {error.problem}."))
    except NotAllowed:
        log.error("event denied")
        await presenter.confirm()
        return
    finally:
        await progress.stop()
    if not finished:
        await _shown(presenter.ended())


class _Progress:
    """Typing signs at an interval, and drafts merged: of those within an interval the newest is shown."""

    def __init__(self, deliveries: Deliveries, place: pb.Place, presenter: Presenter) -> None:
        self._deliveries = deliveries
        self._place = place
        self._presenter = presenter
        self._newest: pb.Draft | None = None
        self._news = asyncio.Event()
        self._stopped = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._tasks = [asyncio.create_task(self._sign()), asyncio.create_task(self._preview())]

    def show(self, draft: pb.Draft) -> None:
        if self._newest is None or draft.revision > self._newest.revision:
            self._newest = draft
            self._news.set()

    async def stop(self) -> None:
        """Nothing shows after this. What is on its way lands first, or its message might stand for good."""
        self._stopped.set()
        self._news.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=LAST_WORD_SECONDS)
            for task in late:
                task.cancel()

    async def _sign(self) -> None:
        while not self._stopped.is_set():
            if not self._deliveries.closed_for(self._place):
                await _shown(self._presenter.typing())
            await self._pause(self._presenter.typing_interval)

    async def _preview(self) -> None:
        while True:
            await self._news.wait()
            if self._stopped.is_set():
                return
            self._news.clear()
            if self._newest is not None and not self._deliveries.closed_for(self._place):
                await _shown(self._presenter.draft(self._newest))
            await self._pause(self._presenter.draft_interval)

    async def _pause(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stopped.wait()


async def _shown(done: Awaitable[None]) -> None:
    try:
        await done
    except Exception:
        _log.exception("not shown")

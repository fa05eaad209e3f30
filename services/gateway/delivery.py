"""Deliveries: from the assistant to the platform, in order in each chat, and back what became of them."""

import asyncio
import weakref
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from itertools import islice
from typing import NoReturn, Protocol

import grpc
import structlog

from services.errors import NotFound, Unavailable
from services.gateway.backoff import delays
from services.gateway.bring import bring
from services.gateway.client import LONGEST_WAIT, Client, permanent
from services.stubs.assistant.v1 import assistant_pb2 as pb

FIRST_WORD_SECONDS = 30
ACKNOWLEDGE_SECONDS = 10
# Files held in memory at once; the others wait.
MAX_FETCHING = 2
# How often a file is asked for, or handed over, while one of both sides is away.
FETCH_TRIES = 8
# The assistant gives a delivery to somebody else after 30 s without a word.
GOES_ON_SECONDS = 10
# A part's receipt holds up the next part for no longer than this.
PART_SECONDS = 2
# Sends under way at most; above it the Deliver stream is read no further.
MAX_UNDER_WAY = 256
# Of those that stand, so many are known, in case one comes again before the assistant has read that it does.
MAX_REMEMBERED = 4096

# An acknowledgement refused with one of these will never be taken.
_GIVE_UP = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.FAILED_PRECONDITION,
}

_NOT_FETCHED = "I could not take that file in. It may be gone, or too large; please send it again."

_log = structlog.get_logger()

_Chat = tuple[str, str]


# Told which parts stand while the rest is being sent.
Stands = Callable[[Sequence[str]], Awaitable[None]]


# The file that an attachment's reference stands for. Raises NotFound where the platform doesn't hand it over,
# and Unavailable while it is away.
Fetch = Callable[[str], Awaitable[bytes]]


class Sender(Protocol):
    """The platform's side of a delivery."""

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        """Render, split and send; begin after `delivery.sent_message_ids`.

        `stands` is awaited with the ids of all parts that stand as soon as one more does, but for the last.

        Only the result of the returned request is read. Its message ids begin with the ones sent earlier. An
        exception counts as unknown after send.
        """
        ...


class Deliveries:
    """Sends each delivery once in this process, whichever way it came, and acknowledges it.

    In one chat one at a time, in the order in which they came; across chats concurrently.
    """

    def __init__(
        self, client: Client, sender: Sender, fetch: Fetch | None = None, *, not_found: str = _NOT_FETCHED
    ) -> None:
        """`not_found` is what to say of a file of which `fetch` raises NotFound."""
        self._client = client
        self._sender = sender
        self._fetch = fetch
        self._not_found = not_found
        self._fetching = asyncio.Semaphore(MAX_FETCHING)
        self._under_way: dict[str, asyncio.Task[None]] = {}
        self._remembered: dict[str, pb.AcknowledgeRequest] = {}
        self._turns: weakref.WeakValueDictionary[_Chat, asyncio.Lock] = weakref.WeakValueDictionary()
        self._closed_until: dict[_Chat, float] = {}

    async def run(
        self,
        request: pb.DeliverRequest,
        *,
        on_manifest: Callable[[pb.CommandManifest], Awaitable[None]],
        on_cursors: Callable[[pb.Cursors], Awaitable[None]],
    ) -> NoReturn:
        """Keep the standing Deliver call, for ever.

        The callbacks are awaited before the stream is read on, at every connection; an exception out of them
        is logged. Raises SettingsError, NotAllowed or InvalidEvent where the call will never be taken.
        """
        waits = delays(cap=LONGEST_WAIT)
        while True:
            call = self._client.conversation.Deliver(request, metadata=self._client.metadata)
            try:
                async with asyncio.timeout(FIRST_WORD_SECONDS):
                    response = await call.read()
                waits = delays(cap=LONGEST_WAIT)
                while isinstance(response, pb.DeliverResponse):
                    match response.WhichOneof("item"):
                        case "manifest":
                            await _logged("manifest", on_manifest(response.manifest))
                        case "cursors":
                            await _logged("cursors", on_cursors(response.cursors))
                        case "closed_chats":
                            self._close_chats(request.bot_id, response.closed_chats)
                        case "delivery":
                            await self._room()
                            self._start(response.delivery)
                    response = await call.read()
                problem = "ended"
            except TimeoutError:
                problem = "no answer in time"
            except grpc.aio.AioRpcError as error:
                problem = error.code().name
                if for_good := permanent(error):
                    raise for_good from None
            finally:
                call.cancel()
            _log.warning("deliver stream lost", bot=request.bot_id, problem=problem)
            await asyncio.sleep(next(waits))

    async def send(self, delivery: pb.Delivery) -> None:
        """Send and acknowledge one delivery; returns when the assistant has the acknowledgement.

        One that is under way already is joined; one that stands is only acknowledged again; in a closed chat
        it is acknowledged as rate limited, unsent. The caller's cancellation does not stop it.
        """
        await asyncio.shield(self._start(delivery))

    def close_chat(self, place: pb.Place, seconds: float) -> None:
        """The platform wants nothing in this chat for so long."""
        self._closed_until[_chat(place)] = asyncio.get_running_loop().time() + seconds

    def closed_for(self, place: pb.Place) -> float:
        """Seconds until the chat is open again; 0 when it is."""
        until = self._closed_until.get(_chat(place), 0)
        left = until - asyncio.get_running_loop().time()
        if left <= 0:
            self._closed_until.pop(_chat(place), None)
        return max(left, 0)

    def _close_chats(self, bot_id: str, closed: pb.ClosedChats) -> None:
        """What an earlier process was told holds for this one."""
        for chat in closed.chats:
            place = pb.Place(bot_id=bot_id, chat_id=chat.chat_id)
            self.close_chat(place, max(self.closed_for(place), chat.open_after.ToNanoseconds() / 1e9))

    async def finish(self, grace: float = 5) -> None:
        """Wait at most `grace` seconds for what is under way; the rest is cancelled and will come again."""
        if under_way := set(self._under_way.values()):
            _, late = await asyncio.wait(under_way, timeout=grace)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _room(self) -> None:
        while len(self._under_way) >= MAX_UNDER_WAY:
            await asyncio.wait(self._under_way.values(), return_when=asyncio.FIRST_COMPLETED)

    def _start(self, delivery: pb.Delivery) -> asyncio.Task[None]:
        key = delivery.delivery_id
        if key not in self._under_way:
            task = asyncio.create_task(self._send_and_acknowledge(delivery))
            self._under_way[key] = task
            task.add_done_callback(lambda _: self._under_way.pop(key))
        return self._under_way[key]

    async def _send_and_acknowledge(self, delivery: pb.Delivery) -> None:
        outcome = self._remembered.get(delivery.delivery_id)
        if outcome is None:
            async with self._turns.setdefault(_chat(delivery.place), asyncio.Lock()):
                outcome = await self._outcome(delivery)
            outcome.delivery_id = delivery.delivery_id
            outcome.place.CopyFrom(delivery.place)
            self._remember(outcome)
        await self._acknowledge(outcome)

    async def _outcome(self, delivery: pb.Delivery) -> pb.AcknowledgeRequest:
        if seconds := self.closed_for(delivery.place):
            return rate_limited(seconds, delivery.sent_message_ids)
        try:
            if self._fetch is not None and delivery.HasField("fetch"):
                delivery = await self._brought(delivery, self._fetch)
            outcome = await self._sender.send(delivery, partial(self._stands, delivery))
        except Exception:
            _log.exception("send failed", delivery=delivery.delivery_id)
            return pb.AcknowledgeRequest(unknown=pb.UnknownAfterSend(message_ids=delivery.sent_message_ids))
        if outcome.HasField("rate_limited"):
            self.close_chat(delivery.place, outcome.rate_limited.retry_after.ToNanoseconds() / 1e9)
        return outcome

    async def _brought(self, delivery: pb.Delivery, fetch: Fetch) -> pb.Delivery:
        """Bring in the file that it asks for; the delivery that says what came of it."""
        told = pb.Delivery()
        told.CopyFrom(delivery)
        told.ClearField("fetch")
        going_on = asyncio.create_task(self._goes_on(delivery))
        try:
            async with self._fetching:
                told.text = await self._told_of_file(delivery, fetch)
        finally:
            going_on.cancel()
        return told

    async def _told_of_file(self, delivery: pb.Delivery, fetch: Fetch) -> str:
        log = _log.bind(delivery=delivery.delivery_id)
        for delay in islice(delays(), FETCH_TRIES):
            try:
                content = await fetch(delivery.fetch.reference)
                return await bring(self._client, delivery, content)
            except Unavailable as error:
                log.warning("file not brought in yet", problem=str(error))
                await asyncio.sleep(delay)
            except NotFound as error:
                log.warning("file not to be had", problem=str(error))
                return self._not_found
            except Exception as error:
                # Without its words: they may hold the address that the file has.
                log.error("file not brought in", error=type(error).__name__)
                break
        return _NOT_FETCHED

    async def _goes_on(self, delivery: pb.Delivery) -> None:
        while True:
            await asyncio.sleep(GOES_ON_SECONDS)
            await self._stands(delivery, delivery.sent_message_ids)

    async def _stands(self, delivery: pb.Delivery, message_ids: Sequence[str]) -> None:
        """Tell the assistant at once, so that whoever sends the rest begins there. If it's away, we go on."""
        partly = pb.PartlyDelivered(message_ids=message_ids, goes_on=True)
        request = pb.AcknowledgeRequest(delivery_id=delivery.delivery_id, place=delivery.place, partly=partly)
        try:
            await self._client.conversation.Acknowledge(
                request, metadata=self._client.metadata, timeout=PART_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            _log.warning("receipt not taken", delivery=delivery.delivery_id, code=error.code().name)

    def _remember(self, outcome: pb.AcknowledgeRequest) -> None:
        """Keep what stands. Whatever else comes again is to be sent: somebody wants that."""
        if outcome.HasField("delivered"):
            self._remembered[outcome.delivery_id] = outcome
            if len(self._remembered) > MAX_REMEMBERED:
                self._remembered.pop(next(iter(self._remembered)))

    async def _acknowledge(self, outcome: pb.AcknowledgeRequest) -> None:
        log = _log.bind(delivery=outcome.delivery_id, result=outcome.WhichOneof("result"))
        for delay in delays(cap=LONGEST_WAIT):
            try:
                await self._client.conversation.Acknowledge(
                    outcome, metadata=self._client.metadata, timeout=ACKNOWLEDGE_SECONDS
                )
                log.info("delivery acknowledged")
                return
            except grpc.aio.AioRpcError as error:
                if error.code() in _GIVE_UP:
                    log.error("acknowledgement refused", code=error.code().name)
                    return
            await asyncio.sleep(delay)


def rate_limited(seconds: float, message_ids: Iterable[str] = ()) -> pb.AcknowledgeRequest:
    """The outcome where the platform wants nothing more for `seconds`; these parts stand."""
    outcome = pb.AcknowledgeRequest(rate_limited=pb.RateLimited(message_ids=message_ids))
    outcome.rate_limited.retry_after.FromNanoseconds(int(seconds * 1e9))
    return outcome


def _chat(place: pb.Place) -> _Chat:
    return place.bot_id, place.chat_id


async def _logged(what: str, done: Awaitable[None]) -> None:
    try:
        await done
    except Exception:
        _log.exception("callback failed", what=what)

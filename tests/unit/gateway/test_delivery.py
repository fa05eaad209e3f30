import asyncio
from collections.abc import AsyncIterator, Sequence
from itertools import repeat

import grpc
import pytest

from fakes.assistant import Fail, FakeAssistant
from services.errors import InvalidEvent, NotAllowed, NotFound, SettingsError, Unavailable
from services.gateway import delivery as delivery_module
from services.gateway.client import Client, connect
from services.gateway.delivery import Deliveries, Stands, rate_limited
from services.gateway.settings import GatewaySettings
from services.stubs.assistant.v1 import assistant_pb2 as pb

BOT = pb.DeliverRequest(platform=pb.PLATFORM_TERMINAL, bot_id="remi")


def reminder(number: int, chat: str = "ann", sent_message_ids: Sequence[str] = ()) -> pb.Delivery:
    place = pb.Place(platform=pb.PLATFORM_TERMINAL, bot_id="remi", chat_id=chat)
    return pb.Delivery(
        delivery_id=str(number), place=place, text=f"Number {number}", sent_message_ids=sent_message_ids
    )


class Platform:
    """A Sender that records, and sends only while `open` is set."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        self.texts: list[str] = []
        self.begun: list[str] = []
        # The parts that come to stand before the last.
        self.earlier: list[str] = []
        self.open = asyncio.Event()
        self.open.set()
        self.faults: list[pb.AcknowledgeRequest | Exception] = []
        self._news = asyncio.Condition()

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        await self._record(self.begun, delivery)
        for count in range(1, len(self.earlier) + 1):
            await stands(self.earlier[:count])
        await self.open.wait()
        if self.faults:
            fault = self.faults.pop(0)
            if isinstance(fault, Exception):
                raise fault
            return fault
        self.texts.append(delivery.text)
        await self._record(self.sent, delivery)
        ids = [*delivery.sent_message_ids, f"m{delivery.delivery_id}"]
        return pb.AcknowledgeRequest(delivered=pb.Delivered(message_ids=ids))

    async def until_begun(self, count: int) -> None:
        async with asyncio.timeout(5), self._news:
            await self._news.wait_for(lambda: len(self.begun) >= count)

    async def _record(self, records: list[str], delivery: pb.Delivery) -> None:
        async with self._news:
            records.append(delivery.delivery_id)
            self._news.notify_all()


@pytest.fixture
def platform() -> Platform:
    return Platform()


@pytest.fixture
async def deliveries(client: Client, platform: Platform) -> AsyncIterator[Deliveries]:
    deliveries = Deliveries(client, platform)
    yield deliveries
    await deliveries.finish(grace=0)


class Standing:
    """The Deliver loop as a task, with what its callbacks were told."""

    def __init__(self, deliveries: Deliveries) -> None:
        self.heard: list[str] = []
        self.task = asyncio.create_task(
            deliveries.run(BOT, on_manifest=self._manifest, on_cursors=self._cursors)
        )

    async def _manifest(self, manifest: pb.CommandManifest) -> None:
        self.heard += [command.name for command in manifest.commands]

    async def _cursors(self, cursors: pb.Cursors) -> None:
        self.heard += [cursor.message_id for cursor in cursors.cursors]
        raise RuntimeError("a callback that fails harms nobody")


@pytest.fixture
async def standing(assistant: FakeAssistant, deliveries: Deliveries) -> AsyncIterator[Standing]:
    assistant.manifest.commands.add(name="help")
    assistant.cursors.cursors.add(message_id="17")
    standing = Standing(deliveries)
    await assistant.until(lambda: bool(assistant.subscriptions))
    yield standing
    standing.task.cancel()
    await asyncio.gather(standing.task, return_exceptions=True)


def results(assistant: FakeAssistant) -> list[tuple[str, str | None]]:
    return [(one.delivery_id, one.WhichOneof("result")) for one in assistant.acknowledgements]


async def test_manifest_cursors_and_deliveries_arrive(
    assistant: FakeAssistant, platform: Platform, standing: Standing
) -> None:
    assistant.deliver(reminder(1, sent_message_ids=["m0"]))
    await assistant.until(lambda: len(assistant.acknowledgements) == 1)

    assert standing.heard == ["help", "17"]
    assert platform.sent == ["1"]
    [acknowledged] = assistant.acknowledgements
    assert acknowledged.place == reminder(1).place
    assert list(acknowledged.delivered.message_ids) == ["m0", "m1"]


async def test_a_lost_stream_is_opened_again(
    assistant: FakeAssistant, platform: Platform, standing: Standing
) -> None:
    assistant.cut_deliver()
    await assistant.until(lambda: len(assistant.subscriptions) == 2)
    await assistant.hang_up()
    assistant.deliver(reminder(1))
    await assistant.come_back()
    await assistant.until(lambda: len(assistant.acknowledgements) == 1)

    assert platform.sent == ["1"]
    assert standing.heard[-2:] == ["help", "17"]
    assert len(assistant.subscriptions) >= 3


async def test_a_stream_that_says_nothing_is_opened_again(
    assistant: FakeAssistant, deliveries: Deliveries, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "FIRST_WORD_SECONDS", 0.05)
    assistant.silent = True
    standing = Standing(deliveries)
    await assistant.until(lambda: len(assistant.subscriptions) > 1)

    assert not standing.task.done()
    standing.task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await standing.task


@pytest.mark.parametrize(
    ("code", "error"),
    [
        (grpc.StatusCode.PERMISSION_DENIED, NotAllowed),
        (grpc.StatusCode.INVALID_ARGUMENT, InvalidEvent),
        (grpc.StatusCode.UNAUTHENTICATED, SettingsError),
    ],
)
async def test_a_call_that_will_never_be_taken_ends_the_loop(
    assistant: FakeAssistant, standing: Standing, code: grpc.StatusCode, error: type[Exception]
) -> None:
    assistant.cut_deliver(Fail(code))

    with pytest.raises(error):
        await asyncio.wait_for(standing.task, 5)


async def test_one_chat_gets_one_at_a_time_and_others_do_not_wait(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.open.clear()
    sending = [
        asyncio.create_task(deliveries.send(reminder(number, chat)))
        for number, chat in [(1, "ann"), (2, "ann"), (3, "ben")]
    ]
    await platform.until_begun(2)

    assert platform.begun == ["1", "3"]
    platform.open.set()
    await asyncio.wait_for(asyncio.gather(*sending), 5)
    assert platform.begun == ["1", "3", "2"]


async def test_a_delivery_under_way_is_joined_and_one_that_stands_is_only_acknowledged_again(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.open.clear()
    sending = [asyncio.create_task(deliveries.send(reminder(1))) for _ in range(2)]
    await platform.until_begun(1)
    platform.open.set()
    await asyncio.wait_for(asyncio.gather(*sending), 5)
    assert results(assistant) == [("1", "delivered")]

    await deliveries.send(reminder(1))

    assert platform.sent == ["1"]
    assert results(assistant) == [("1", "delivered")] * 2


async def test_what_was_put_aside_and_comes_again_is_sent(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.faults = [pb.AcknowledgeRequest(rejected=pb.Rejected(reason="blocked")), RuntimeError()]
    for _ in range(3):
        await deliveries.send(reminder(1))
    assert results(assistant) == [("1", "rejected"), ("1", "unknown"), ("1", "delivered")]
    assert platform.sent == ["1"]


async def test_the_memory_of_what_stands_is_bounded(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "MAX_REMEMBERED", 1)
    for number in (1, 2, 1):
        await deliveries.send(reminder(number))

    assert platform.sent == ["1", "2", "1"]


async def test_a_chat_that_the_platform_closed_is_left_alone(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.faults = [rate_limited(60, ["m0"])]
    await deliveries.send(reminder(1))
    await deliveries.send(reminder(2, sent_message_ids=["m9"]))
    await deliveries.send(reminder(3, "ben"))

    assert platform.begun == ["1", "3"]
    assert results(assistant) == [("1", "rate_limited"), ("2", "rate_limited"), ("3", "delivered")]
    first, second, _ = assistant.acknowledgements
    assert first.rate_limited.retry_after.seconds == 60
    assert list(first.rate_limited.message_ids) == ["m0"]
    assert 0 < second.rate_limited.retry_after.seconds < 60
    assert list(second.rate_limited.message_ids) == ["m9"]
    assert 0 < deliveries.closed_for(reminder(1).place) <= 60
    assert deliveries.closed_for(reminder(3, "ben").place) == 0

    deliveries.close_chat(reminder(1).place, 0)
    await deliveries.send(reminder(1))
    assert platform.sent == ["3", "1"]


async def test_each_part_is_told_as_soon_as_it_stands_and_an_assistant_that_is_away_holds_up_nothing(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.earlier = ["p1", "p2", "p3"]
    assistant.acknowledge_faults = [Fail(grpc.StatusCode.UNAVAILABLE)]
    await deliveries.send(reminder(1))
    *told, last = assistant.acknowledgements
    assert [list(each.partly.message_ids) for each in told] == [["p1", "p2"], ["p1", "p2", "p3"]]
    assert all(each.partly.goes_on for each in told)
    assert last.WhichOneof("result") == "delivered"


async def test_an_error_in_sending_counts_as_unknown(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.faults = [RuntimeError("what a person said")]

    await deliveries.send(reminder(1, sent_message_ids=["m0"]))

    [acknowledged] = assistant.acknowledgements
    assert list(acknowledged.unknown.message_ids) == ["m0"]


async def test_an_acknowledgement_is_repeated_until_it_is_taken(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    assistant.acknowledge_faults = [Fail(), Fail(grpc.StatusCode.INTERNAL)]

    await asyncio.wait_for(deliveries.send(reminder(1)), 5)

    assert results(assistant) == [("1", "delivered")]
    assert platform.sent == ["1"]


async def test_an_acknowledgement_that_is_refused_for_good_is_given_up(
    assistant: FakeAssistant, deliveries: Deliveries
) -> None:
    assistant.acknowledge_faults = [Fail(grpc.StatusCode.NOT_FOUND)]

    await asyncio.wait_for(deliveries.send(reminder(1)), 5)

    assert assistant.acknowledgements == []


async def test_a_caller_that_is_cancelled_leaves_the_send_running(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.open.clear()
    sending = asyncio.create_task(deliveries.send(reminder(1)))
    await platform.until_begun(1)
    sending.cancel()
    platform.open.set()

    await assistant.until(lambda: results(assistant) == [("1", "delivered")])


async def test_finish_waits_for_what_is_under_way(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.open.clear()
    sending = asyncio.create_task(deliveries.send(reminder(1)))
    await platform.until_begun(1)
    finishing = asyncio.create_task(deliveries.finish())
    platform.open.set()
    await asyncio.wait_for(asyncio.gather(finishing, sending), 5)

    assert results(assistant) == [("1", "delivered")]


async def test_finish_cancels_what_takes_too_long(
    assistant: FakeAssistant, deliveries: Deliveries, platform: Platform
) -> None:
    platform.open.clear()
    sending = asyncio.create_task(deliveries.send(reminder(1)))
    await platform.until_begun(1)
    await asyncio.wait_for(deliveries.finish(grace=0), 5)

    with pytest.raises(asyncio.CancelledError):
        await sending
    assert assistant.acknowledgements == []


async def test_the_stream_is_read_no_further_than_there_is_room(
    assistant: FakeAssistant, platform: Platform, standing: Standing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "MAX_UNDER_WAY", 2)
    platform.open.clear()
    for number in range(6):
        assistant.deliver(reminder(number, chat=str(number)))
    await platform.until_begun(2)
    assert len(platform.begun) == 2
    platform.open.set()

    await assistant.until(lambda: len(assistant.acknowledgements) == 6)
    assert sorted(platform.sent) == [str(number) for number in range(6)]


async def test_the_token_is_sent_with_every_call(assistant: FakeAssistant, platform: Platform) -> None:
    assistant.token = "another"
    knobs = assistant.settings(GatewaySettings)
    async with connect(knobs, "terminal") as client:
        deliveries = Deliveries(client, platform)
        await asyncio.wait_for(deliveries.send(reminder(0)), 5)

    assert results(assistant) == [("0", "delivered")]


FILE = b"a line\n" * 200_000


def wanting(number: int = 1, reference: str = "file-1") -> pb.Delivery:
    delivery = reminder(number)
    delivery.text = "I can't fetch files here yet."
    delivery.fetch.reference = reference
    delivery.fetch.author.user_id = "ann"
    return delivery


class Files:
    """What the platform hands over, by reference; `faults` come first."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.faults: list[Exception] = []

    async def fetch(self, reference: str) -> bytes:
        self.asked.append(reference)
        if self.faults:
            raise self.faults.pop(0)
        return FILE


@pytest.fixture
async def fetching(client: Client, platform: Platform, files: Files) -> AsyncIterator[Deliveries]:
    deliveries = Deliveries(client, platform, files.fetch)
    yield deliveries
    await deliveries.finish(grace=0)


@pytest.fixture
def files() -> Files:
    return Files()


async def test_a_file_that_is_wanted_is_brought_in_and_that_is_told(
    assistant: FakeAssistant, platform: Platform, fetching: Deliveries, files: Files
) -> None:
    await fetching.send(wanting())
    await fetching.send(wanting())
    ((first, content),) = assistant.imports
    assert content == FILE
    assert first.find_later
    assert (first.actor.place.chat_id, first.actor.author.user_id) == ("ann", "ann")
    assert files.asked == ["file-1"]
    assert platform.texts == [f"I have brought in {len(FILE)} bytes."]
    assert results(assistant) == [("1", "delivered")] * 2


async def test_of_a_file_that_is_not_there_a_gateway_says_what_is_right_for_its_people(
    client: Client, platform: Platform, files: Files
) -> None:
    deliveries = Deliveries(client, platform, files.fetch, not_found="There is no such file.")
    files.faults += [NotFound("gone")]
    await deliveries.send(wanting())
    assert platform.texts == ["There is no such file."]


async def test_a_gateway_that_fetches_nothing_says_so(
    assistant: FakeAssistant, platform: Platform, deliveries: Deliveries
) -> None:
    await deliveries.send(wanting())
    assert platform.texts == ["I can't fetch files here yet."]
    assert assistant.imports == []


@pytest.mark.parametrize(
    ("code", "details", "told"),
    [
        (grpc.StatusCode.INVALID_ARGUMENT, "chunk: holds no export", "take that file in: holds no export."),
        (grpc.StatusCode.PERMISSION_DENIED, "only an admin may", "I may not"),
        (grpc.StatusCode.INTERNAL, "oops", "went wrong"),
    ],
)
async def test_a_file_that_is_refused_is_told_and_not_tried_again(
    assistant: FakeAssistant,
    platform: Platform,
    fetching: Deliveries,
    code: grpc.StatusCode,
    details: str,
    told: str,
) -> None:
    assistant.import_faults.append(Fail(code, details))
    await fetching.send(wanting())
    (text,) = platform.texts
    assert told in text
    assert results(assistant) == [("1", "delivered")]


async def test_a_file_that_is_gone_is_told(
    assistant: FakeAssistant, platform: Platform, fetching: Deliveries, files: Files
) -> None:
    files.faults.append(NotFound("the platform has no such file"))
    await fetching.send(wanting())
    (text,) = platform.texts
    assert "send it again" in text
    assert assistant.imports == []


@pytest.fixture
def without_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery_module, "delays", lambda **_: repeat(0.0))


@pytest.mark.usefixtures("without_rest")
async def test_while_the_platform_or_the_assistant_is_away_the_file_waits(
    assistant: FakeAssistant, platform: Platform, fetching: Deliveries, files: Files
) -> None:
    files.faults.append(Unavailable("the platform is away"))
    assistant.import_faults.append(Fail())
    await fetching.send(wanting())
    assert results(assistant) == [("1", "delivered")]
    assert platform.texts == [f"I have brought in {len(FILE)} bytes."]


@pytest.mark.usefixtures("without_rest")
@pytest.mark.parametrize("fault", [Unavailable("the platform is away"), ValueError("unforeseen")])
async def test_what_always_fails_is_told_in_the_end(
    assistant: FakeAssistant, platform: Platform, fetching: Deliveries, files: Files, fault: Exception
) -> None:
    files.faults += [fault] * delivery_module.FETCH_TRIES
    await fetching.send(wanting())
    assert len(files.asked) == (delivery_module.FETCH_TRIES if isinstance(fault, Unavailable) else 1)
    (text,) = platform.texts
    assert "send it again" in text
    assert results(assistant) == [("1", "delivered")]


async def test_while_a_file_is_brought_in_the_delivery_stays_with_this_gateway(
    assistant: FakeAssistant, client: Client, platform: Platform, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivery_module, "GOES_ON_SECONDS", 0)
    there = asyncio.Event()

    async def fetch(_: str) -> bytes:
        await there.wait()
        return FILE

    deliveries = Deliveries(client, platform, fetch)
    sending = asyncio.create_task(deliveries.send(wanting()))
    await assistant.until(lambda: len(assistant.acknowledgements) >= 2)
    assert all(each.partly.goes_on for each in assistant.acknowledgements)
    there.set()
    await sending
    last = assistant.acknowledgements[-1]
    assert last.HasField("delivered")

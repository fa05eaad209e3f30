import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace

import grpc
import pytest

from fakes.assistant import (
    Fail,
    FakeAssistant,
    Hold,
    accepted,
    draft,
    final,
    merged,
    message,
    refused,
)
from services.errors import SettingsError
from services.gateway import flow
from services.gateway.client import Client
from services.gateway.delivery import Deliveries, Stands
from services.gateway.flow import carry
from services.stubs.assistant.v1 import assistant_pb2 as pb


class Screen:
    """Sender and Presenter in one: writes down, in order, all that shows."""

    typing_interval = 0.01
    draft_interval = 0.0

    def __init__(self) -> None:
        self.shown: list[str] = []
        self.typed = asyncio.Event()
        self.drafted = asyncio.Event()
        self.draft_may_end = asyncio.Event()
        self.draft_may_end.set()

    async def send(self, delivery: pb.Delivery, stands: Stands) -> pb.AcknowledgeRequest:
        self.shown.append(f"sent {delivery.text}")
        return pb.AcknowledgeRequest(delivered=pb.Delivered(message_ids=["m1"]))

    async def confirm(self) -> None:
        self.shown.append("confirmed")

    async def tell(self, text: str) -> None:
        self.shown.append(f"told {text}")

    async def typing(self) -> None:
        self.typed.set()
        raise RuntimeError("a sign that fails harms nobody")

    async def draft(self, draft: pb.Draft) -> None:
        self.drafted.set()
        await self.draft_may_end.wait()
        self.shown.append(f"draft {draft.text}")

    async def final(self, delivery: pb.Delivery) -> None:
        self.shown.append("final")

    async def ended(self) -> None:
        self.shown.append("ended")


@pytest.fixture
def screen() -> Screen:
    return Screen()


@pytest.fixture
async def deliveries(client: Client, screen: Screen) -> AsyncIterator[Deliveries]:
    deliveries = Deliveries(client, screen)
    yield deliveries
    await deliveries.finish(grace=0)


async def test_an_event_is_confirmed_answered_and_acknowledged(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    await carry(client, deliveries, message("Hi"), screen)

    assert screen.shown == ["confirmed", "final", "sent You said: Hi"]
    assert [one.WhichOneof("result") for one in assistant.acknowledgements] == ["delivered"]


async def test_nothing_is_confirmed_before_accepted(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    commit = asyncio.Event()
    assistant.answer = lambda request: [Hold(commit), accepted(reply_expected=False)]
    carrying = asyncio.create_task(carry(client, deliveries, message("Hi"), screen))
    await assistant.until(lambda: bool(assistant.requests))

    assert screen.shown == []
    commit.set()
    await asyncio.wait_for(carrying, 5)
    assert screen.shown == ["confirmed", "ended"]
    assert not screen.typed.is_set()


async def test_a_second_accepted_confirms_nothing_again(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    assistant.answer = lambda request: [accepted(), accepted(), final(request, "Hello.")]

    await carry(client, deliveries, message("Hi"), screen)

    assert screen.shown == ["confirmed", "final", "sent Hello."]


async def test_typing_and_drafts_show_until_the_reply_comes(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    first, last = asyncio.Event(), asyncio.Event()
    assistant.answer = lambda request: [
        accepted(),
        Hold(first),
        draft("He"),
        Hold(last),
        final(request, "Hello."),
    ]
    carrying = asyncio.create_task(carry(client, deliveries, message("Hi"), screen))
    await asyncio.wait_for(screen.typed.wait(), 5)
    first.set()
    await asyncio.wait_for(screen.drafted.wait(), 5)
    last.set()
    await asyncio.wait_for(carrying, 5)

    assert screen.shown == ["confirmed", "draft He", "final", "sent Hello."]


async def test_of_drafts_that_pile_up_the_newest_shows_before_the_reply(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    screen.draft_may_end.clear()
    more = asyncio.Event()
    pile = [draft(f"number {revision}", revision) for revision in (2, 4, 3)]
    piled = asyncio.Event()
    assistant.answer = lambda request: [
        accepted(),
        draft("number 1"),
        Hold(more),
        *pile,
        Hold(piled),
        final(request, "Hello."),
    ]
    carrying = asyncio.create_task(carry(client, deliveries, message("Hi"), screen))
    await asyncio.wait_for(screen.drafted.wait(), 5)
    screen.drafted.clear()
    more.set()
    screen.draft_may_end.set()
    await asyncio.wait_for(screen.drafted.wait(), 5)
    piled.set()
    await asyncio.wait_for(carrying, 5)

    drafts = [line for line in screen.shown if line.startswith("draft")]
    assert drafts[0] == "draft number 1"
    assert drafts == sorted(drafts)
    assert screen.shown[-1] == "sent Hello."


async def test_a_draft_on_its_way_lands_before_the_reply(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    screen.draft_may_end.clear()
    drafted = asyncio.Event()
    assistant.answer = lambda request: [accepted(), draft("He"), Hold(drafted), final(request, "Hello.")]
    carrying = asyncio.create_task(carry(client, deliveries, message("Hi"), screen))
    await asyncio.wait_for(screen.drafted.wait(), 5)
    drafted.set()
    screen.draft_may_end.set()
    await asyncio.wait_for(carrying, 5)

    assert screen.shown == ["confirmed", "draft He", "final", "sent Hello."]


async def test_a_draft_that_hangs_does_not_hold_the_reply_for_ever(
    assistant: FakeAssistant,
    client: Client,
    deliveries: Deliveries,
    screen: Screen,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(flow, "LAST_WORD_SECONDS", 0.01)
    screen.draft_may_end.clear()
    drafted = asyncio.Event()
    assistant.answer = lambda request: [accepted(), draft("He"), Hold(drafted), final(request, "Hello.")]
    carrying = asyncio.create_task(carry(client, deliveries, message("Hi"), screen))
    await asyncio.wait_for(screen.drafted.wait(), 5)
    drafted.set()
    await asyncio.wait_for(carrying, 5)

    assert screen.shown == ["confirmed", "final", "sent Hello."]


async def test_nothing_shows_in_a_closed_chat(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    deliveries.close_chat(message("Hi").place, 60)
    assistant.answer = lambda request: [accepted(), draft("He"), final(request, "Hello.")]

    await carry(client, deliveries, message("Hi"), screen)

    assert screen.shown == ["confirmed", "final"]
    assert not screen.typed.is_set()
    assert [one.WhichOneof("result") for one in assistant.acknowledgements] == ["rate_limited"]


async def test_refused_is_confirmed_and_told(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    assistant.answer = lambda request: [refused("Ask for an invitation.")]
    await carry(client, deliveries, message("Hi"), screen)
    assert screen.shown == ["confirmed", "told Ask for an invitation."]

    screen.shown.clear()
    assistant.answer = lambda request: [refused("")]
    await carry(client, deliveries, message("Hi"), screen)
    assert screen.shown == ["confirmed"]


async def test_merged_ends_without_a_reply(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    assistant.answer = lambda request: [accepted(), merged()]

    await carry(client, deliveries, message("Hi"), screen)

    assert screen.shown == ["confirmed", "ended"]


async def test_a_stream_that_breaks_ends_without_a_reply_here(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    assistant.answer = lambda request: [accepted(), Fail(grpc.StatusCode.UNAVAILABLE)]

    await carry(client, deliveries, message("Hi"), screen)

    assert screen.shown == ["confirmed", "ended"]


async def test_an_invalid_event_is_confirmed_and_its_sender_told(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    assistant.answer = lambda request: [Fail(grpc.StatusCode.INVALID_ARGUMENT, "message.text: is too long")]

    await carry(client, deliveries, message("Hi"), screen)

    assert screen.shown == ["confirmed", "told I can't take that: message.text: is too long."]


async def test_nobody_is_told_that_a_key_was_used(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    problem = "idempotency_key: was used with another event"
    assistant.answer = lambda request: [Fail(grpc.StatusCode.INVALID_ARGUMENT, problem)]

    await carry(client, deliveries, message("Hi"), screen)

    assert screen.shown == ["confirmed", "ended"]


async def test_a_denied_event_is_confirmed_in_silence(
    assistant: FakeAssistant, client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    assistant.answer = lambda request: [Fail(grpc.StatusCode.PERMISSION_DENIED)]

    await carry(client, deliveries, message("Hi"), screen)

    assert screen.shown == ["confirmed"]


async def test_with_a_refused_token_nothing_is_confirmed(
    client: Client, deliveries: Deliveries, screen: Screen
) -> None:
    stranger = replace(client, metadata=())

    with pytest.raises(SettingsError):
        await carry(stranger, deliveries, message("Hi"), screen)
    assert screen.shown == []

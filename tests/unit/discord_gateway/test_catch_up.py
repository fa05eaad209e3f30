"""What was said while the bot was away is read from the history, in order, and answered once."""

import asyncio
import hashlib

import discord
import grpc
import pytest

from fakes.assistant import Fail, FakeAssistant, accepted
from fakes.discord import world
from fakes.discord.faults import Failed, Fault, RateLimited, Refused
from fakes.discord.server import FakeDiscord
from fakes.discord.world import Channel, Json, Person
from services.discord import channels, history
from services.stubs.assistant.v1 import assistant_pb2 as pb

from .conftest import Running

HISTORY = "GET /channels/{channel_id}/messages"


@pytest.fixture
def ann(fake: FakeDiscord) -> Person:
    return fake.person("Ann")


@pytest.fixture
def general(fake: FakeDiscord, ann: Person) -> Channel:
    return fake.channel(fake.guild("Lab", [ann]), "general")


@pytest.fixture(autouse=True)
def _no_answers(assistant: FakeAssistant) -> None:
    assistant.answer = lambda _request: [accepted(reply_expected=False)]


@pytest.fixture
def _reconnects_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """discord.py waits 5 s between two sessions, and before it tries an absent gateway again."""

    async def at_once(_client: discord.Client, _shard: int | None, *, initial: bool = False) -> None:
        pass

    monkeypatch.setattr(discord.Client, "before_identify_hook", at_once)
    monkeypatch.setattr("discord.client.ExponentialBackoff.delay", lambda _self: 0.02)


def know(assistant: FakeAssistant, fake: FakeDiscord, channel: Channel, message_id: str) -> None:
    """The assistant's newest message of a channel."""
    chat, thread = (channel.parent, channel) if channel.parent else (channel, None)
    place = pb.Place(
        platform=pb.PLATFORM_DISCORD,
        bot_id=str(fake.bot.id),
        chat_id=str(chat.id),
        thread_id=str(thread.id) if thread else "",
        chat_kind=pb.CHAT_KIND_GROUP if channel.guild else pb.CHAT_KIND_DIRECT,
    )
    assistant.cursors.cursors.add(place=place, message_id=message_id)


def keep(assistant: FakeAssistant, channel: Channel, *messages: Json) -> None:
    """The assistant has these messages as they read now."""
    kept = assistant.kept.setdefault(str(channel.id), pb.ListKeptResponse())
    for message in messages:
        digest = hashlib.sha256(message["content"].encode()).digest()
        kept.messages.add(message_id=message["id"], text_digest=digest)


def texts(assistant: FakeAssistant, channel: Channel) -> list[str]:
    place = str(channel.id)
    return [
        request.message.text
        for request in assistant.requests
        if (request.place.thread_id or request.place.chat_id) == place
    ]


async def test_direct_guild_and_thread_messages_are_picked_up_in_order(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    thread = fake.thread(general, "lunch")
    places = [fake.dm(ann), general, thread]
    for channel in places:
        known = fake.says(ann, "known", channel)
        know(assistant, fake, channel, known["id"])
        for number in range(120):
            fake.says(ann, f"missed {number}", channel)
        fake.says(fake.bot, "own", channel)
    async with running():
        await assistant.until(lambda: len(assistant.requests) == 360)
    for channel in places:
        assert texts(assistant, channel) == [f"missed {number}" for number in range(120)]
    assert len(assistant.turns()) == 360


async def test_a_mention_that_was_missed_is_still_a_mention(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    know(assistant, fake, fake.channel(general.guild, "commands only"), "")  # type: ignore[arg-type]
    know(assistant, fake, general, "1")
    own = fake.says(fake.bot, "Soup.", general)
    fake.says(ann, f"<@&{general.guild.bot_role}> hi", general)  # type: ignore[union-attr]
    fake.says(ann, "thanks", general, reply_to=own)
    fake.says(ann, "just talking", general)
    async with running():
        await assistant.until(lambda: len(assistant.requests) == 3)
    assert [request.addressed for request in assistant.requests] == [True, True, False]


async def test_live_messages_wait_behind_the_missed_and_come_once(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    """The history is closed for a while; what comes live meanwhile stands in it too in the end."""
    known = fake.says(ann, "known", general)
    know(assistant, fake, general, known["id"])
    fake.says(ann, "missed", general)
    fake.fault(HISTORY, Failed(), RateLimited(0.05))
    async with running():
        await fake.until(lambda: bool(fake.requests(HISTORY)))
        fake.says(ann, "live", general)
        fake.gateway.repeat()
        await assistant.until(lambda: len(assistant.requests) == 2)
        fake.says(ann, "last", general)
        await assistant.until(lambda: len(assistant.requests) == 3)
    assert texts(assistant, general) == ["missed", "live", "last"]


async def test_an_unknown_channel_has_no_history(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    fake.says(ann, "long ago", general)
    async with running():
        fake.says(ann, "now", general)
        await assistant.until(lambda: len(assistant.requests) == 1)
    assert texts(assistant, general) == ["now"]
    assert fake.requests(HISTORY) == []


@pytest.mark.parametrize("fault", [Refused(403, 50001), Refused(404, 10003), Refused(400, 50024)])
async def test_a_closed_channel_holds_up_nothing(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running, fault: Fault
) -> None:
    know(assistant, fake, general, "1")
    fake.says(ann, "missed", general)
    fake.fault(HISTORY, fault)
    async with running():
        await fake.until(lambda: bool(fake.requests(HISTORY)))
        fake.says(ann, "live", general)
        await assistant.until(lambda: len(assistant.requests) == 1)
    assert texts(assistant, general) == ["live"]


async def test_the_assistant_decides_what_is_next(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    """The bot goes on where the assistant's cursor stands, over a restart of its own."""
    async with running():
        fake.says(ann, "one")
        await assistant.until(lambda: len(assistant.requests) == 1)
    know(assistant, fake, fake.dm(ann), assistant.requests[0].message.message_id)
    fake.says(ann, "two")
    async with running():
        await assistant.until(lambda: len(assistant.requests) == 2)
        fake.says(ann, "three")
        await assistant.until(lambda: len(assistant.requests) == 3)
    assert texts(assistant, fake.dm(ann)) == ["one", "two", "three"]


async def test_nothing_is_lost_when_the_connection_breaks(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    """Discord keeps the session, and sends what was missed when it is resumed."""
    async with running():
        fake.says(ann, "one")
        await assistant.until(lambda: len(assistant.requests) == 1)
        await fake.drop()
        fake.says(ann, "two")
        await assistant.until(lambda: len(assistant.requests) == 2)
        connections = fake.gateway.connections
        fake.gateway.request_heartbeat()
        fake.gateway.request_reconnect()
        await fake.until(lambda: fake.gateway.connections > connections and fake.gateway.ready)
        fake.says(ann, "three")
        await assistant.until(lambda: len(assistant.requests) == 3)
    assert texts(assistant, fake.dm(ann)) == ["one", "two", "three"]
    assert fake.requests(HISTORY) == []


@pytest.mark.usefixtures("_reconnects_at_once")
async def test_nothing_is_lost_when_the_session_is(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    async with running():
        fake.says(ann, "one")
        fake.says(ann, "one", general)
        await assistant.until(lambda: len(assistant.requests) == 2)
        await fake.goes_away()
        fake.says(ann, "two")
        fake.says(ann, "two", general)
        fake.comes_back()
        await fake.connected()
        fake.says(ann, "three")
        await assistant.until(lambda: len(assistant.requests) == 5)
    assert texts(assistant, fake.dm(ann)) == ["one", "two", "three"]
    assert texts(assistant, general) == ["one", "two"]


async def test_cursors_that_come_again_change_nothing(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    known = fake.says(ann, "known")
    know(assistant, fake, fake.dm(ann), known["id"])
    async with running():
        fake.says(ann, "one")
        await assistant.until(lambda: len(assistant.requests) == 1)
        assistant.cut_deliver()
        await assistant.until(lambda: len(assistant.subscriptions) == 2)
        fake.says(ann, "two")
        await assistant.until(lambda: len(assistant.requests) == 2)
    assert texts(assistant, fake.dm(ann)) == ["one", "two"]


async def test_an_event_waits_for_the_assistant(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    """While the assistant is away nothing goes on; then every event comes, in order."""
    async with running():
        await assistant.hang_up()
        for number in range(3):
            fake.says(ann, str(number))
        await assistant.come_back()
        await assistant.until(lambda: len(assistant.turns()) == 3)
    assert list(dict.fromkeys(texts(assistant, fake.dm(ann)))) == ["0", "1", "2"]


async def test_edits_and_deletions_that_nobody_told_are_found_in_the_history(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    for channel in (fake.dm(ann), general, fake.thread(general, "lunch")):
        same, edited, gone = (fake.says(ann, text, channel) for text in ("same", "old", "gone"))
        newest = fake.says(ann, "newest", channel)
        keep(assistant, channel, same, edited, gone, newest)
        know(assistant, fake, channel, newest["id"])
        fake.edits(edited, "new")
        fake.unfurls(same)
        fake.deletes(gone)
        fake.says(ann, "missed", channel)
        async with running():
            await assistant.until(lambda: len(assistant.requests) == 3)
        edit, deletion, message = assistant.requests
        assert {edit.idempotency_key.rpartition(":")[0], deletion.idempotency_key} == {
            f"discord:{edited['id']}",
            f"discord:{gone['id']}:d",
        }
        assert (edit.edit.message_id, edit.edit.text) == (edited["id"], "new")
        assert list(deletion.deletion.message_ids) == [gone["id"]]
        assert deletion.author.user_id == (str(ann.id) if channel.guild is None else "")
        assert message.message.text == "missed"
        live = f"discord:{edited['id']}:e"
        assert edit.idempotency_key.startswith(live)
        assistant.requests.clear()
        assistant.cursors.Clear()


async def test_names_that_changed_edit_no_message(
    fake: FakeDiscord,
    assistant: FakeAssistant,
    ann: Person,
    general: Channel,
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Live Discord tells what somebody is called in a guild, and in its history it doesn't."""
    member = world.member
    monkeypatch.setattr(world, "member", lambda person, guild: member(person, guild) | {"nick": "Annie"})
    async with running():
        said = fake.says(ann, f"<@{ann.id}> brings tea", general)
        fake.edits(said, f"<@{ann.id}> brings cake")
        await asyncio.sleep(0.005)
        newest = fake.says(ann, "so she does", general)
        await assistant.until(lambda: len(assistant.requests) == 3)
        text = assistant.requests[1].edit.text
    assert text == "@Annie brings cake"
    keep(assistant, general, {**said, "content": text})
    know(assistant, fake, general, newest["id"])
    assistant.requests.clear()
    fake.says(ann, "missed", general)
    async with running():
        await assistant.until(lambda: bool(assistant.requests))
    assert [request.message.text for request in assistant.requests] == ["missed"]


async def test_what_cannot_be_looked_at_is_not_taken_for_deleted(
    fake: FakeDiscord,
    assistant: FakeAssistant,
    ann: Person,
    general: Channel,
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Neither what lies further back than is looked, nor what Discord doesn't show."""
    monkeypatch.setattr(history, "LOOK_BACK", 3)
    look = "GET /channels/{channel_id}/messages/{message_id}"
    far, first, hidden, _, newest = (fake.says(ann, str(number), general) for number in range(5))
    keep(assistant, general, far, first, hidden, newest)
    know(assistant, fake, general, newest["id"])
    fake.deletes(far)
    fake.deletes(hidden)
    fake.says(ann, "missed", general)
    fake.fault(look, Refused(403, 50001))
    async with running():
        await assistant.until(lambda: len(assistant.requests) == 1)
    assert texts(assistant, general) == ["missed"]
    assert [request.path["message_id"] for request in fake.requests(look)] == [hidden["id"]]


async def test_a_thread_that_began_meanwhile_is_read_from_its_beginning(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    older = fake.thread(general, "older")
    fake.says(ann, "long ago", older)
    know(assistant, fake, general, fake.says(ann, "known", general)["id"])
    thread = fake.thread(general, "lunch")
    fake.says(ann, "soup?", thread)
    async with running():
        await assistant.until(lambda: len(assistant.requests) == 1)
        fake.says(ann, "bread?", thread)
        await assistant.until(lambda: len(assistant.requests) == 2)
    assert texts(assistant, thread) == ["soup?", "bread?"]


async def test_the_cursor_moves_over_what_is_no_event(
    fake: FakeDiscord,
    assistant: FakeAssistant,
    ann: Person,
    general: Channel,
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "SEEN_SECONDS", 0.01)
    know(assistant, fake, general, "1")
    missed = fake.says(fake.person("Feed", bot=True), "news", general)
    async with running():
        await assistant.until(lambda: assistant.seen.get(str(general.id)) == missed["id"])
        live = fake.says(fake.person("Feed", bot=True), "more news", general)
        await assistant.until(lambda: assistant.seen.get(str(general.id)) == live["id"])
    assert assistant.requests == []


@pytest.mark.parametrize(
    ("faults", "events"),
    [
        ([Fail()], ["deletion", "message"]),
        # An assistant of an earlier version: then there is nothing to compare with.
        ([Fail(grpc.StatusCode.UNIMPLEMENTED)], ["message"]),
    ],
)
async def test_what_is_kept_is_asked_for_until_the_assistant_answers(
    fake: FakeDiscord,
    assistant: FakeAssistant,
    ann: Person,
    general: Channel,
    running: Running,
    faults: list[Fail],
    events: list[str],
) -> None:
    gone, newest = fake.says(ann, "gone", general), fake.says(ann, "newest", general)
    keep(assistant, general, gone, newest)
    know(assistant, fake, general, newest["id"])
    fake.deletes(gone)
    fake.says(ann, "missed", general)
    assistant.known_faults = faults
    async with running():
        await assistant.until(lambda: len(assistant.requests) == len(events))
    assert [request.WhichOneof("event") for request in assistant.requests] == events


async def test_a_cursor_that_did_not_move_is_told_again(
    fake: FakeDiscord,
    assistant: FakeAssistant,
    ann: Person,
    general: Channel,
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(channels, "SEEN_SECONDS", 0.01)
    know(assistant, fake, general, "1")
    news = fake.says(fake.person("Feed", bot=True), "news", general)
    # The first is that of what is kept.
    assistant.known_faults = [Fail(grpc.StatusCode.UNIMPLEMENTED), Fail(), Fail()]
    async with running():
        await assistant.until(lambda: assistant.seen.get(str(general.id)) == news["id"])
    assert assistant.known_faults == []


@pytest.mark.usefixtures("_reconnects_at_once")
async def test_an_invalid_session_begins_anew_and_catches_up(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    async with running():
        old = fake.says(ann, "one")
        fake.says(ann, "one", general)
        await assistant.until(lambda: len(assistant.requests) == 2)
        keep(assistant, fake.dm(ann), old)
        connections = fake.gateway.connections
        fake.gateway.invalidate()
        fake.says(ann, "two")
        fake.says(ann, "two", general)
        fake.edits(old, "won")
        await fake.until(lambda: fake.gateway.connections > connections and fake.gateway.ready)
        fake.says(ann, "three")
        await assistant.until(lambda: len(assistant.requests) == 6)
    assert texts(assistant, fake.dm(ann)) == ["one", "", "two", "three"]
    assert texts(assistant, general) == ["one", "two"]

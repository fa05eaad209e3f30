"""What becomes of a delivery that Discord takes late, twice, in part or never."""

import socket

import discord
import pytest

from fakes.assistant import FakeAssistant, unheard
from fakes.discord.faults import Banned, Cut, Failed, Fault, Hangs, RateLimited, Refused
from fakes.discord.server import FakeDiscord
from fakes.discord.world import Channel, Person
from services.discord.presenter import UNFINISHED, Openings, make_nonce
from services.discord.send import DiscordSender
from services.stubs.assistant.v1 import assistant_pb2 as pb

from .conftest import Running

CREATE = "POST /channels/{channel_id}/messages"


@pytest.fixture
def ann(fake: FakeDiscord) -> Person:
    return fake.person("Ann")


@pytest.fixture
def general(fake: FakeDiscord, ann: Person) -> Channel:
    return fake.channel(fake.guild("Lab", [ann]), "general")


def delivery(
    fake: FakeDiscord, channel: Channel, text: str = "Time for tea.", **fields: object
) -> pb.Delivery:
    place = pb.Place(
        platform=pb.PLATFORM_DISCORD,
        bot_id=str(fake.bot.id),
        chat_id=str(channel.id),
        chat_kind=pb.CHAT_KIND_GROUP if channel.guild else pb.CHAT_KIND_DIRECT,
    )
    return pb.Delivery(**{"delivery_id": "d1", "place": place, "text": text, **fields})  # type: ignore[arg-type]


async def acknowledged(assistant: FakeAssistant) -> pb.AcknowledgeRequest:
    await assistant.until(lambda: bool(assistant.acknowledgements))
    return assistant.acknowledgements[0]


async def test_a_reminder_is_sent(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running
) -> None:
    async with running():
        assistant.deliver(delivery(fake, general))
        result = await acknowledged(assistant)
    [message] = fake.shown(general)
    assert message["content"] == "Time for tea."
    assert result.delivered.message_ids == [message["id"]]


async def test_the_gateway_says_what_discord_can_do(assistant: FakeAssistant, running: Running) -> None:
    async with running():
        [subscription] = assistant.subscriptions
    assert subscription.capabilities == pb.Capabilities(
        max_length=2000, length_unit=pb.LENGTH_UNIT_CODE_POINT, edits=True, buttons=True, files=True
    )


async def test_what_was_sent_before_is_not_sent_again(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running
) -> None:
    async with running():
        first = fake.says(fake.bot, "x" * 2000, general)
        assistant.deliver(delivery(fake, general, "x" * 2000 + "\n\nend", sent_message_ids=[first["id"]]))
        result = await acknowledged(assistant)
    [_, last] = fake.shown(general)
    assert last["content"] == "end"
    assert result.delivered.message_ids == [first["id"], last["id"]]


@pytest.mark.parametrize(
    "fault",
    [Cut(), Cut(processed=True), Failed(), Failed(processed=True), RateLimited(0.01)],
    ids=["cut before", "cut after", "failed before", "failed after", "limited"],
)
async def test_a_passing_fault_costs_nothing_and_doubles_nothing(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running, fault: Fault
) -> None:
    fake.fault(CREATE, fault)
    async with running():
        assistant.deliver(delivery(fake, general))
        result = await acknowledged(assistant)
    [message] = fake.shown(general)
    assert result.delivered.message_ids == [message["id"]]


async def test_a_lasting_fault_leaves_the_rest_for_later(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running
) -> None:
    async with running():
        first = fake.says(fake.bot, "x" * 2000, general)
        fake.fault(CREATE, Failed(), Cut(), Failed())
        assistant.deliver(delivery(fake, general, "x" * 2000 + "\n\nend", sent_message_ids=[first["id"]]))
        result = await acknowledged(assistant)
    assert result.partly.message_ids == [first["id"]]


async def test_a_chat_closed_for_long_is_rate_limited(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running
) -> None:
    fake.fault(CREATE, RateLimited(90))
    async with running():
        assistant.deliver(delivery(fake, general))
        result = await acknowledged(assistant)
    assert result.rate_limited.retry_after.ToTimedelta().total_seconds() == 90


async def test_an_address_that_discord_bans_waits(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running
) -> None:
    fake.fault(CREATE, Banned())
    async with running():
        assistant.deliver(delivery(fake, general))
        result = await acknowledged(assistant)
    assert result.rate_limited.retry_after.ToTimedelta().total_seconds() == 60


async def test_a_chat_that_threw_the_bot_out_rejects(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    fake.throws_out(general)
    fake.throws_out(fake.dm(ann))
    async with running():
        assistant.deliver(delivery(fake, general))
        assistant.deliver(delivery(fake, fake.dm(ann), delivery_id="d2"))
        await assistant.until(lambda: len(assistant.acknowledgements) == 2)
    reasons = {result.delivery_id: result.rejected.reason for result in assistant.acknowledgements}
    assert reasons == {"d1": "discord:50001", "d2": "discord:50007"}


async def test_what_discord_does_not_take_is_rejected(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running
) -> None:
    too_large = 40005
    fake.fault(CREATE, Refused(413, too_large))
    async with running():
        assistant.deliver(delivery(fake, general, file_name="memory.jsonl", file_content=b"{}"))
        result = await acknowledged(assistant)
    assert result.rejected.reason == "discord:40005"


async def test_a_dead_draft_is_taken_away_before_its_answer_comes(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    """The gateway died while it showed a draft."""
    question = fake.says(ann, "a story", general)
    fake.says(fake.bot, f"Once upon{UNFINISHED}", general, reply_to=question)
    fake.says(fake.bot, "an older answer", general, reply_to=question)
    async with running():
        assistant.deliver(delivery(fake, general, "Once upon a time.", reply_to_message_id=question["id"]))
        await acknowledged(assistant)
    assert [message["content"] for message in fake.shown(general)] == ["an older answer", "Once upon a time."]


async def test_a_draft_that_had_become_the_answer_is_not_doubled(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    """The gateway died between the last edit and its acknowledgement."""
    question = fake.says(ann, "a story", general)
    answer = fake.says(fake.bot, "Once upon a time.", general, reply_to=question)
    async with running():
        assistant.deliver(delivery(fake, general, "Once upon a time.", reply_to_message_id=question["id"]))
        result = await acknowledged(assistant)
    assert result.delivered.message_ids == [answer["id"]]
    assert len(fake.shown(general)) == 1


async def test_a_draft_that_had_become_the_answer_to_several_messages_is_not_doubled(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    """Such an answer names no message that it replies to; its draft replied to the newest."""
    fake.says(ann, "a story", general)
    newest = fake.says(ann, "a short one", general)
    answer = fake.says(fake.bot, "Once upon a time.", general, reply_to=newest)
    async with running():
        assistant.deliver(delivery(fake, general, "Once upon a time."))
        result = await acknowledged(assistant)
    assert result.delivered.message_ids == [answer["id"]]
    assert len(fake.shown(general)) == 1


async def test_a_draft_is_known_by_its_turn_where_history_tells_nonces(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    """Also where talk went on meanwhile."""
    question = fake.says(ann, "a story", general)
    answer = fake.says(fake.bot, "Once upon a time.", general, reply_to=question)
    answer["nonce"] = make_nonce("draft", "t1")
    fake.says(ann, "I wonder which", general)
    async with running():
        assistant.deliver(delivery(fake, general, "Once upon a time.", turn_id="t1"))
        result = await acknowledged(assistant)
    assert result.delivered.message_ids == [answer["id"]]


@pytest.mark.parametrize("nonce", [make_nonce("draft", "t1"), make_nonce("d0", "0"), None])
async def test_an_earlier_answer_in_the_same_words_is_not_this_one(
    fake: FakeDiscord,
    assistant: FakeAssistant,
    ann: Person,
    general: Channel,
    running: Running,
    nonce: str | None,
) -> None:
    said = fake.says(ann, "My dog is called Biscuit.", general)
    earlier = fake.says(fake.bot, "Noted.", general, reply_to=said)
    if nonce is not None:
        earlier["nonce"] = nonce
    fake.says(ann, "My cat is called Pepper.", general)
    fake.says(ann, "She is three.", general)
    async with running():
        assistant.deliver(delivery(fake, general, "Noted.", turn_id="t2"))
        result = await acknowledged(assistant)
    [_, answer] = fake.shown(general)
    assert answer["content"] == "Noted."
    assert result.delivered.message_ids == [answer["id"]]


async def test_a_part_that_a_dead_process_sent_is_found_by_its_nonce_though_discord_forgot_that(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running
) -> None:
    async with running():
        assistant.deliver(delivery(fake, general, "x" * 2000 + "\n\nend"))
        await assistant.until(lambda: len(assistant.acknowledgements) == 2)
    partly, first = assistant.acknowledgements
    assert partly.partly.goes_on
    assert list(partly.partly.message_ids) == first.delivered.message_ids[:1]
    fake.routes.forget_nonces()
    for known in ([], list(first.delivered.message_ids[:1])):
        assistant.acknowledgements.clear()
        async with running():
            assistant.deliver(delivery(fake, general, "x" * 2000 + "\n\nend", sent_message_ids=known))
            result = await acknowledged(assistant)
        assert result.delivered.message_ids == first.delivered.message_ids
    assert len(fake.shown(general)) == 2


async def test_a_reminder_of_the_same_words_is_sent_again(
    fake: FakeDiscord, assistant: FakeAssistant, general: Channel, running: Running
) -> None:
    fake.says(fake.bot, "Time for tea.", general)
    async with running():
        assistant.deliver(delivery(fake, general))
        await acknowledged(assistant)
    assert len(fake.shown(general)) == 2


async def test_a_replaced_answer_that_cannot_be_deleted_is_left(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, general: Channel, running: Running
) -> None:
    own, foreign = fake.says(fake.bot, "old", general), fake.says(ann, "not the bot's", general)
    fake.fault("DELETE /channels/{channel_id}/messages/{message_id}", Refused(403, 50003))
    async with running():
        assistant.deliver(delivery(fake, general, "new", replaces_message_ids=[own["id"], foreign["id"]]))
        result = await acknowledged(assistant)
    assert result.delivered.message_ids == [own["id"]]


async def test_a_hanging_discord_is_given_up(fake: FakeDiscord, general: Channel) -> None:
    discord.http.Route.BASE = fake.base
    fake.fault(CREATE, Hangs(), Hangs(), Hangs())
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login(fake.token)
        result = await DiscordSender(client, Openings(), try_seconds=0.1).send(
            delivery(fake, general), unheard
        )
    assert result.HasField("partly")


async def test_an_unreachable_discord_has_taken_nothing(fake: FakeDiscord, general: Channel) -> None:
    discord.http.Route.BASE = fake.base
    async with discord.Client(intents=discord.Intents.none()) as client:
        await client.login(fake.token)
        with socket.socket() as nobody:
            nobody.bind(("127.0.0.1", 0))
            discord.http.Route.BASE = f"http://127.0.0.1:{nobody.getsockname()[1]}"
            openings = Openings(edits={"d1": None})
            result = await DiscordSender(client, openings).send(delivery(fake, general), unheard)
    assert result.HasField("partly")

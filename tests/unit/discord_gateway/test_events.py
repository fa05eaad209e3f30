"""What each of Discord's events becomes in the contract."""

from collections.abc import Iterable

import pytest

from fakes.assistant import FakeAssistant, Step, accepted
from fakes.discord.server import FakeDiscord
from fakes.discord.world import Person
from services.stubs.assistant.v1 import assistant_pb2 as pb

from .conftest import Running


def taken(_request: pb.ConverseRequest) -> Iterable[Step]:
    return [accepted(reply_expected=False)]


@pytest.fixture(autouse=True)
def _no_answers(assistant: FakeAssistant) -> None:
    assistant.answer = taken


@pytest.fixture
def ann(fake: FakeDiscord) -> Person:
    return fake.person("Ann")


async def requests(assistant: FakeAssistant, n: int = 1) -> list[pb.ConverseRequest]:
    await assistant.until(lambda: len(assistant.requests) >= n)
    return assistant.requests


async def test_a_direct_message(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    async with running():
        said = fake.says(ann, "hello")
        [request] = await requests(assistant)
    assert request.idempotency_key == f"discord:{said['id']}"
    assert request.place == pb.Place(
        platform=pb.PLATFORM_DISCORD,
        bot_id=str(fake.bot.id),
        chat_id=str(fake.dm(ann).id),
        chat_kind=pb.CHAT_KIND_DIRECT,
    )
    assert request.author == pb.Author(user_id=str(ann.id), display_name="Ann", role=pb.CHAT_ROLE_MEMBER)
    assert request.addressed
    assert request.message == pb.MessageEvent(message_id=said["id"], text="hello")
    assert request.sent_at.ToDatetime().isoformat(timespec="milliseconds") in said["timestamp"]


async def test_in_a_guild_the_bot_is_addressed_by_mention_role_or_reply(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    guild = fake.guild("Lab", [ann])
    general = fake.channel(guild, "general")
    async with running():
        fake.says(ann, "just talking", general)
        fake.says(ann, f"{fake.mention()}, what's for lunch?", general)
        fake.says(ann, f"<@&{guild.bot_role}> and you?", general)
        own = fake.says(fake.bot, "Soup.", general)
        fake.says(ann, "thanks", general, reply_to=own)
        found = await requests(assistant, 4)
    assert [request.addressed for request in found] == [False, True, True, True]
    assert [request.message.text for request in found] == [
        "just talking",
        "what's for lunch?",
        "@Remi and you?",
        "thanks",
    ]
    assert found[3].message.reply_to_message_id == own["id"]
    assert not found[3].message.HasField("replied_to")
    assert found[0].place.chat_kind == pb.CHAT_KIND_GROUP
    assert found[0].place.title == "general"


async def test_what_an_addressed_message_replies_to_comes_along(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    bob = fake.person("Bob")
    general = fake.channel(fake.guild("Lab", [ann, bob]), "general")
    async with running():
        earlier = fake.says(bob, "The key is under the mat.", general)
        fake.says(ann, f"{fake.mention()} remember this", general, reply_to=earlier)
        [_, request] = await requests(assistant, 2)
    replied_to = request.message.replied_to
    assert replied_to.message_id == earlier["id"]
    assert replied_to.author.display_name == "Bob"
    assert replied_to.text == "The key is under the mat."
    assert replied_to.sent_at.ToDatetime().isoformat(timespec="milliseconds") in earlier["timestamp"]


async def test_ids_in_a_text_become_names(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    bob = fake.person("Bob")
    general = fake.channel(fake.guild("Lab", [ann, bob]), "general")
    async with running():
        fake.says(ann, f"<@{bob.id}> and {fake.mention()} in <#{general.id}> <:wave:123> <@999>", general)
        fake.says(ann, fake.mention(), general)
        [first, second] = await requests(assistant, 2)
    assert first.message.text == "@Bob and @Remi in #general :wave: <@999>"
    assert second.message.text == "@Remi"


async def test_threads_and_forum_posts_are_threads_of_their_channel(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    guild = fake.guild("Lab", [ann])
    general, ideas = fake.channel(guild, "general"), fake.forum(guild, "ideas")
    async with running():
        thread, post = fake.thread(general, "lunch"), fake.thread(ideas, "a boat")
        unseen = fake.thread(general, "found later", announced=False)
        for place in (thread, post, unseen):
            fake.says(ann, "hi", place)
        found = await requests(assistant, 3)
    by_thread = {request.place.thread_id: request.place for request in found}
    assert by_thread[str(thread.id)].chat_id == str(general.id)
    assert by_thread[str(thread.id)].title == "lunch"
    assert by_thread[str(post.id)].chat_id == str(ideas.id)
    assert by_thread[str(unseen.id)].chat_id == str(general.id)


async def test_a_channel_that_cannot_be_found_is_passed_over(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    general = fake.channel(fake.guild("Lab", [ann]), "general")
    async with running():
        unseen = fake.thread(general, "closed", announced=False)
        fake.throws_out(unseen)
        fake.says(ann, "anybody?", unseen)
        await fake.until(lambda: bool(fake.requests("GET /channels/{channel_id}")))
        fake.says(ann, "hi", general)
        [request] = await requests(assistant)
    assert request.message.text == "hi"


async def test_bots_and_notices_are_left_out(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    other = fake.person("Beep", bot=True)
    general = fake.channel(fake.guild("Lab", [ann, other]), "general")
    joined, pinned = 7, 6
    async with running():
        fake.says(other, f"{fake.mention()} beep", general)
        fake.says(ann, "", general, type=joined)
        fake.says(ann, "", general, type=pinned)
        fake.says(ann, "", general, embeds=[{"type": "rich", "title": "no words"}])
        fake.says(ann, "words", general)
        [request] = await requests(assistant)
    assert request.message.text == "words"


async def test_admins_are_told_apart(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    eve = fake.person("Eve")
    guild = fake.guild("Lab", [ann], admins=[eve])
    general = fake.channel(guild, "general")
    async with running():
        for person in (ann, eve, guild.owner):
            fake.says(person, "hi", general)
        found = await requests(assistant, 3)
    assert [request.author.role for request in found] == [
        pb.CHAT_ROLE_MEMBER,
        pb.CHAT_ROLE_ADMIN,
        pb.CHAT_ROLE_ADMIN,
    ]


async def test_kinds_without_text(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    file = {
        "id": "77",
        "filename": "map.png",
        "size": 12,
        "url": "https://cdn.discordapp.com/map.png",
        "proxy_url": "https://media.discordapp.net/map.png",
        "content_type": "image/png",
    }
    poll = {
        "question": {"text": "Tea?"},
        "answers": [{"answer_id": 1, "poll_media": {"text": "Yes"}}],
        "expiry": "2030-01-01T00:00:00+00:00",
        "allow_multiselect": False,
        "layout_type": 1,
        "results": {"answer_counts": [], "is_finalized": False},
    }
    async with running():
        fake.says(ann, "", sticker_items=[{"id": "5", "name": "cat", "format_type": 1}])
        fake.says(ann, "", poll=poll)
        fake.says(ann, "", embeds=[{"type": "rich", "title": "no words"}])
        said = fake.says(ann, "", attachments=[file])
        found = await requests(assistant, 4)
    assert [request.message.unsupported_kind for request in found] == ["sticker", "poll", "message", ""]
    assert found[3].message.attachments[0] == pb.Attachment(
        reference=f"{fake.dm(ann).id}/{said['id']}/77",
        file_name="map.png",
        media_type="image/png",
        size_bytes=12,
    )


async def test_a_forwarded_message_is_a_quote(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    async with running():
        fake.forwards(ann, fake.says(ann, "one\ntwo"))
        [_, request] = await requests(assistant, 2)
    assert request.message.text == "> one\n> two"


async def test_an_edit_is_one_event_and_a_link_preview_none(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    async with running():
        said = fake.says(ann, "I live in Rome")
        fake.unfurls(said)
        fake.edits(said, "I live in Oslo")
        fake.unfurls(said)
        fake.says(ann, "that's all")
        found = await requests(assistant, 3)
    assert [request.WhichOneof("event") for request in found] == ["message", "edit", "message"]
    edit = found[1]
    assert edit.edit.message_id == said["id"]
    assert edit.edit.text == "I live in Oslo"
    assert edit.idempotency_key == f"discord:{said['id']}:e{edit.edit.edited_at.ToMilliseconds()}"


async def test_deletions(fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running) -> None:
    general = fake.channel(fake.guild("Lab", [ann]), "general")
    async with running():
        one, two = fake.says(ann, "one"), fake.says(ann, "two", general)
        three = fake.says(ann, "three", general)
        await requests(assistant, 3)
        fake.deletes(one)
        await requests(assistant, 4)
        fake.deletes(three, two)
        direct, in_guild = (await requests(assistant, 5))[3:]
    assert direct.deletion.message_ids == [one["id"]]
    assert direct.author.user_id == str(ann.id)
    assert direct.idempotency_key == f"discord:{one['id']}:d"
    assert in_guild.deletion.message_ids == [two["id"], three["id"]]
    assert in_guild.place.chat_id == str(general.id)
    assert not in_guild.addressed


async def test_reactions(fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running) -> None:
    other = fake.person("Beep", bot=True)
    general = fake.channel(fake.guild("Lab", [ann, other]), "general")
    async with running():
        own = fake.says(fake.bot, "Soup.", general)
        fake.reacts(other, own, "🤖")
        fake.reacts(fake.bot, own, "🤖")
        fake.reacts(ann, own, "👍")
        fake.reacts(ann, own, "👍", removed=True)
        [came, went] = await requests(assistant, 2)
    assert came.reaction == pb.ReactionEvent(message_id=own["id"], emoji="👍")
    assert came.addressed
    assert came.author.display_name == "Ann"
    assert went.reaction.removed
    assert went.author.user_id == str(ann.id)
    assert came.idempotency_key != went.idempotency_key


async def test_slash_commands_and_buttons(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    assistant.manifest = pb.CommandManifest(
        commands=[
            pb.CommandDescription(name="remember", description="Keep something in mind", argument="words"),
            pb.CommandDescription(name="stop", description="Stop answering"),
        ]
    )
    general = fake.channel(fake.guild("Lab", [ann]), "general")
    button = {"type": 2, "style": 2, "label": "Yes", "custom_id": "forget:1", "id": 2}
    row = {"type": 1, "id": 1, "components": [button]}
    async with running():
        await fake.until(lambda: len(fake.routes.commands) == 2)
        command = fake.slash(ann, "remember", "I like tea")
        bare = fake.slash(ann, "remember", channel=general)
        stop = fake.slash(ann, "stop")
        asked = fake.says(fake.bot, "Sure?", general, components=[row])
        press = fake.presses(ann, asked, "Yes")
        keys = {f"discord:i{interaction.id}" for interaction in (command, bare, stop, press)}
        await assistant.until(lambda: keys <= assistant.turns())
        await fake.until(lambda: press.answered)
    found = {request.idempotency_key: request for request in assistant.requests}
    said = found[f"discord:i{command.id}"]
    assert said.command == pb.CommandEvent(name="remember", arguments="I like tea")
    assert said.author.language == "en-GB"
    assert said.place.chat_kind == pb.CHAT_KIND_DIRECT
    assert found[f"discord:i{bare.id}"].command == pb.CommandEvent(name="remember")
    assert found[f"discord:i{bare.id}"].addressed
    pressed = found[f"discord:i{press.id}"]
    assert pressed.button == pb.ButtonEvent(action="forget:1", message_id=asked["id"])
    assert found[f"discord:i{stop.id}"].HasField("stop")


async def test_files_that_come_with_commands(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    assistant.manifest.commands.add(name="import", description="Bring it", argument="words", file="file")
    file = fake.file("memory.jsonl", b"{}\n")
    async with running():
        await fake.until(lambda: bool(fake.routes.commands))
        fake.slash(ann, "import", file=file)
        fake.slash(ann, "import", "from the lab", file=file)
        fake.slash(ann, "import", "from the lab")
        found = await requests(assistant, 3)
    attachment = pb.Attachment(
        reference=fake.address(file),
        file_name="memory.jsonl",
        media_type="text/plain; charset=utf-8",
        size_bytes=3,
    )
    assert [request.command for request in found] == [
        pb.CommandEvent(name="import", file=attachment),
        pb.CommandEvent(name="import", arguments="from the lab", file=attachment),
        pb.CommandEvent(name="import", arguments="from the lab"),
    ]


async def test_stop_passes_the_queue(
    fake: FakeDiscord, assistant: FakeAssistant, ann: Person, running: Running
) -> None:
    """The assistant takes no message, so the channel's queue stands; the stop comes through all the same."""
    assistant.manifest.commands.add(name="stop", description="Stop answering")
    assistant.answer = lambda request: taken(request) if request.HasField("stop") else []
    async with running():
        await fake.until(lambda: len(fake.routes.commands) == 1)
        fake.says(ann, "tell me everything")
        await requests(assistant)
        fake.says(ann, "this waits")
        fake.slash(ann, "stop")
        await assistant.until(lambda: any(request.HasField("stop") for request in assistant.requests))
    assert not any(request.message.text == "this waits" for request in assistant.requests)


async def test_an_event_in_an_unknown_form_stops_no_other(
    fake: FakeDiscord,
    assistant: FakeAssistant,
    ann: Person,
    running: Running,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A command of another kind than ours, which the fake's own tables would not let through."""
    assistant.manifest.commands.add(name="remember", description="Keep this", argument="words")
    monkeypatch.setattr("fakes.discord.gateway.event_problem", lambda _name, _value: "")
    async with running():
        await fake.until(lambda: bool(fake.routes.commands))
        fake._interact(2, ann, fake.dm(ann), {"id": "1", "name": "remember", "options": [{"name": "group"}]})
        fake.says(ann, "words")
        [request] = await requests(assistant)
    assert request.message.text == "words"

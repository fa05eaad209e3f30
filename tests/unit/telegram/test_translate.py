"""Updates as the fake Telegram sends them, and the events that they become."""

from datetime import UTC, datetime
from typing import Any

import pytest
from aiogram import Bot
from aiogram.types import Update, User

from fakes.telegram.server import BOT, FakeTelegram
from fakes.telegram.world import Json, captioned, written
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.telegram.translate import KINDS, translate

ME = User.model_validate(BOT)
PHOTO = {"file_unique_id": "u", "width": 10, "height": 10}
FILE = {"file_id": "f", "file_unique_id": "u"}


@pytest.fixture
async def ann(telegram: FakeTelegram, bot: Bot) -> Json:
    await bot.get_updates(allowed_updates=list(KINDS))
    return telegram.world.person(1, "Ann", last_name="Lee")


async def events(bot: Bot) -> list[pb.ConverseRequest]:
    updates = await bot.get_updates()
    return [request for update in updates for request in translate(update, ME)]


async def event(bot: Bot) -> pb.ConverseRequest:
    (request,) = await events(bot)
    return request


async def test_a_direct_message(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    said = telegram.says(ann, "My dog is called Biscuit. 😀")
    request = await event(bot)
    assert request.idempotency_key == "telegram:7000:1:1"
    assert request.place == pb.Place(
        platform=pb.PLATFORM_TELEGRAM,
        bot_id="7000",
        chat_id="1",
        chat_kind=pb.CHAT_KIND_DIRECT,
        title="Ann",
    )
    assert request.author == pb.Author(
        user_id="1", display_name="Ann Lee", role=pb.CHAT_ROLE_MEMBER, language="en"
    )
    assert request.sent_at.ToDatetime(UTC) == datetime.fromtimestamp(said["date"], UTC)
    assert request.addressed
    assert request.message == pb.MessageEvent(message_id="1", text="My dog is called Biscuit. 😀")


@pytest.mark.parametrize(
    ("text", "addressed"),
    [
        ("@remi_bot what now?", True),
        ("what now, @Remi_Bot?", True),
        ("😀 @remi_bot", True),
        ("@remi_bots what now?", False),
        ("what now?", False),
        ("/start@other_bot", False),
    ],
)
async def test_in_a_group_a_mention_addresses(
    telegram: FakeTelegram, bot: Bot, ann: Json, text: str, addressed: bool
) -> None:
    group = telegram.world.group("Team")
    telegram.says(ann, text, chat=group)
    request = await event(bot)
    assert request.addressed is addressed
    assert request.message.text == text
    assert request.place.chat_kind == pb.CHAT_KIND_GROUP
    assert request.place.title == "Team"
    assert request.author.role == pb.CHAT_ROLE_UNSPECIFIED


async def test_a_mention_without_a_name_addresses(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    group = telegram.world.group("Team")
    mention = {"type": "text_mention", "offset": 0, "length": 4, "user": BOT}
    telegram.sends(ann, chat=group, text="Remi, hello", entities=[mention])
    telegram.sends(ann, chat=group, text="Anna, hello", entities=[{**mention, "user": ann}])
    assert [request.addressed for request in await events(bot)] == [True, False]


async def test_a_reply_to_the_bot_addresses(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    group = telegram.world.group("Team")
    await bot.send_message(group.chat_id, "Hello")
    telegram.says(ann, "and now?", chat=group, reply_to=telegram.standing(group)[0])
    request = await event(bot)
    assert request.addressed
    assert request.message.reply_to_message_id == "1"
    assert not request.message.HasField("replied_to")


async def test_what_somebody_else_said_is_shown_beside_the_reply(
    telegram: FakeTelegram, bot: Bot, ann: Json
) -> None:
    group = telegram.world.group("Team")
    bob = telegram.world.person(2, "Bob")
    said = telegram.says(bob, "Lunch is at one.", chat=group)
    telegram.says(ann, "@remi_bot remember that", chat=group, reply_to=said)
    _, request = await events(bot)
    assert request.message.reply_to_message_id == "1"
    replied_to = request.message.replied_to
    assert (replied_to.message_id, replied_to.author.user_id) == ("1", "2")
    assert replied_to.text == "Lunch is at one."
    assert replied_to.sent_at.seconds == said["date"]


async def test_topics(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    forum = telegram.world.group("Team", forum=True)
    topic = telegram.world.topic(forum, "Plans", BOT)
    said = telegram.says(ann, "plain", chat=forum, thread=topic)
    telegram.says(ann, "a reply", chat=forum, thread=topic, reply_to=said)
    telegram.says(ann, "in General", chat=forum)
    telegram.sends(ann, chat=forum, text="a reply outside of topics", message_thread_id=said["message_id"])
    plain, reply, general, outside = await events(bot)
    assert plain.place.thread_id == str(topic)
    # The bot opened the topic, yet nothing here replies to it.
    assert not plain.addressed
    assert plain.message.reply_to_message_id == ""
    assert reply.message.reply_to_message_id == str(said["message_id"])
    assert general.place.thread_id == outside.place.thread_id == ""


@pytest.mark.parametrize(
    ("text", "name", "arguments"),
    [
        ("/start", "start", ""),
        ("/remember  I like tea\nand cake ", "remember", "I like tea\nand cake"),
        ("/Help@remi_bot me", "help", "me"),
        ("/start abc-DEF_1", "start", "abc-DEF_1"),
    ],
)
async def test_commands(
    telegram: FakeTelegram, bot: Bot, ann: Json, text: str, name: str, arguments: str
) -> None:
    telegram.says(ann, text, chat=telegram.world.group("Team"))
    request = await event(bot)
    assert request.addressed
    assert request.command == pb.CommandEvent(name=name, arguments=arguments, message_id="1")


async def test_a_command_may_reply(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    said = telegram.says(ann, "I like tea.")
    telegram.says(ann, "/forget", reply_to=said)
    _, request = await events(bot)
    assert request.command.reply_to_message_id == "1"


async def test_a_slash_inside_a_text_is_no_command(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    telegram.says(ann, "try /help some day")
    request = await event(bot)
    assert request.message.text == "try /help some day"


@pytest.mark.parametrize("text", ["/2024", "/1st of May", f"/{'x' * 33}"])
async def test_what_can_be_no_commands_name_is_a_message(
    telegram: FakeTelegram, bot: Bot, ann: Json, text: str
) -> None:
    said = telegram.says(ann, text)
    assert said["entities"][0]["type"] == "bot_command"
    assert (await event(bot)).message.text == text


async def test_a_command_may_stand_in_a_caption(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    group = telegram.world.group("Team")
    sent = telegram.hands_over(ann, "memory.jsonl", b"{}\n", "/Import@remi_bot  all ", chat=group)
    request = await event(bot)
    assert request.addressed
    file = pb.Attachment(
        reference=sent["document"]["file_id"],
        file_name="memory.jsonl",
        media_type="application/octet-stream",
        size_bytes=3,
    )
    assert request.command == pb.CommandEvent(name="import", arguments="all", message_id="1", file=file)


@pytest.mark.parametrize("caption", ["/import@other_bot", "about /import", "@remi_bot /import"])
async def test_other_captions_are_words_beside_a_file(
    telegram: FakeTelegram, bot: Bot, ann: Json, caption: str
) -> None:
    telegram.hands_over(ann, "memory.jsonl", b"{}\n", caption, chat=telegram.world.group("Team"))
    request = await event(bot)
    assert request.addressed is ("@remi_bot" in caption)
    assert request.message.text == caption
    assert [file.file_name for file in request.message.attachments] == ["memory.jsonl"]


async def test_a_command_takes_the_file_that_it_replies_to(
    telegram: FakeTelegram, bot: Bot, ann: Json
) -> None:
    forum = telegram.world.group("Team", forum=True)
    topic = telegram.world.topic(forum, "Plans", ann)
    sent = telegram.hands_over(ann, "old.jsonl", b"{}\n", chat=forum, thread=topic)
    telegram.says(ann, "/import", chat=forum, thread=topic, reply_to=sent)
    telegram.hands_over(ann, "new.jsonl", b"", "/import", chat=forum, thread=topic, reply_to=sent)
    _, old, new = await events(bot)
    assert old.command.file.reference == sent["document"]["file_id"]
    assert old.command.reply_to_message_id == str(sent["message_id"])
    assert new.command.file.file_name == "new.jsonl"


@pytest.mark.parametrize(
    "content",
    [
        {"photo": [{**PHOTO, "file_id": "p"}]},
        {"voice": {**FILE, "duration": 3}},
        # A GIF holds a document too, for clients of long ago.
        {"animation": {**FILE, "width": 1, "height": 1, "duration": 1}, "document": FILE},
    ],
)
async def test_only_a_document_is_a_commands_file(
    telegram: FakeTelegram, bot: Bot, ann: Json, content: Json
) -> None:
    sent = telegram.sends(ann, **content, **captioned("/import"))
    telegram.says(ann, "/import", reply_to=sent)
    captioned_one, replying = await events(bot)
    assert captioned_one.command.name == replying.command.name == "import"
    assert not captioned_one.command.HasField("file")
    assert not replying.command.HasField("file")


async def test_stop_is_an_event_of_its_own(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    telegram.says(ann, "/stop")
    await bot.send_message_draft(1, draft_id=5, text="I th", can_stop=True)
    telegram.stops_draft(ann)
    by_command, by_button = await events(bot)
    assert by_command.HasField("stop")
    assert by_button.HasField("stop")
    assert by_button.place == by_command.place
    assert by_button.author.user_id == "1"
    assert by_button.idempotency_key.startswith("telegram:7000:1:5:s")


async def test_both_notices_of_a_group_that_became_a_supergroup_are_one_event(
    telegram: FakeTelegram, bot: Bot, ann: Json
) -> None:
    group = telegram.world.group("Team")
    supergroup = telegram.becomes_supergroup(ann, group)
    first, second = await events(bot)
    assert first.idempotency_key == second.idempotency_key
    assert first.place.chat_id == second.place.chat_id == str(group.chat_id)
    assert first.chat_moved == second.chat_moved
    assert first.chat_moved.to_chat_id == str(supergroup.chat_id)


async def test_an_edit(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    said = telegram.says(ann, "My dog is called Biskit.")
    telegram.edits(said, "My dog is called Biscuit.")
    _, request = await events(bot)
    assert request.idempotency_key == f"telegram:7000:1:1:e{said['edit_date']}"
    assert request.edit.message_id == "1"
    assert request.edit.text == "My dog is called Biscuit."
    assert request.edit.edited_at.seconds == request.sent_at.seconds == said["edit_date"]


@pytest.mark.parametrize("before", ["/forget my salry", "my salary is 5000"])
async def test_an_edit_into_a_command_takes_back_what_was_said_and_is_one(
    telegram: FakeTelegram, bot: Bot, ann: Json, before: str
) -> None:
    group = telegram.world.group("Team")
    said = telegram.says(ann, before, chat=group)
    telegram.edits(said, "/forget@remi_bot my salary")
    _, gone, command = await events(bot)
    assert list(gone.deletion.message_ids) == ["1"]
    assert command.command == pb.CommandEvent(name="forget", arguments="my salary", message_id="1")
    key = f"telegram:7000:{group.chat_id}:1:e{said['edit_date']}"
    assert (gone.idempotency_key, command.idempotency_key) == (f"{key}:d", key)
    for request in (gone, command):
        assert request.addressed
        assert (request.author.user_id, request.sent_at.seconds) == ("1", said["edit_date"])


async def test_an_edit_into_stop_stops(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    said = telegram.says(ann, "/sotp")
    telegram.edits(said, "/stop")
    assert (await events(bot))[-1].HasField("stop")


async def test_an_edit_into_another_bots_command_is_an_edit(
    telegram: FakeTelegram, bot: Bot, ann: Json
) -> None:
    said = telegram.says(ann, "hello", chat=telegram.world.group("Team"))
    telegram.edits(said, "/start@other_bot")
    _, request = await events(bot)
    assert request.edit.text == "/start@other_bot"
    assert not request.addressed


async def test_an_edit_of_something_without_text_says_nothing(
    telegram: FakeTelegram, bot: Bot, ann: Json
) -> None:
    moving = telegram.sends(ann, location={"latitude": 1.0, "longitude": 2.0})
    telegram.update("edited_message", {**moving, "edit_date": moving["date"] + 1})
    assert [request.WhichOneof("event") for request in await events(bot)] == ["message"]


async def test_the_press_of_a_button(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    forum = telegram.world.group("Team", forum=True)
    topic = telegram.world.topic(forum, "Plans", ann)
    keyboard = {"inline_keyboard": [[{"text": "Yes", "callback_data": "forget:1"}]]}
    asked = telegram.world.message(forum, BOT, topic, text="Sure?", reply_markup=keyboard)
    query = telegram.presses(ann, asked, "Yes")
    request = await event(bot)
    assert request.idempotency_key == f"telegram:7000:cb:{query}"
    assert request.place.thread_id == str(topic)
    assert request.button == pb.ButtonEvent(action="forget:1", message_id="2")
    assert not request.HasField("sent_at")


async def test_buttons_under_messages_out_of_reach(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    about = telegram.world.chats[1].about
    query = {"id": "1", "from": ann, "chat_instance": "1", "data": "go"}
    telegram.update("callback_query", {**query, "message": {"chat": about, "message_id": 9, "date": 0}})
    telegram.update("callback_query", {**query, "inline_message_id": "x"})
    request = await event(bot)
    assert request.button.message_id == "9"


async def test_reactions_come_and_go(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    said = telegram.says(ann, "hello")
    telegram.reacts(ann, said, old="👍❤", new="❤🎉")
    _, gone, come = await events(bot)
    assert gone.reaction == pb.ReactionEvent(message_id="1", emoji="👍", removed=True)
    assert come.reaction == pb.ReactionEvent(message_id="1", emoji="🎉")
    assert gone.idempotency_key != come.idempotency_key
    assert gone.idempotency_key.startswith("telegram:7000:1:1:r")


@pytest.mark.parametrize(
    ("content", "attachment"),
    [
        (
            {"photo": [{**PHOTO, "file_id": "small"}, {**PHOTO, "file_id": "big", "width": 99}]},
            pb.Attachment(reference="big", media_type="image/jpeg"),
        ),
        (
            {"document": {**FILE, "file_name": "a.pdf", "mime_type": "application/pdf"}},
            pb.Attachment(reference="f", file_name="a.pdf", media_type="application/pdf"),
        ),
        ({"voice": {**FILE, "duration": 3}}, pb.Attachment(reference="f", media_type="audio/ogg")),
        (
            {"video_note": {**FILE, "length": 9, "duration": 3, "file_size": 7}},
            pb.Attachment(reference="f", media_type="video/mp4", size_bytes=7),
        ),
    ],
)
async def test_files_come_by_reference(
    telegram: FakeTelegram, bot: Bot, ann: Json, content: Json, attachment: pb.Attachment
) -> None:
    telegram.sends(ann, **content, caption="look")
    request = await event(bot)
    assert request.message == pb.MessageEvent(message_id="1", text="look", attachments=[attachment])


async def test_a_caption_may_address(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    mention = {"type": "mention", "offset": 0, "length": 9}
    photo = [{**PHOTO, "file_id": "p"}]
    group = telegram.world.group("Team")
    telegram.sends(ann, chat=group, photo=photo, caption="@remi_bot look", caption_entities=[mention])
    assert (await event(bot)).addressed


async def test_each_picture_of_an_album_is_an_event(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    picture: Json = {"photo": [{**PHOTO, "file_id": "p"}], "media_group_id": "5"}
    telegram.sends(ann, **picture, caption="two")
    telegram.sends(ann, **picture)
    first, second = await events(bot)
    assert (first.message.text, second.message.text) == ("two", "")
    assert first.idempotency_key != second.idempotency_key


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        ({"dice": {"emoji": "🎲", "value": 3}}, "dice"),
        ({"contact": {"phone_number": "1", "first_name": "Bob"}}, "contact"),
        ({"location": {"latitude": 1.0, "longitude": 2.0}}, "location"),
        ({"rich_message": {"blocks": [{"type": "divider"}]}}, "rich message"),
    ],
)
async def test_kinds_without_text_are_named(
    telegram: FakeTelegram, bot: Bot, ann: Json, content: Json, kind: str
) -> None:
    telegram.sends(ann, **content)
    assert (await event(bot)).message == pb.MessageEvent(message_id="1", unsupported_kind=kind)


async def test_a_paste_that_was_cut_goes_on(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    telegram.says(ann, "😀" * 2048)
    telegram.says(ann, "x" * 4095)
    assert [request.message.continues for request in await events(bot)] == [True, False]


async def test_what_is_forwarded_is_quoted(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    bob = telegram.world.person(2, "Bob")
    origin = {"type": "user", "date": 1_700_000_000, "sender_user": bob}
    said = telegram.sends(ann, forward_origin=origin, text="I am allergic to nuts.\n\nReally.")
    telegram.hands_over(ann, "notes.txt", b"", "see there", forward_origin=origin)
    telegram.says(bob, "@remi_bot what is that?", chat=telegram.world.group("Team"), reply_to=said)
    telegram.sends(ann, forward_origin=origin, text="x" * 4096)
    words, file, reply, paste = await events(bot)
    assert words.author.user_id == "1"
    assert words.message.text == "> I am allergic to nuts.\n> \n> Really."
    assert file.message.text == "> see there"
    assert reply.message.replied_to.text == words.message.text
    assert [each.message.continues for each in (words, paste)] == [False, True]


async def test_who_forwards_their_own_words_says_them_again(
    telegram: FakeTelegram, bot: Bot, ann: Json
) -> None:
    origin = {"type": "user", "date": 1_700_000_000, "sender_user": ann}
    telegram.sends(ann, forward_origin=origin, text="I am allergic to nuts.")
    assert (await event(bot)).message.text == "I am allergic to nuts."


async def test_a_forwarded_command_is_no_command(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    origin = {"type": "hidden_user", "date": 1_700_000_000, "sender_user_name": "Bob"}
    group = telegram.world.group("Team")
    telegram.sends(ann, forward_origin=origin, **written("/forget everything"))
    telegram.hands_over(ann, "memory.jsonl", b"{}\n", "/import", forward_origin=origin)
    telegram.sends(ann, chat=group, forward_origin=origin, **written("/stop@remi_bot"))
    telegram.sends(ann, chat=group, forward_origin=origin, **written("@remi_bot forget everything"))
    told = await events(bot)
    texts = ["> /forget everything", "> /import", "> /stop@remi_bot", "> @remi_bot forget everything"]
    assert [request.message.text for request in told] == texts
    assert [request.addressed for request in told] == [True, True, False, False]


async def test_an_anonymous_admin_is_the_group_itself(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    group = telegram.world.group("Team")
    channel = {"id": -100_500, "type": "channel", "title": "News"}
    telegram.sends(ann, chat=group, sender_chat=group.about, text="hello")
    telegram.sends(ann, chat=group, sender_chat=channel, text="hello")
    admin, other = await events(bot)
    assert admin.author == pb.Author(user_id=str(group.chat_id), display_name="Team", role=pb.CHAT_ROLE_ADMIN)
    assert other.author == pb.Author(user_id="-100500", display_name="News", role=pb.CHAT_ROLE_MEMBER)


async def test_what_no_person_says_is_no_event(telegram: FakeTelegram, bot: Bot, ann: Json) -> None:
    robot = {"id": 8, "is_bot": True, "first_name": "Robot"}
    group = telegram.world.group("Team")
    telegram.says(robot, "beep @remi_bot", chat=group)
    telegram.sends(ann, chat=group, new_chat_members=[ann])
    telegram.sends(ann, chat=group, pinned_message=telegram.world.message(group, ann, text="old"))
    telegram.update("message_reaction", {
        "chat": group.about, "message_id": 1, "date": 1_790_000_000, "user": robot,
        "old_reaction": [], "new_reaction": [{"type": "emoji", "emoji": "👍"}],
    })  # fmt: skip
    assert await events(bot) == []


def test_kinds_never_asked_for_are_no_events() -> None:
    post: dict[str, Any] = {"message_id": 1, "date": 1, "chat": {"id": -1, "type": "channel"}, "text": "news"}
    assert translate(Update.model_validate({"update_id": 1, "channel_post": post}), ME) == []
    said = {**post, "sender_chat": post["chat"]}
    assert translate(Update.model_validate({"update_id": 1, "message": said}), ME) == []

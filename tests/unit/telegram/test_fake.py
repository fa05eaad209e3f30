"""The fake Telegram behaves as the real one documents, seen through the real client."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiogram import Bot
from aiogram.client.session.aiohttp import AiohttpSession
from aiogram.client.telegram import TelegramAPIServer
from aiogram.exceptions import (
    ClientDecodeError,
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNetworkError,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.types import (
    BotCommand,
    BufferedInputFile,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputRichMessage,
    MessageEntity,
    ReplyParameters,
)
from aiohttp import ClientError, ClientResponseError

from fakes.telegram import faults
from fakes.telegram.checks import Refusal, check_request, check_value
from fakes.telegram.methods import LARGEST_DOWNLOAD
from fakes.telegram.server import FakeTelegram

KEYBOARD = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Yes", callback_data="go")]])


@pytest.fixture
async def telegram() -> AsyncIterator[FakeTelegram]:
    async with FakeTelegram() as server:
        yield server


@pytest.fixture
async def bot(telegram: FakeTelegram) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(telegram.base))
    async with Bot(telegram.token, session=session) as client:
        yield client


async def test_an_update_is_confirmed_only_by_a_higher_offset(telegram: FakeTelegram, bot: Bot) -> None:
    ann = telegram.world.person(1, "Ann")
    telegram.says(ann, "one")
    telegram.says(ann, "two")
    first = await bot.get_updates()
    assert [update.message.text for update in first if update.message] == ["one", "two"]
    assert await bot.get_updates() == first
    again = await bot.get_updates(offset=first[0].update_id + 1)
    assert [update.message.text for update in again if update.message] == ["two"]
    assert not telegram.all_confirmed()
    assert await bot.get_updates(offset=first[1].update_id + 1) == []
    assert telegram.all_confirmed()


async def test_a_long_poll_returns_as_soon_as_there_is_something(telegram: FakeTelegram, bot: Bot) -> None:
    ann = telegram.world.person(1, "Ann")
    poll = asyncio.create_task(bot.get_updates(timeout=60))
    await telegram.until(lambda: bool(telegram.calls("getUpdates")))
    telegram.says(ann, "hello")
    (update,) = await poll
    assert update.message is not None
    assert update.message.text == "hello"


async def test_a_second_poll_ends_the_first(telegram: FakeTelegram, bot: Bot) -> None:
    first = asyncio.create_task(bot.get_updates(timeout=60))
    await telegram.until(lambda: bool(telegram.calls("getUpdates")))
    assert await bot.get_updates() == []
    with pytest.raises(TelegramConflictError):
        await first


async def test_kinds_not_asked_for_never_come(telegram: FakeTelegram, bot: Bot) -> None:
    ann = telegram.world.person(1, "Ann")
    said = telegram.says(ann, "hello")
    telegram.reacts(ann, said, new="👍")
    assert [update.event_type for update in await bot.get_updates()] == ["message"]
    await bot.get_updates(allowed_updates=["message_reaction"])
    telegram.says(ann, "unheard")
    telegram.reacts(ann, said, old="👍")
    assert [update.event_type for update in await bot.get_updates()] == ["message", "message_reaction"]


async def test_all_kinds_of_updates_reach_the_real_client(telegram: FakeTelegram, bot: Bot) -> None:
    await bot.get_updates(
        allowed_updates=["message", "edited_message", "callback_query", "stopped_message_generation"]
    )
    ann = telegram.world.person(1, "Ann")
    forum = telegram.world.group("Team", forum=True, admins=(ann,))
    topic = telegram.world.topic(forum, "Plans", ann)
    said = telegram.says(ann, "/remember@remi_bot tea", chat=forum, thread=topic)
    telegram.edits(said, "@remi_bot coffee")
    sent = await bot.send_message(forum.chat_id, "Sure?", message_thread_id=topic, reply_markup=KEYBOARD)
    query = telegram.presses(ann, telegram.standing(forum)[0], "Yes")
    await bot.send_message_draft(ann["id"], draft_id=5, text="I th", can_stop=True)
    telegram.stops_draft(ann)
    message, edited, pressed, stopped = await bot.get_updates()
    assert message.message is not None
    assert message.message.message_thread_id == topic
    assert [entity.type for entity in message.message.entities or ()] == ["bot_command"]
    assert edited.edited_message is not None
    assert edited.edited_message.text == "@remi_bot coffee"
    assert pressed.callback_query is not None
    assert pressed.callback_query.message == sent
    assert stopped.stopped_message_generation is not None
    assert stopped.stopped_message_generation.draft_id == 5
    assert await bot.answer_callback_query(query)
    assert telegram.answered(query)
    with pytest.raises(TelegramBadRequest, match="query is too old"):
        await bot.answer_callback_query(query)
    assert [admin.user.id for admin in await bot.get_chat_administrators(forum.chat_id)] == [1]
    assert (await bot.get_chat(forum.chat_id)).title == "Team"


async def test_what_is_sent_stands(telegram: FakeTelegram, bot: Bot) -> None:
    ann = telegram.world.person(1, "Ann")
    said = telegram.says(ann, "hello")
    bold = [MessageEntity(type="bold", offset=0, length=2)]
    reply = ReplyParameters(message_id=said["message_id"])
    sent = await bot.send_message(1, "😀!", entities=bold, reply_parameters=reply)
    assert sent.reply_to_message is not None
    await bot.send_document(1, BufferedInputFile(b"data", "notes.txt"))
    await bot.send_rich_message(1, InputRichMessage(html="<h1>Title</h1><p>a &lt; b</p>"))
    await bot.edit_message_text("other", chat_id=1, message_id=sent.message_id)
    text, document, rich = await telegram.sent(ann, 3)
    assert text["text"] == "other"
    assert document["document"]["file_name"] == "notes.txt"
    assert rich["rich_message"]["blocks"][0]["text"] == "Title\na < b"
    assert [call.files for call in telegram.calls("sendDocument")] == [{"document": b"data"}]
    assert await bot.delete_message(1, sent.message_id)
    assert len(telegram.standing(ann)) == 2
    assert await bot.set_my_commands([BotCommand(command="help", description="What I can do")])
    assert (await bot.me()).username == "remi_bot"


async def test_a_file_is_downloaded_from_where_telegram_says(telegram: FakeTelegram, bot: Bot) -> None:
    ann = telegram.world.person(1, "Ann")
    sent = telegram.hands_over(ann, "memory.jsonl", b"{}\n", "/import this")
    telegram.says(ann, "that one", reply_to=sent)
    first, second = await bot.get_updates()
    assert first.message is not None
    assert first.message.caption == "/import this"
    assert [entity.type for entity in first.message.caption_entities or ()] == ["bot_command"]
    assert second.message is not None
    assert second.message.reply_to_message is not None
    document = second.message.reply_to_message.document
    assert document is not None
    assert (document.file_name, document.file_size) == ("memory.jsonl", 3)
    with pytest.raises(ClientResponseError, match="404"):
        await bot.download_file(f"documents/{document.file_id}")
    content = await bot.download(document)
    assert content is not None
    assert content.read() == b"{}\n"


async def test_files_that_telegram_does_not_give(telegram: FakeTelegram, bot: Bot) -> None:
    sent = telegram.hands_over(telegram.world.person(1, "Ann"), "big", b" " * (LARGEST_DOWNLOAD + 1))
    with pytest.raises(TelegramBadRequest, match="file is too big"):
        await bot.get_file(sent["document"]["file_id"])
    with pytest.raises(TelegramBadRequest, match="wrong file_id"):
        await bot.get_file("another")


async def test_faults_of_a_download(telegram: FakeTelegram, bot: Bot) -> None:
    sent = telegram.hands_over(telegram.world.person(1, "Ann"), "memory.jsonl", b"{}\n")
    telegram.fail("download", faults.Broken(), faults.Torn())
    for _ in range(2):
        with pytest.raises(ClientError):
            await bot.download(sent["document"]["file_id"])
    # The client asks once more by itself where a connection that it had kept is dead.
    telegram.fail("download", faults.CUT_BEFORE)
    assert await bot.download(sent["document"]["file_id"]) is not None
    assert len(telegram.calls("download")) == 4


@pytest.mark.parametrize(
    ("refused", "problem"),
    [
        (lambda bot: bot.send_message(2, "hello"), "chat not found"),
        (lambda bot: bot.send_message(1, "x" * 4097), "message is too long"),
        (lambda bot: bot.send_message(1, " "), "message text is empty"),
        (lambda bot: bot.send_message(1, "hello", message_thread_id=9), "message thread not found"),
        (
            lambda bot: bot.send_message(1, "hello", reply_parameters=ReplyParameters(message_id=99)),
            "message to be replied not found",
        ),
        (
            lambda bot: bot.send_message(1, "a", entities=[MessageEntity(type="bold", offset=0, length=2)]),
            "can't parse entities",
        ),
        (lambda bot: bot.edit_message_text("new", chat_id=1, message_id=99), "message to edit not found"),
        (lambda bot: bot.edit_message_text("new", chat_id=1, message_id=1), "message can't be edited"),
        (lambda bot: bot.delete_message(1, 99), "message to delete not found"),
        (lambda bot: bot.send_rich_message(1, InputRichMessage(html="<p>open")), "can't find end tag"),
        (
            lambda bot: bot.send_rich_message(1, InputRichMessage(html="<div>a</div>")),
            "unsupported start tag",
        ),
        (
            lambda bot: bot.send_rich_message(1, InputRichMessage(html="<img src='http://x/'/>")),
            "failed to get",
        ),
        (lambda bot: bot.send_rich_message(1, InputRichMessage(html="a", markdown="a")), "exactly one"),
        (lambda bot: bot.send_rich_message(1, InputRichMessage(html="x" * 32769)), "too long"),
        (lambda bot: bot.send_rich_message(1, InputRichMessage(html="<hr/>" * 501)), "too many blocks"),
        (lambda bot: bot.send_message_draft(1, 0, text="a"), "draft_id"),
        (lambda bot: bot.send_chat_action(1, "dance"), "wrong parameter action"),
        (
            lambda bot: bot.send_message(
                1,
                "a",
                reply_markup=InlineKeyboardMarkup(
                    inline_keyboard=[[InlineKeyboardButton(text="a", callback_data="x" * 65)]]
                ),
            ),
            "callback_data is too long",
        ),
        (
            lambda bot: bot.set_my_commands([BotCommand(command="a", description="b")] * 101),
            "commands is too long",
        ),
    ],
)
async def test_what_telegram_would_refuse(
    telegram: FakeTelegram, bot: Bot, refused: object, problem: str
) -> None:
    telegram.says(telegram.world.person(1, "Ann"), "hello")
    assert callable(refused)
    with pytest.raises(TelegramBadRequest, match=problem):
        await refused(bot)


async def test_an_edit_that_changes_nothing_is_refused(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.world.person(1, "Ann")
    sent = await bot.send_message(1, "same")
    with pytest.raises(TelegramBadRequest, match="message is not modified"):
        await bot.edit_message_text("same", chat_id=1, message_id=sent.message_id)


def test_requests_and_updates_outside_the_tables_are_refused() -> None:
    with pytest.raises(Refusal, match="Not Found"):
        check_request("sendTelepathy", {}, set())
    with pytest.raises(Refusal, match="unknown parameter colour"):
        check_request("sendMessage", {"chat_id": "1", "text": "a", "colour": "red"}, set())
    with pytest.raises(Refusal, match="chat_id is required"):
        check_request("sendMessage", {"text": "a"}, set())
    with pytest.raises(Refusal, match="disable_notification"):
        check_request("sendMessage", {"chat_id": "1", "text": "a", "disable_notification": "yes"}, set())
    with pytest.raises(Refusal, match="not attached"):
        check_request("sendDocument", {"chat_id": "1", "document": "attach://gone"}, set())
    with pytest.raises(Refusal, match=r"unknown field update\.mesage"):
        check_value("update", {"update_id": 1, "mesage": {}}, ["Update"])
    with pytest.raises(Refusal, match=r"update\.message\.date is required"):
        check_value("update", {"update_id": 1, "message": {"message_id": 1}}, ["Update"])


async def test_scripted_faults(telegram: FakeTelegram, bot: Bot) -> None:
    ann = telegram.world.person(1, "Ann")
    forbidden = Refusal(403, "Forbidden: bot was blocked by the user")
    hang = faults.Hang()
    telegram.fail("sendMessage", faults.too_many(7), forbidden, faults.Broken(), faults.CUT_BEFORE, hang)
    with pytest.raises(TelegramRetryAfter) as flood:
        await bot.send_message(1, "a")
    assert flood.value.retry_after == 7
    with pytest.raises(TelegramForbiddenError):
        await bot.send_message(1, "a")
    with pytest.raises(ClientDecodeError):
        await bot.send_message(1, "a")
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(1, "a")
    slow = asyncio.create_task(bot.send_message(1, "late"))
    await telegram.until(lambda: len(telegram.calls("sendMessage")) == 5)
    assert telegram.standing(ann) == []
    hang.until.set()
    await slow
    telegram.fail("sendMessage", faults.CUT_AFTER)
    with pytest.raises(TelegramNetworkError):
        await bot.send_message(1, "unknown")
    assert [message["text"] for message in telegram.standing(ann)] == ["late", "unknown"]


async def test_a_closed_chat_and_a_wrong_token(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.world.person(1, "Ann")
    telegram.world.chats[1].closed = "bot was blocked by the user"
    with pytest.raises(TelegramForbiddenError, match="bot was blocked"):
        await bot.send_message(1, "a")
    telegram.token = "7000:another"
    with pytest.raises(TelegramUnauthorizedError):
        await bot.me()


async def test_redelivery(telegram: FakeTelegram, bot: Bot) -> None:
    telegram.says(telegram.world.person(1, "Ann"), "hello")
    (update,) = await bot.get_updates()
    telegram.redeliver()
    _, again = await bot.get_updates()
    assert again.message == update.message
    assert again.update_id > update.update_id
    await bot.get_updates(offset=again.update_id + 1)
    telegram.forget_confirmations()
    assert len(await bot.get_updates()) == 2

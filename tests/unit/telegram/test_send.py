"""Deliveries as they come to stand in the fake Telegram, and what is acknowledged."""

from collections.abc import Sequence
from typing import Any

import pytest
from aiogram import Bot

from fakes.assistant import unheard
from fakes.telegram import faults
from fakes.telegram.checks import Refusal, bad_request
from fakes.telegram.server import FakeTelegram
from fakes.telegram.world import Json
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.telegram import send as send_module
from services.telegram.pacing import GROUP, Pacer
from services.telegram.send import TelegramSender

YES = pb.ButtonRow(buttons=[pb.Button(label="Yes", action="forget:1")])
UNPARSED = bad_request("can't parse entities")


@pytest.fixture
def ann(telegram: FakeTelegram) -> Json:
    return telegram.world.person(1, "Ann")


@pytest.fixture
def sender(bot: Bot) -> TelegramSender:
    return TelegramSender(bot, Pacer())


def delivery(text: str, chat_id: int = 1, thread: str = "", **fields: Any) -> pb.Delivery:
    kind = pb.CHAT_KIND_GROUP if chat_id < 0 else pb.CHAT_KIND_DIRECT
    place = pb.Place(
        platform=pb.PLATFORM_TELEGRAM,
        bot_id="7000",
        chat_id=str(chat_id),
        thread_id=thread,
        chat_kind=kind,
    )
    return pb.Delivery(delivery_id="d1", place=place, text=text, **fields)


def delivered(result: pb.AcknowledgeRequest) -> list[str]:
    assert result.WhichOneof("result") == "delivered"
    return list(result.delivered.message_ids)


async def test_one_message_without_previews_of_links(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    result = await sender.send(delivery("**Biscuit** https://example.org/"), unheard)
    (stands,) = telegram.standing(ann)
    assert delivered(result) == [str(stands["message_id"])]
    assert stands["text"] == "Biscuit https://example.org/"
    assert stands["entities"] == [{"type": "bold", "offset": 0, "length": 7}]
    (call,) = telegram.calls("sendMessage")
    assert call.parameters["link_preview_options"] == {"is_disabled": True}


async def test_a_reply_stands_in_its_topic_under_its_message(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    forum = telegram.world.group("Team", forum=True)
    topic = telegram.world.topic(forum, "Plans", ann)
    said = telegram.says(ann, "@remi_bot hello", chat=forum, thread=topic)
    asked = str(said["message_id"])
    await sender.send(delivery("Hello", forum.chat_id, str(topic), reply_to_message_id=asked), unheard)
    (stands,) = telegram.standing(forum)
    assert stands["message_thread_id"] == topic
    assert stands["reply_to_message"]["message_id"] == said["message_id"]


async def test_it_is_sent_even_if_what_it_replies_to_is_gone(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    delivered(await sender.send(delivery("Hello", reply_to_message_id="99"), unheard))
    assert "reply_to_message" not in telegram.standing(ann)[0]


async def test_a_long_text_is_cut_with_its_code_whole(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    code = "print('😀')\n" * 150
    text = "word " * 700 + f"\n\n```python\n{code}```\n\nThe end."
    result = await sender.send(delivery(text, reply_to_message_id="99", button_rows=[YES]), unheard)
    first, second = telegram.standing(ann)
    assert len(delivered(result)) == 2
    assert first["text"] == ("word " * 700).strip()
    assert second["text"] == code + "\nThe end."
    assert [entity["type"] for entity in second["entities"]] == ["pre"]
    assert "reply_markup" not in first
    assert second["reply_markup"]["inline_keyboard"] == [[{"text": "Yes", "callback_data": "forget:1"}]]


async def test_tables_come_as_rich_messages(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    await sender.send(delivery("| a | b |\n|---|---|\n| 1 | 2 |", button_rows=[YES]), unheard)
    (stands,) = telegram.standing(ann)
    assert "rich_message" in stands
    assert "reply_markup" in stands
    assert telegram.calls("sendMessage") == []


@pytest.mark.parametrize("refusal", [UNPARSED, Refusal(404, "Not Found")])
async def test_a_refused_form_gives_way_to_the_next(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json, refusal: Refusal
) -> None:
    telegram.fail("sendRichMessage", refusal)
    telegram.fail("sendMessage", UNPARSED)
    delivered(await sender.send(delivery("# Dogs\n\n**Biscuit**"), unheard))
    (stands,) = telegram.standing(ann)
    assert stands["text"] == "# Dogs\n\n**Biscuit**"


async def test_a_file_stands_below_its_text(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    result = await sender.send(
        delivery("Here it is.", file_name="memory.jsonl", file_content=b"{}\n", button_rows=[YES]), unheard
    )
    text, file = telegram.standing(ann)
    assert delivered(result) == [str(text["message_id"]), str(file["message_id"])]
    assert file["document"]["file_name"] == "memory.jsonl"
    assert telegram.calls("sendDocument")[0].files == {"document": b"{}\n"}
    assert "reply_markup" in text


async def test_a_file_alone(telegram: FakeTelegram, sender: TelegramSender, ann: Json) -> None:
    file = delivery("", file_name="a.txt", file_content=b"a", button_rows=[YES], reply_to_message_id="9")
    delivered(await sender.send(file, unheard))
    (stands,) = telegram.standing(ann)
    assert "reply_markup" in stands


async def test_what_stands_already_is_not_sent_again(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    text = "word " * 700 + "\n\n" + "other " * 600
    result = await sender.send(delivery(text, sent_message_ids=["41"]), unheard)
    (stands,) = telegram.standing(ann)
    assert stands["text"] == ("other " * 600).strip()
    assert delivered(result) == ["41", str(stands["message_id"])]


class TestEarlierReplies:
    """Deliveries that take the place of an earlier reply."""

    async def test_it_is_edited_in_place(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json
    ) -> None:
        old = delivered(await sender.send(delivery("Rex", button_rows=[YES]), unheard))
        assert delivered(await sender.send(delivery("**Biscuit**", replaces_message_ids=old), unheard)) == old
        (stands,) = telegram.standing(ann)
        assert stands["text"] == "Biscuit"
        assert "reply_markup" not in stands
        rich = delivery("# Biscuit", replaces_message_ids=old)
        assert delivered(await sender.send(rich, unheard)) == old
        assert "rich_message" in telegram.standing(ann)[0]

    async def test_the_same_again_counts_as_edited(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json
    ) -> None:
        old = delivered(await sender.send(delivery("Rex"), unheard))
        assert delivered(await sender.send(delivery("Rex", replaces_message_ids=old), unheard)) == old
        assert len(telegram.standing(ann)) == 1

    async def test_parts_too_many_are_taken_away(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json
    ) -> None:
        old = delivered(await sender.send(delivery("word " * 700 + "\n\n" + "other " * 600), unheard))
        telegram.fail("deleteMessage", Refusal(500, "Internal Server Error"))
        assert (
            delivered(await sender.send(delivery("Biscuit", replaces_message_ids=[*old, "99"]), unheard))
            == old[:1]
        )
        assert telegram.standing(ann)[0]["text"] == "Biscuit"
        assert len(telegram.calls("deleteMessage")) == 2

    async def test_what_can_not_be_edited_is_sent_anew_and_linked(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json
    ) -> None:
        said = telegram.says(ann, "What is my dog called?")
        asked = str(said["message_id"])
        result = await sender.send(
            delivery("Biscuit", replaces_message_ids=["99"], reply_to_message_id=asked), unheard
        )
        (stands,) = telegram.standing(ann)
        assert delivered(result) == [str(stands["message_id"])]
        assert stands["reply_to_message"]["message_id"] == said["message_id"]

    async def test_a_refused_form_gives_way_to_the_next(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json
    ) -> None:
        old = delivered(await sender.send(delivery("Rex"), unheard))
        telegram.fail("editMessageText", UNPARSED)
        assert delivered(await sender.send(delivery("**Biscuit**", replaces_message_ids=old), unheard)) == old
        assert telegram.standing(ann)[0]["text"] == "**Biscuit**"


class TestFailures:
    """What is acknowledged where Telegram did not take it all."""

    TWO = "word " * 700 + "\n\n" + "other " * 600

    async def test_a_flood_is_passed_on_with_what_stands(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json
    ) -> None:
        telegram.fail("sendMessage", faults.too_many(30))
        result = await sender.send(delivery(self.TWO, sent_message_ids=["41"]), unheard)
        assert result.rate_limited.retry_after.seconds == 30
        assert list(result.rate_limited.message_ids) == ["41"]
        assert telegram.standing(ann) == []

    async def test_each_part_but_the_last_is_told_as_soon_as_it_stands(
        self, sender: TelegramSender, ann: Json
    ) -> None:
        told: list[list[str]] = []

        async def stands(message_ids: Sequence[str]) -> None:
            told.append(list(message_ids))

        ids = delivered(await sender.send(delivery(self.TWO), stands))
        assert told == [ids[:1]]

    async def test_our_own_pace_is_kept_the_same_way(
        self, telegram: FakeTelegram, bot: Bot, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        group = telegram.world.group("Team")
        pacer = Pacer()
        monkeypatch.setattr("services.telegram.pacing.CHAT", (100, 1.0))
        for _ in range(GROUP[0]):
            await pacer.turn(str(group.chat_id))
        result = await TelegramSender(bot, pacer).send(delivery("Hello", group.chat_id), unheard)
        assert 50 < result.rate_limited.retry_after.seconds <= 60
        assert telegram.standing(group) == []

    @pytest.mark.parametrize(
        ("refusal", "reason"),
        [
            (Refusal(403, "Forbidden: bot was blocked by the user"), "TelegramForbiddenError"),
            (bad_request("chat not found"), "TelegramBadRequest"),
            (Refusal(413, "Request Entity Too Large"), "TelegramEntityTooLarge"),
        ],
    )
    async def test_what_telegram_never_takes_is_rejected(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json, refusal: Refusal, reason: str
    ) -> None:
        telegram.fail("sendMessage", refusal, refusal)
        assert (await sender.send(delivery("Hello"), unheard)).rejected.reason == reason

    @pytest.mark.parametrize("fault", [faults.CUT_AFTER, faults.CUT_BEFORE, faults.Broken()])
    async def test_a_connection_that_broke_leaves_it_unknown(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json, fault: faults.Fault
    ) -> None:
        telegram.fail("sendMessage", fault)
        result = await sender.send(delivery(self.TWO, sent_message_ids=["41"]), unheard)
        assert list(result.unknown.message_ids) == ["41"]
        assert len(telegram.calls("sendMessage")) == 1

    async def test_an_error_of_telegrams_own_is_tried_again(
        self, telegram: FakeTelegram, sender: TelegramSender, ann: Json
    ) -> None:
        telegram.fail("sendMessage", Refusal(500, "Internal Server Error"), Refusal(502, "Bad Gateway"))
        delivered(await sender.send(delivery("Hello"), unheard))
        assert len(telegram.standing(ann)) == 1

    async def test_and_at_last_left_for_later(
        self,
        telegram: FakeTelegram,
        sender: TelegramSender,
        ann: Json,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(send_module, "ATTEMPTS", 2)
        telegram.fail("sendMessage", *[Refusal(500, "Internal Server Error")] * 2)
        result = await sender.send(delivery(self.TWO, sent_message_ids=["41"]), unheard)
        assert list(result.partly.message_ids) == ["41"]

    async def test_where_no_connection_comes_about_nothing_was_sent(
        self, telegram: FakeTelegram, sender: TelegramSender, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(send_module, "ATTEMPTS", 1)
        await telegram.__aexit__(None, None, None)
        result = await sender.send(delivery("Hello"), unheard)
        assert result.WhichOneof("result") == "partly"


async def test_a_group_that_became_a_supergroup_is_followed(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    """Its messages are counted anew: the numbers of the old ones are other messages' now."""
    group = telegram.world.group("Team")
    asked = telegram.says(ann, "@remi_bot hello", chat=group)
    old = await sender.send(delivery("Wait", group.chat_id), unheard)
    supergroup = telegram.becomes_supergroup(ann, group)
    result = await sender.send(
        delivery(
            "Hello",
            group.chat_id,
            reply_to_message_id=str(asked["message_id"]),
            replaces_message_ids=delivered(old),
        ),
        unheard,
    )
    (stands,) = telegram.standing(supergroup)
    assert delivered(result) == [str(stands["message_id"])]
    assert (stands["text"], "reply_to_message" in stands) == ("Hello", False)
    assert result.moved_to_chat_id == str(supergroup.chat_id)


async def test_a_chat_that_moves_for_ever_is_given_up(
    telegram: FakeTelegram, sender: TelegramSender, ann: Json
) -> None:
    group = telegram.world.group("Team")
    supergroup = telegram.becomes_supergroup(ann, group)
    supergroup.moved_to = group.chat_id
    result = await sender.send(delivery("Hello", group.chat_id), unheard)
    assert result.rejected.reason == "TelegramMigrateToChat"

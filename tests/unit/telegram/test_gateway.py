"""The whole gateway: a fake Telegram on one side, a scripted assistant on the other."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import grpc
import pytest

from fakes.assistant import (
    Fail,
    FakeAssistant,
    Hold,
    Step,
    accepted,
    draft,
    final,
    merged,
    refused,
)
from fakes.telegram import faults
from fakes.telegram.checks import Refusal, bad_request
from fakes.telegram.server import FakeTelegram
from fakes.telegram.world import Json
from services.errors import SettingsError
from services.gateway.settings import load
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.telegram import present, roles
from services.telegram.__main__ import make_bot, serve
from services.telegram.settings import TelegramSettings

from .conftest import Running


@pytest.fixture
def ann(telegram: FakeTelegram) -> Json:
    return telegram.world.person(1, "Ann")


def texts(messages: list[Json]) -> list[str]:
    return [message["text"] for message in messages]


async def test_a_message_is_answered_and_confirmed(
    telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
) -> None:
    telegram.says(ann, "hello")
    assert texts(await telegram.sent(ann)) == ["You said: hello"]
    await assistant.until(lambda: len(assistant.acknowledgements) == 1)
    (acknowledged,) = assistant.acknowledgements
    assert list(acknowledged.delivered.message_ids) == ["2"]
    await telegram.until(telegram.all_confirmed)
    assert telegram.calls("sendChatAction")


async def test_the_commands_are_registered(
    telegram: FakeTelegram,
    assistant: FakeAssistant,
    running: Callable[[], Running],
) -> None:
    help_line = pb.CommandDescription(name="help", description="What I can do")
    assistant.manifest.commands.append(help_line)
    async with running():
        await telegram.until(lambda: bool(telegram.calls("setMyCommands")))
    (call,) = telegram.calls("setMyCommands")
    assert call.parameters["commands"] == [{"command": "help", "description": "What I can do"}]
    (subscription,) = assistant.subscriptions
    assert subscription.bot_id == "7000"
    assert subscription.capabilities.max_length == 4096
    assert telegram.calls("deleteWebhook")


async def test_a_delivery_without_an_event(
    telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
) -> None:
    place = pb.Place(platform=pb.PLATFORM_TELEGRAM, bot_id="7000", chat_id="1")
    assistant.deliver(pb.Delivery(delivery_id="r1", place=place, text="Time for tea."))
    assert texts(await telegram.sent(ann)) == ["Time for tea."]


def importing(request: pb.ConverseRequest) -> Iterable[Step]:
    """The answer to a command with a file."""
    command = request.command
    if not command.HasField("file"):
        return [accepted(reply_expected=False)]
    wanted = pb.Fetch(reference=command.file.reference, author=request.author)
    return [
        accepted(),
        final(
            request,
            "I can't fetch files here yet.",
            reply_to_message_id=command.message_id,
            fetch=wanted,
        ),
    ]


class TestFiles:
    """A file that the assistant wants is fetched, handed over, and answered with what came of it."""

    async def test_with_its_caption(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        assistant.answer = importing
        sent = telegram.hands_over(ann, "memory.jsonl", b"{}\n", "/import")
        (told,) = await telegram.sent(ann)
        assert told["text"] == "I have brought in 3 bytes."
        assert told["reply_to_message"]["message_id"] == sent["message_id"]
        ((first, content),) = assistant.imports
        assert content == b"{}\n"
        assert first.find_later
        (request,) = assistant.requests
        assert first.actor == pb.Actor(place=request.place, author=request.author)

    async def test_replied_to_in_a_group(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        assistant.answer = importing
        forum = telegram.world.group("Team", forum=True, admins=(ann,))
        topic = telegram.world.topic(forum, "Plans", ann)
        bob = telegram.world.person(2, "Bob")
        sent = telegram.hands_over(bob, "memory.jsonl", b"{}\n", chat=forum, thread=topic)
        asked = telegram.says(ann, "/import", chat=forum, thread=topic, reply_to=sent)
        (told,) = await telegram.sent(forum)
        assert told["text"] == "I have brought in 3 bytes."
        assert told["reply_to_message"]["message_id"] == asked["message_id"]
        ((first, _),) = assistant.imports
        assert (first.actor.place.chat_id, first.actor.place.thread_id) == (str(forum.chat_id), str(topic))
        assert (first.actor.author.user_id, first.actor.author.role) == ("1", pb.CHAT_ROLE_ADMIN)

    async def test_what_telegram_does_not_give_is_told(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        assistant.answer = importing
        telegram.fail("getFile", bad_request("file is too big"))
        telegram.hands_over(ann, "memory.jsonl", b"{}\n", "/import")
        (told,) = await telegram.sent(ann)
        assert "I could not take that file in" in told["text"]
        assert assistant.imports == []


class TestConfirming:
    """An update is confirmed only when the assistant has it."""

    async def test_not_before_accepted(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        committed = asyncio.Event()
        assistant.answer = lambda request: [Hold(committed), accepted(), final(request, "Noted.")]
        telegram.says(ann, "hello")
        await assistant.until(lambda: len(assistant.requests) == 1)
        assert not telegram.all_confirmed()
        committed.set()
        await telegram.until(telegram.all_confirmed)

    async def test_before_the_reply(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        thought = asyncio.Event()
        assistant.answer = lambda request: [accepted(), Hold(thought), final(request, "Noted.")]
        telegram.says(ann, "hello")
        await telegram.until(telegram.all_confirmed)
        assert telegram.standing(ann) == []
        thought.set()
        await telegram.sent(ann)

    async def test_killed_before_accepted_it_comes_again(
        self,
        telegram: FakeTelegram,
        assistant: FakeAssistant,
        running: Callable[[], Running],
        ann: Json,
    ) -> None:
        assistant.answer = lambda request: [Hold(asyncio.Event())]
        async with running():
            telegram.says(ann, "hello")
            await assistant.until(lambda: len(assistant.requests) == 1)
        assert not telegram.all_confirmed()
        assistant.answer = lambda request: [accepted(), final(request, "Noted.")]
        async with running():
            assert texts(await telegram.sent(ann)) == ["Noted."]
            await telegram.until(telegram.all_confirmed)
        assert len(assistant.turns()) == 1

    async def test_killed_between_accepted_and_confirming_it_is_the_same_event(
        self,
        telegram: FakeTelegram,
        assistant: FakeAssistant,
        running: Callable[[], Running],
        ann: Json,
    ) -> None:
        assistant.answer = lambda request: [accepted(reply_expected=False)]
        async with running():
            telegram.fail("getUpdates", faults.Hang())
            polls = len(telegram.calls("getUpdates"))
            telegram.says(ann, "one")
            await telegram.until(lambda: len(telegram.calls("getUpdates")) > polls)
        assert not telegram.all_confirmed()
        async with running():
            await telegram.until(telegram.all_confirmed)
        assert len(assistant.requests) == 2
        assert len(assistant.turns()) == 1

    async def test_while_the_assistant_is_away_everything_waits(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        await assistant.hang_up()
        telegram.says(ann, "one")
        telegram.says(ann, "two")
        polls = len(telegram.calls("getUpdates"))
        await assistant.come_back()
        await telegram.until(telegram.all_confirmed)
        assert [request.message.text for request in assistant.requests] == ["one", "two"]
        assert len(telegram.calls("getUpdates")) <= polls + 2

    async def test_redelivery_gives_the_same_events(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        said = telegram.says(ann, "hello")
        telegram.edits(said, "hello there")
        telegram.says(ann, "/help")
        await telegram.until(telegram.all_confirmed)
        telegram.redeliver()
        await assistant.until(lambda: len(assistant.requests) == 6)
        assert len(assistant.turns()) == 3

    async def test_one_chat_in_order_another_beside_it(
        self, telegram: FakeTelegram, assistant: FakeAssistant, running: Callable[[], Running], ann: Json
    ) -> None:
        bob = telegram.world.person(2, "Bob")
        first_taken = asyncio.Event()

        def script(request: pb.ConverseRequest) -> Iterable[Step]:
            return [Hold(first_taken), accepted()] if request.message.text == "a1" else [accepted()]

        assistant.answer = script
        hang = faults.Hang()
        telegram.fail("getUpdates", hang)
        async with running():
            telegram.says(ann, "a1")
            telegram.says(ann, "a2")
            telegram.says(bob, "b1")
            hang.until.set()
            await assistant.until(lambda: len(assistant.requests) == 2)
            assert {request.message.text for request in assistant.requests} == {"a1", "b1"}
            first_taken.set()
            await assistant.until(lambda: len(assistant.requests) == 3)
            assert assistant.requests[-1].message.text == "a2"

    async def test_stop_passes_a_running_turn(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        stopped = asyncio.Event()

        def script(request: pb.ConverseRequest) -> Iterable[Step]:
            if request.HasField("stop"):
                stopped.set()
                return [accepted(), final(request, "Stopped.")]
            return [accepted(), Hold(stopped)]

        assistant.answer = script
        telegram.says(ann, "Tell me everything.")
        await assistant.until(lambda: len(assistant.requests) == 1)
        telegram.says(ann, "/stop")
        assert texts(await telegram.sent(ann)) == ["Stopped."]

    async def test_an_event_that_can_never_be_served_is_passed(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        assistant.answer = lambda request: [
            Fail(grpc.StatusCode.INVALID_ARGUMENT, "message.text: is longer than 100,000 characters")
        ]
        said = telegram.says(ann, "poison")
        (told,) = await telegram.sent(ann)
        assert "message.text" in told["text"]
        assert told["reply_to_message"]["message_id"] == said["message_id"]
        await telegram.until(telegram.all_confirmed)

    async def test_an_update_newer_than_the_client_library_is_passed(
        self, telegram: FakeTelegram, assistant: FakeAssistant, running: Callable[[], Running], ann: Json
    ) -> None:
        hang = faults.Hang()
        telegram.fail("getUpdates", hang)
        async with running():
            telegram.says(ann, "one")
            telegram.update_from_the_future()
            telegram.says(ann, "two")
            hang.until.set()
            await telegram.until(telegram.all_confirmed)
        assert [request.message.text for request in assistant.requests] == ["one", "two"]

    async def test_an_update_that_breaks_us_is_passed(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        telegram.says(ann, "half a character: \ud83d")
        telegram.says(ann, "two")
        await telegram.until(telegram.all_confirmed)
        assert [request.message.text for request in assistant.requests] == ["two"]


class TestShowing:
    """What shows while the reply is under way."""

    async def test_drafts_with_a_stop_button_in_a_direct_talk(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        seen = asyncio.Event()
        assistant.answer = lambda request: [accepted(), draft("**Bis"), Hold(seen), final(request, "Biscuit")]
        said = telegram.says(ann, "What is my dog called?")
        await telegram.until(lambda: bool(telegram.calls("sendMessageDraft")))
        (call,) = telegram.calls("sendMessageDraft")
        assert call.parameters["text"] == "**Bis"
        assert call.parameters["draft_id"] == said["message_id"]
        assert call.parameters["can_stop"] is True
        telegram.stops_draft(ann)
        await assistant.until(lambda: len(assistant.requests) == 2)
        assert assistant.requests[1].HasField("stop")
        seen.set()
        await telegram.sent(ann)

    async def test_a_preview_in_a_group_becomes_the_reply(
        self,
        telegram: FakeTelegram,
        assistant: FakeAssistant,
        gateway: object,
        ann: Json,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(present, "GROUP_DRAFT_SECONDS", 0.01)
        monkeypatch.setattr("services.telegram.pacing.CHAT", (100, 1.0))
        steps = [asyncio.Event() for _ in range(3)]

        def script(request: pb.ConverseRequest) -> Iterable[Step]:
            yield accepted()
            for number, step in enumerate(steps, 1):
                yield draft("Biscuit" + "!" * number, number)
                yield Hold(step)
            yield final(request, "Biscuit.", reply_to_message_id=request.message.message_id)

        assistant.answer = script
        forum = telegram.world.group("Team", forum=True, admins=(ann,))
        topic = telegram.world.topic(forum, "Dogs", ann)
        said = telegram.says(ann, "@remi_bot my dog?", chat=forum, thread=topic)
        for number, step in enumerate(steps, 1):
            shown = "Biscuit" + "!" * number
            await telegram.until(lambda shown=shown: texts(telegram.standing(forum)) == [shown])  # type: ignore[misc]
            step.set()
        await telegram.until(lambda: texts(telegram.standing(forum)) == ["Biscuit."])
        (stands,) = telegram.standing(forum)
        assert stands["message_thread_id"] == topic
        assert stands["reply_to_message"]["message_id"] == said["message_id"]
        assert telegram.calls("sendMessageDraft") == []
        assert assistant.requests[0].author.role == pb.CHAT_ROLE_ADMIN

    @pytest.mark.parametrize("closed", ["before the reply", "by the reply", "not: it was away"])
    async def test_a_preview_becomes_the_reply_that_was_put_off(
        self,
        telegram: FakeTelegram,
        assistant: FakeAssistant,
        gateway: object,
        ann: Json,
        monkeypatch: pytest.MonkeyPatch,
        closed: str,
    ) -> None:
        monkeypatch.setattr(present, "GROUP_DRAFT_SECONDS", 0.01)
        monkeypatch.setattr("services.telegram.pacing.CHAT", (100, 1.0))
        monkeypatch.setattr("services.telegram.send.ATTEMPTS", 1)
        more, end = asyncio.Event(), asyncio.Event()
        meanwhile: list[Step] = [draft("Bisc", 2), Hold(end)] if closed == "before the reply" else []
        assistant.answer = lambda request: [
            accepted(),
            draft("Bis", 1),
            Hold(more),
            *meanwhile,
            final(request, "Biscuit.", delivery_id="d1"),
        ]
        # Long enough that a slow machine has the Final in it.
        seconds = 3 if meanwhile else 1
        fault = Refusal(500, "Internal Server Error") if "away" in closed else faults.too_many(seconds)
        telegram.fail("editMessageText", fault)
        group = telegram.world.group("Team")
        telegram.says(ann, "@remi_bot my dog?", chat=group)
        (preview,) = await telegram.sent(group)
        more.set()
        await telegram.until(lambda: bool(telegram.calls("editMessageText")))
        end.set()
        await assistant.until(lambda: len(assistant.acknowledgements) == 1)
        assert assistant.acknowledgements[0].WhichOneof("result") in {"rate_limited", "partly"}
        assert texts(telegram.standing(group)) == ["Bis"]
        await asyncio.sleep(seconds + 0.1)
        assistant.deliver(pb.Delivery(delivery_id="d1", place=assistant.requests[0].place, text="Biscuit."))
        await assistant.until(lambda: len(assistant.acknowledgements) == 2)
        assert assistant.acknowledgements[1].delivered.message_ids == [str(preview["message_id"])]
        assert texts(telegram.standing(group)) == ["Biscuit."]

    async def test_a_preview_without_a_reply_is_taken_away(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        newer = asyncio.Event()
        assistant.answer = lambda request: [accepted(), draft("Bis"), Hold(newer), merged()]
        group = telegram.world.group("Team")
        telegram.says(ann, "@remi_bot my dog?", chat=group)
        await telegram.sent(group)
        newer.set()
        await telegram.until(lambda: telegram.standing(group) == [])

    async def test_a_preview_does_not_outlive_the_gateway(
        self, telegram: FakeTelegram, assistant: FakeAssistant, running: Callable[[], Running], ann: Json
    ) -> None:
        assistant.answer = lambda request: [accepted(), draft("Bis"), Hold(asyncio.Event())]
        group = telegram.world.group("Team")
        async with running():
            telegram.says(ann, "@remi_bot my dog?", chat=group)
            await telegram.sent(group)
        assert telegram.standing(group) == []

    async def test_nor_does_telegram_keep_the_gateway_from_ending(
        self, telegram: FakeTelegram, assistant: FakeAssistant, running: Callable[[], Running], ann: Json
    ) -> None:
        assistant.answer = lambda request: [accepted(), draft("Bis"), Hold(asyncio.Event())]
        group = telegram.world.group("Team")
        telegram.fail("deleteMessage", Refusal(500, "Internal Server Error"))
        async with running() as task:
            telegram.says(ann, "@remi_bot my dog?", chat=group)
            await telegram.sent(group)
        assert task.cancelled()

    async def test_an_edited_question_gets_no_preview(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        group = telegram.world.group("Team")
        said = telegram.says(ann, "@remi_bot my cat?", chat=group)
        (old,) = await telegram.sent(group)
        assistant.answer = lambda request: [
            accepted(),
            draft("Bis"),
            final(request, "Biscuit", replaces_message_ids=[str(old["message_id"])]),
        ]
        telegram.edits(said, "@remi_bot my dog?")
        await telegram.until(lambda: texts(telegram.standing(group)) == ["Biscuit"])
        assert len(telegram.calls("sendMessage")) == 1

    async def test_a_flood_closes_the_chat_for_all(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        telegram.fail("sendChatAction", faults.too_many(60))
        reply = asyncio.Event()
        assistant.answer = lambda request: [accepted(), Hold(reply), final(request, "late")]
        telegram.says(ann, "hello")
        await telegram.until(lambda: bool(telegram.calls("sendChatAction")))
        reply.set()
        await assistant.until(lambda: len(assistant.acknowledgements) == 1)
        assert assistant.acknowledgements[0].rate_limited.retry_after.seconds > 50
        assert telegram.standing(ann) == []

    async def test_a_stranger_is_told_once(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        lines = iter([refused("Ask for an invitation."), refused()])
        assistant.answer = lambda request: [next(lines)]
        telegram.says(ann, "hello")
        assert texts(await telegram.sent(ann)) == ["Ask for an invitation."]
        telegram.says(ann, "hello?")
        await telegram.until(telegram.all_confirmed)
        assert len(telegram.standing(ann)) == 1

    async def test_a_button_stops_turning_and_is_an_event(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        row = pb.ButtonRow(buttons=[pb.Button(label="Yes", action="forget:1")])
        assistant.answer = lambda request: [accepted(), final(request, "Sure?", button_rows=[row])]
        telegram.says(ann, "/forget my dog")
        (asked,) = await telegram.sent(ann)
        assistant.answer = lambda request: [
            accepted(),
            final(request, "Forgotten.", replaces_message_ids=[str(asked["message_id"])]),
        ]
        query = telegram.presses(ann, asked, "Yes")
        await telegram.until(lambda: telegram.answered(query))
        await telegram.until(lambda: texts(telegram.standing(ann)) == ["Forgotten."])
        assert assistant.requests[-1].button.action == "forget:1"


class TestRoles:
    """Who is an admin is asked once in a while, and never needed."""

    async def test_asked_once(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        bob = telegram.world.person(2, "Bob")
        group = telegram.world.group("Team", admins=(ann,))
        telegram.says(ann, "one", chat=group)
        telegram.says(bob, "two", chat=group)
        await assistant.until(lambda: len(assistant.requests) == 2)
        told = [request.author.role for request in assistant.requests]
        assert told == [pb.CHAT_ROLE_ADMIN, pb.CHAT_ROLE_MEMBER]
        assert len(telegram.calls("getChatAdministrators")) == 1

    async def test_nobody_is_one_while_telegram_does_not_say(
        self, telegram: FakeTelegram, assistant: FakeAssistant, gateway: object, ann: Json
    ) -> None:
        telegram.fail("getChatAdministrators", Refusal(500, "Internal Server Error"))
        telegram.says(ann, "one", chat=telegram.world.group("Team", admins=(ann,)))
        await assistant.until(lambda: len(assistant.requests) == 1)
        assert assistant.requests[0].author.role == pb.CHAT_ROLE_MEMBER

    async def test_only_so_many_groups_are_remembered(
        self,
        telegram: FakeTelegram,
        assistant: FakeAssistant,
        gateway: object,
        ann: Json,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        monkeypatch.setattr(roles, "MAX_CHATS", 1)
        one, two = telegram.world.group("One"), telegram.world.group("Two")
        for chat in (one, two, one):
            telegram.says(ann, "hello", chat=chat)
        await assistant.until(lambda: len(assistant.requests) == 3)
        assert len(telegram.calls("getChatAdministrators")) == 3


class TestStarting:
    """What stops the start, and what only delays it."""

    async def test_a_token_telegram_does_not_know(
        self, telegram: FakeTelegram, settings: TelegramSettings
    ) -> None:
        telegram.token = "7000:another"
        with pytest.raises(SettingsError, match="TELEGRAM_BOT_TOKEN"):
            await serve(settings)

    def test_no_token(self, tmp_path: Path) -> None:
        environment = {key: value for key, value in os.environ.items() if key != "TELEGRAM_BOT_TOKEN"}
        done = subprocess.run(
            [sys.executable, "-m", "services.telegram"],
            cwd=tmp_path,
            env={**environment, "PYTHONPATH": str(Path.cwd())},
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert done.returncode == 2
        assert done.stderr == "remi telegram: TELEGRAM_BOT_TOKEN: Field required\n"

    async def test_what_is_no_token(self, assistant: FakeAssistant) -> None:
        settings = assistant.settings(TelegramSettings, telegram_bot_token="secret words")
        with pytest.raises(SettingsError, match="TELEGRAM_BOT_TOKEN: not a bot's token"):
            make_bot(settings)

    @pytest.mark.parametrize("base", ["127.0.0.1:8081", "localhost:8081", "ftp://there", "http://"])
    async def test_what_is_no_address(self, monkeypatch: pytest.MonkeyPatch, base: str) -> None:
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", "1:token")
        monkeypatch.setenv("TELEGRAM_API_BASE", base)
        with pytest.raises(SettingsError, match="TELEGRAM_API_BASE: must be an address such as http://"):
            load(TelegramSettings)

    async def test_a_token_the_assistant_does_not_know(
        self, telegram: FakeTelegram, assistant: FakeAssistant, settings: TelegramSettings
    ) -> None:
        assistant.token = "another"
        with pytest.raises(SettingsError, match="REMI_GATEWAY_TOKEN"):
            await serve(settings)

    async def test_a_token_revoked_while_running(
        self, telegram: FakeTelegram, running: Callable[[], Running], settings: TelegramSettings
    ) -> None:
        telegram.fail("getUpdates", Refusal(401, "Unauthorized"))
        with pytest.raises(SettingsError, match="TELEGRAM_BOT_TOKEN"):
            await serve(settings)

    async def test_telegram_away(
        self, telegram: FakeTelegram, running: Callable[[], Running], ann: Json
    ) -> None:
        telegram.fail("getMe", Refusal(500, "Internal Server Error"), faults.CUT_BEFORE, faults.Broken())
        telegram.fail("getUpdates", faults.CUT_BEFORE, faults.too_many(1), faults.Broken())
        async with running():
            telegram.says(ann, "hello")
            assert texts(await telegram.sent(ann)) == ["You said: hello"]

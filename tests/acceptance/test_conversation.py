"""The contract as gateways meet it: a real assistant, real gRPC, real Postgres, the offline models."""

import asyncio
from typing import Any

import grpc
import pytest

from client import PATIENCE, gateway, kinds, next_delivery
from conftest import StartAssistant
from services.assistant.domain import Platform
from services.assistant.store.connection import Store, scoped
from services.stubs.assistant.v1 import assistant_pb2 as pb

ANN = {"allow": frozenset({"telegram:7"})}
GROUP = {"allow": frozenset({"telegram:7", "telegram:-100"})}


async def code_of(call: object) -> grpc.StatusCode:
    with pytest.raises(grpc.aio.AioRpcError) as caught:
        await call  # type: ignore[misc]
    return caught.value.code()


async def test_what_was_said_is_known_later_and_in_a_new_run(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        await telegram.say("My dog is called Biscuit.")
        assert "Biscuit" in await telegram.say("What is my dog called?")
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        await telegram.command("new")
        assert "Biscuit" in await telegram.say("Tell me, what is my dog called?")


async def test_a_stream_is_accepted_then_drafts_then_final(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        stream = await telegram.converse(telegram.request("My dog is called Biscuit.", message_id="m1"))
        assert kinds(stream)[0] == "accepted"
        assert stream[0].accepted.reply_expected
        assert kinds(stream)[-1] == "final"
        assert stream[-1].final.delivery.reply_to_message_id == "m1"


async def test_the_same_event_again_is_the_same_turn(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        asked = telegram.request("My dog is called Biscuit.")
        first = (await telegram.converse(asked, acknowledges=False))[-1].final.delivery
        again = (await telegram.converse(asked, acknowledges=False))[-1].final.delivery
        assert again.delivery_id == first.delivery_id
        await telegram.acknowledge(first, "501", "502")
        replayed = (await telegram.converse(asked, acknowledges=False))[-1].final.delivery
        assert list(replayed.sent_message_ids) == ["501", "502"]
        asked.message.text = "My cat is called Biscuit."
        assert await code_of(telegram.converse(asked)) is grpc.StatusCode.INVALID_ARGUMENT


async def test_strangers_are_refused_and_leave_nothing(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        stream = await telegram.converse(telegram.request("let me in", user="8"))
        assert kinds(stream) == ["refused"]
        assert stream[0].refused.text
        again = await telegram.converse(telegram.request("hello?", user="8"))
        assert again[0].refused.text == ""


async def test_a_token_speaks_for_its_platform_only(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant:
        async with gateway(assistant, token="wrong") as nobody:
            asked = nobody.request("hello")
            assert await code_of(nobody.converse(asked)) is grpc.StatusCode.UNAUTHENTICATED
            deliver = pb.DeliverRequest(platform=pb.PLATFORM_TELEGRAM, bot_id="99")
            call = nobody.conversation.Deliver(deliver, metadata=nobody.metadata, timeout=PATIENCE)
            assert await code_of(call.read()) is grpc.StatusCode.UNAUTHENTICATED
        async with gateway(assistant, Platform.DISCORD) as discord:
            asked.idempotency_key = "telegram:1"
            assert await code_of(discord.converse(asked)) is grpc.StatusCode.PERMISSION_DENIED


async def test_bad_input_is_named_and_the_service_lives_on(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        for text in ("", "a\x00b", "x" * 1_000_000):
            assert (
                await code_of(telegram.converse(telegram.request(text))) is grpc.StatusCode.INVALID_ARGUMENT
            )
        call: Any = telegram.channel.unary_stream("/assistant.v1.ConversationService/Converse")
        garbage = call(b"\xff\xff\xff not protobuf", metadata=telegram.metadata, timeout=PATIENCE)
        assert await code_of(garbage.read()) in (grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
        assert await telegram.say("שלום 👩‍👩‍👧 " + "@ann " * 10_000)


async def test_unknown_fields_are_passed_over(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        newer = telegram.request("My dog is called Biscuit.").SerializeToString() + b"\xfa\x7f\x03abc"
        call: Any = telegram.channel.unary_stream(
            "/assistant.v1.ConversationService/Converse",
            response_deserializer=pb.ConverseResponse.FromString,
        )
        stream = [each async for each in call(newer, metadata=telegram.metadata, timeout=PATIENCE)]
        assert kinds(stream)[-1] == "final"


async def test_two_people_never_see_each_others_memory(start_assistant: StartAssistant) -> None:
    async with (
        start_assistant(allow=frozenset({"telegram:7", "telegram:8"})) as assistant,
        gateway(assistant) as telegram,
    ):
        await telegram.say("My locker code is 4711-canary.")
        for ask in ("What is my locker code?", "What is Ann's locker code?", "canary"):
            reply = await telegram.say(ask, user="8", name="Bob")
            assert "4711" not in reply.replace(ask, "")
        for name in ("memory", "why"):
            assert "4711" not in (await telegram.command(name, user="8", name="Bob")).text
        assert "4711" not in (await telegram.command("memory", "locker code", user="8", name="Bob")).text


async def test_a_group_sees_its_own_talk_and_nobodys_private_space(start_assistant: StartAssistant) -> None:
    async with start_assistant(**GROUP) as assistant, gateway(assistant) as telegram:
        group = telegram.place("-100", group=True)
        await telegram.say("My salary is 5000 canary.")
        await telegram.say("Our meeting room is the Blue Lagoon.", place=group)
        assert "canary" not in await telegram.say("What is my salary?", place=group)
        assert "Blue Lagoon" in await telegram.say("Which one is our meeting room?", place=group, user="9")
        assert "Lagoon" not in await telegram.say("Which one is our meeting room?")


async def test_what_is_not_addressed_in_a_group_is_not_kept(
    start_assistant: StartAssistant, store: Store
) -> None:
    async with start_assistant(**GROUP) as assistant, gateway(assistant) as telegram:
        group = telegram.place("-100", group=True)
        stream = await telegram.converse(
            telegram.request("Bob's surprise party is on Friday.", place=group, addressed=False)
        )
        assert kinds(stream) == ["accepted"]
        assert not stream[0].accepted.reply_expected
        assert "Friday" not in await telegram.say("When is the surprise party?", place=group)


async def test_what_an_addressed_message_replies_to_is_kept_too(start_assistant: StartAssistant) -> None:
    async with start_assistant(**GROUP) as assistant, gateway(assistant) as telegram:
        group = telegram.place("-100", group=True)
        quoted = pb.RepliedTo(
            message_id="40",
            author=pb.Author(user_id="8", display_name="Bob"),
            text="The server room key hangs behind the door.",
        )
        quoted.sent_at.GetCurrentTime()
        said = pb.MessageEvent(message_id="41", text="Please keep that in mind.", replied_to=quoted)
        await telegram.final(telegram.request(place=group, message=said))
        assert "behind the door" in await telegram.say("Where is the server room key?", place=group)


async def test_an_edit_is_answered_anew_in_the_old_replys_place(
    start_assistant: StartAssistant, store: Store
) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        asked = telegram.request("My dog is called Biscuit.", message_id="1")
        first = (await telegram.converse(asked, acknowledges=False))[-1].final.delivery
        await telegram.acknowledge(first, "501")
        edit = pb.EditEvent(message_id="1", text="My dog is called Waffle.")
        changed = telegram.request(edit=edit)
        second = await telegram.final(changed)
        assert (await telegram.converse(changed))[-1].final.delivery.delivery_id == second.delivery_id
        assert list(second.replaces_message_ids) == ["501"]
        reply = await telegram.say("What is my dog called?")
        assert "Waffle" in reply
        assert "Biscuit" not in reply
        space = assistant.remi.door.lately.popitem()[1].space_id
        async with scoped(store, [space]) as connection:
            history = await connection.fetch(
                "SELECT text FROM message WHERE replaced_by IS NOT NULL AND role = 'person'"
            )
        assert [row["text"] for row in history] == ["My dog is called Biscuit."]


async def test_a_deletion_takes_the_message_out_of_memory(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        await telegram.say("My locker code is 4711-canary.", message_id="1")
        deletion = pb.DeletionEvent(message_ids=["1"])
        assert kinds(await telegram.converse(telegram.request(deletion=deletion))) == ["accepted"]
        assert "4711" not in await telegram.say("What is my locker code?")


async def test_remember_forget_why_and_new(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        await telegram.command("remember", "The alarm code of the office is 9921.", message_id="1")
        assert "9921" in await telegram.say("What is the alarm code of the office?")
        assert "9921" in (await telegram.command("why")).text
        assert "9921" in (await telegram.command("memory")).text
        await telegram.command("new")
        asked = await telegram.command("forget", "alarm code")
        assert "9921" in asked.text
        await telegram.press(asked, "Forget")
        assert "9921" not in await telegram.say("What is the alarm code of the office?")
        assert "9921" not in (await telegram.command("memory")).text


async def test_a_reply_nobody_waited_for_comes_by_deliver(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        call = telegram.conversation.Converse(
            telegram.request("My dog is called Biscuit."), metadata=telegram.metadata
        )
        first = await call.read()
        assert isinstance(first, pb.ConverseResponse)
        assert kinds([first]) == ["accepted"]
        call.cancel()
        async with telegram.deliver() as items, asyncio.timeout(60):
            delivery = await next_delivery(items)
            assert delivery.text
            await telegram.acknowledge(delivery)


async def test_cursors_name_the_newest_message_of_each_known_place(start_assistant: StartAssistant) -> None:
    async with (
        start_assistant(allow=frozenset({"discord:7"})) as assistant,
        gateway(assistant, Platform.DISCORD) as discord,
    ):
        await discord.say("one", message_id="1000")
        await discord.say("two", message_id="999")
        async with discord.deliver() as items, asyncio.timeout(PATIENCE):
            await items.get()
            (cursor,) = (await items.get()).cursors.cursors
        assert (cursor.place.chat_id, cursor.message_id) == ("7", "1000")


async def test_what_the_platform_could_not_take_comes_again_from_the_first_unsent_part(
    start_assistant: StartAssistant,
) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        asked = telegram.request("My dog is called Biscuit.")
        delivery = (await telegram.converse(asked, acknowledges=False))[-1].final.delivery
        limited = pb.RateLimited(message_ids=["501"])
        await telegram.acknowledge(delivery, rate_limited=limited)
        async with telegram.deliver() as items, asyncio.timeout(PATIENCE):
            again = await next_delivery(items)
        assert again.delivery_id == delivery.delivery_id
        assert list(again.sent_message_ids) == ["501"]
        await telegram.acknowledge(again, rejected=pb.Rejected(reason="403"))
        foreign = pb.Delivery(delivery_id="0" * 64, place=again.place)
        assert await code_of(telegram.acknowledge(foreign)) is grpc.StatusCode.NOT_FOUND


async def test_a_limit_ends_the_days_answers_and_keeps_what_is_said(
    start_assistant: StartAssistant, store: Store
) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        await telegram.say("My dog is called Biscuit.")
        async with store.pool.acquire() as connection:
            await connection.execute("UPDATE person SET turns_a_day = 1")
        assert "today" in await telegram.say("My cat is called Muffin.")
        async with store.pool.acquire() as connection:
            await connection.execute("UPDATE person SET turns_a_day = 0")
        assert "Muffin" in await telegram.say("What is my cat called?")


async def test_a_photo_without_words_gets_a_sensible_line(start_assistant: StartAssistant) -> None:
    async with start_assistant(**ANN) as assistant, gateway(assistant) as telegram:
        sticker = pb.MessageEvent(message_id="1", unsupported_kind="sticker")
        assert "sticker" in (await telegram.final(telegram.request(message=sticker))).text
        photo = pb.Attachment(reference="f1", file_name="cat.jpg", media_type="image/jpeg")
        shown = pb.MessageEvent(message_id="2", attachments=[photo])
        assert (await telegram.final(telegram.request(message=shown))).text

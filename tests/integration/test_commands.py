"""Commands and buttons, as a gateway meets them: a real assistant, real gRPC, real Postgres, no model."""

import re
from uuid import uuid4

from calling import access_of, indexed
from client import Gateway, gateway
from commanding import BOB, GROUP, HERE, texts
from conftest import Assistant, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI
from services.assistant.commands import MANIFEST
from services.assistant.domain import Recollection
from services.assistant.recall import Query, recall
from services.assistant.store.connection import scoped
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import NOON, author


async def test_start_and_help_tell_who_remi_is_and_what_it_can_do(telegram: Gateway, group: pb.Place) -> None:
    assert "no other person" in (await telegram.command("start", name="*Ann*")).text
    assert "Everybody here" in (await telegram.command("start", place=group)).text
    text = (await telegram.command("help")).text
    assert all(f"/{each.name}" in text for each in MANIFEST)


async def test_an_unknown_command_and_a_stop_too_late_get_a_line(telegram: Gateway) -> None:
    unknown = await telegram.command("dance", "with me")
    assert "/dance" in unknown.text
    assert "/help" in unknown.text
    assert "nothing to stop" in (await telegram.command("stop")).text


async def test_remember_keeps_the_text_word_for_word(assistant: Assistant, telegram: Gateway) -> None:
    assert "What shall I remember?" in (await telegram.command("remember")).text
    assert "I take my tea black" in (await telegram.command("remember", "I take my tea black.")).text
    assert await texts(assistant) == ["I take my tea black."]
    text = (await telegram.command("memory")).text
    assert "I take my tea black." in text
    assert "**Facts**" in text
    assert "tea black" in await telegram.say("How do I take my tea?")


async def test_a_command_delivered_twice_takes_effect_once(assistant: Assistant, telegram: Gateway) -> None:
    command = pb.CommandEvent(name="remember", arguments="I take my tea black.")
    asked = telegram.request(command=command)
    first = await telegram.final(asked)
    assert (await telegram.final(asked)).turn_id == first.turn_id
    assert (await telegram.command("memory")).text.count(". I take my tea black.") == 1


async def test_a_button_works_for_one_person_for_a_while(
    assistant: Assistant, telegram: Gateway, group: pb.Place
) -> None:
    await telegram.say("Our dog is called Biscuit.", place=group)
    asked = await telegram.command("forget", "biscuit", place=group)
    assert "person who gave the command" in (await telegram.press(asked, "Forget", place=group, **BOB)).text
    access = await access_of(assistant, GROUP, author())
    async with scoped(assistant.remi.store, [access.space_id]) as connection:
        await connection.execute("UPDATE action SET expires_at = now() - interval '1 second'")
    assert "too old" in (await telegram.press(asked, "Forget", place=group)).text
    for unknown in (str(uuid4()), "nonsense"):
        pressed = telegram.request(button=pb.ButtonEvent(action=unknown), place=group)
        assert "too old" in (await telegram.final(pressed)).text
    assert await texts(assistant, GROUP) == ["Our dog is called Biscuit."]


async def test_a_button_of_a_newer_version_is_too_old_for_this_one(
    assistant: Assistant, telegram: Gateway
) -> None:
    await telegram.say("My dog is called Biscuit.")
    asked = await telegram.command("forget", "biscuit")
    access = await access_of(assistant, HERE, author())
    async with scoped(assistant.remi.store, [access.space_id]) as connection:
        await connection.execute("UPDATE action SET verb = 'archive'")
    assert "give the command again" in (await telegram.press(asked, "Forget")).text


async def test_why_shows_what_the_last_answer_rested_on(assistant: Assistant, telegram: Gateway) -> None:
    assert "haven't answered anything" in (await telegram.command("why")).text
    await telegram.say("My dog is called Biscuit.", sent_at=NOON)
    told = (await telegram.command("why")).text
    assert "nothing from memory" in told
    assert told.startswith("I answered “Noted.")
    await indexed(assistant)
    await telegram.say("What is my dog called?")
    text = (await telegram.command("why")).text
    assert "It rests on:\n\n- `m1` " in text
    assert "2026-03-02, Ann: “My dog is called Biscuit.”" in text
    assert "What else I was shown from memory for it, best first:" in text
    assert "without a language model" in text


async def test_why_in_reply_to_an_answer_or_a_question_is_about_that_one(
    assistant: Assistant, telegram: Gateway
) -> None:
    await telegram.say("My dog is called Biscuit.")
    await indexed(assistant)
    answer = (await telegram.converse(telegram.request("What is my dog called?", message_id="q1")))[-1]
    await telegram.acknowledge(answer.final.delivery, "a1", "a2")
    await telegram.say("I like rain.")
    for replied in ("a1", "a2", "q1"):
        assert "Biscuit" in (await telegram.command("why", reply_to=replied)).text
    help_ = await telegram.converse(telegram.request(command=pb.CommandEvent(name="help")))
    await telegram.acknowledge(help_[-1].final.delivery, "h1")
    for replied in ("h1", "elsewhere"):
        assert "no answer of mine" in (await telegram.command("why", reply_to=replied)).text


async def test_why_names_what_was_forgotten_as_forgotten(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    await indexed(assistant)
    await telegram.say("What is my dog called?")
    await telegram.press(await telegram.command("forget", "biscuit"), "Forget")
    text = (await telegram.command("why")).text
    assert "forgotten since" in text
    assert "Biscuit" not in text


async def test_why_tells_how_much_did_not_fit(start_assistant: StartAssistant) -> None:
    async with (
        start_assistant(allow=frozenset({"telegram:7"}), recall_tokens=200) as assistant,
        gateway(assistant) as telegram,
    ):
        for number in range(12):
            await telegram.say(f"My dog number {number} is called Biscuit, and it {'barks a lot ' * 8}.")
        await indexed(assistant)
        await telegram.say("What is my dog called?")
        assert re.search(r"\d+ lines? more came up", (await telegram.command("why")).text)


async def test_why_names_model_tokens_and_price(start_assistant: StartAssistant, model: FakeOpenAI) -> None:
    knobs = {"allow": frozenset({"telegram:7"}), "price_prompt": 2.5, "price_completion": 10.0}
    async with (
        start_assistant(**knobs, **thinks_with(model)) as assistant,
        gateway(assistant) as telegram,
    ):
        await telegram.say("My dog is called Biscuit.")
        text = (await telegram.command("why")).text
        assert "fake-chat" in text
        read, written = map(int, re.findall(r"(\d+) tokens read and (\d+) written", text)[0])
        assert f"which cost {(read * 2.5 + written * 10) / 1e6:.6f}".rstrip("0") in text


async def test_new_begins_a_fresh_topic_and_memory_stays(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    assert (await seen(assistant)).recent
    assert "fresh topic" in (await telegram.command("new")).text
    await indexed(assistant)
    after = await seen(assistant)
    assert after.recent == ()
    assert any("Biscuit" in each.text for each in after.recalled)


async def seen(assistant: Assistant) -> Recollection:
    """What a turn of Ann's would see."""
    access = await access_of(assistant, HERE, author())
    query = Query("my dog", access.spaces, NOON, 2000, access.conversation_id)
    return await recall(assistant.remi.store, assistant.remi.models.embedder, query)

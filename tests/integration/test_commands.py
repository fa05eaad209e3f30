"""Commands and buttons, as a gateway meets them: a real assistant, real gRPC, real Postgres, no model."""

import re
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest

from calling import access_of, indexed
from client import Gateway, gateway
from conftest import Assistant, Database, StartAssistant
from services.assistant.commands import MANIFEST, PAGE
from services.assistant.domain import ChatKind, MemoryKind, Place, Recollection
from services.assistant.recall import Query, recall
from services.assistant.store import forgetting, memories, outbox
from services.assistant.store.connection import scoped
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import NOON, author, place

HERE = place()
GROUP = place("-100", kind=ChatKind.GROUP)
BOB: dict[str, Any] = {"user": "8", "name": "Bob"}


async def texts(assistant: Assistant, where: Place = HERE) -> list[str]:
    """What people said in a space and what is kept of it, in order."""
    access = await access_of(assistant, where, author())
    async with scoped(assistant.remi.store, [access.space_id]) as connection:
        rows = await connection.fetch("SELECT text FROM message WHERE role = 'person' ORDER BY position")
    return [row["text"] for row in rows]


async def learned(assistant: Assistant, *kinds: MemoryKind) -> None:
    """Ann says something, and a memory of each kind is drawn from it."""
    access = await access_of(assistant, HERE, author())
    async with scoped(assistant.remi.store, [access.space_id]) as connection:
        said = await connection.fetchrow("SELECT message_id, text FROM message WHERE role = 'person' LIMIT 1")
        assert said is not None
        for number, kind in enumerate(kinds):
            await memories.insert(
                connection,
                access.space_id,
                uuid4(),
                kind,
                f"{kind} number {number}",
                NOON + timedelta(minutes=number),
                [(said["message_id"], said["text"])],
                NOON,
            )


def as_admin(asked: pb.ConverseRequest) -> pb.ConverseRequest:
    asked.author.role = pb.CHAT_ROLE_ADMIN
    return asked


def labels(delivery: pb.Delivery) -> list[str]:
    return [button.label for row in delivery.button_rows for button in row.buttons]


def action(delivery: pb.Delivery, label: str) -> pb.ButtonEvent:
    buttons = [button for row in delivery.button_rows for button in row.buttons]
    return pb.ButtonEvent(action=next(button.action for button in buttons if button.label == label))


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


async def test_memory_counts_what_was_said_while_little_was_learned(telegram: Gateway) -> None:
    assert "0 messages" in (await telegram.command("memory")).text
    await telegram.say("My dog is called Biscuit.")
    text = (await telegram.command("memory")).text
    assert "1 message " in text
    assert "haven't drawn conclusions about you" in text


async def test_memory_is_grouped_by_kind(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    await learned(assistant, *MemoryKind)
    delivery = await telegram.command("memory")
    found = [
        found.start()
        for found in re.finditer("instruction number|profile number|fact number|event number", delivery.text)
    ]
    assert len(found) == 4
    headings = [
        delivery.text.index(f"**{each}**") for each in ("What I keep to", "Profile", "Facts", "Events")
    ]
    assert headings == sorted(headings)
    assert "2026-03-02" in delivery.text or "Ann" in delivery.text
    assert labels(delivery) == []


async def test_memory_is_turned_page_by_page(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    kinds = [MemoryKind.INSTRUCTION] * (PAGE - 5) + [MemoryKind.FACT] * (PAGE + 1)
    await learned(assistant, *kinds)
    seen: list[str] = []
    delivery = await telegram.command("memory")
    while True:
        page = re.findall(r"(?:instruction|fact) number \d+", delivery.text)
        assert len(page) <= PAGE
        seen += page
        if not labels(delivery):
            break
        assert labels(delivery) == ["More"]
        again = await telegram.press(delivery, "More")
        assert again.text == (await telegram.press(delivery, "More")).text
        delivery = again
    assert len(seen) == len(set(seen)) == len(kinds)


async def test_memory_with_words_finds_lines_with_their_dates(telegram: Gateway) -> None:
    assert "remember nothing" in (await telegram.command("memory", "the dog")).text
    await telegram.say("My dog is called *Biscuit*.", sent_at=NOON)
    text = (await telegram.command("memory", "the dog")).text
    assert "2026-03-02, Ann: “My dog is called \\*Biscuit\\*.”" in text


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
    assert (await telegram.command("memory")).text.count("- I take my tea black.") == 1


async def test_forget_asks_and_then_it_is_gone(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    await telegram.say("I like rain.")
    asked = await telegram.command("forget", "biscuit dog")
    assert "1 message" in asked.text
    assert "My dog is called Biscuit." in asked.text
    assert labels(asked) == ["Forget", "Keep"]
    assert len(await texts(assistant)) == 2
    assert "Gone" in (await telegram.press(asked, "Forget")).text
    assert await texts(assistant) == ["I like rain."]
    assert "Biscuit" not in await telegram.say("What is my dog called?")
    for label in labels(asked):
        assert "used already" in (await telegram.press(asked, label)).text


async def test_what_was_forgotten_stands_in_no_table(
    assistant: Assistant, telegram: Gateway, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outbox, "HOLDS_BACK", timedelta(0))
    await telegram.say("I hide the spare key under the Quetzalcanary.")
    await telegram.say("Where is the spare key?")
    await telegram.command("remember", "The Quetzalcanary stands on the porch.")
    for name, arguments in (("memory", ""), ("memory", "quetzalcanary"), ("why", "")):
        # Answers that the platform never confirmed wait to be sent.
        event = pb.CommandEvent(name=name, arguments=arguments)
        await telegram.converse(telegram.request(command=event))
    forget = pb.CommandEvent(name="forget", arguments="quetzalcanary")
    asked = (await telegram.converse(telegram.request(command=forget)))[-1].final.delivery
    assert "Quetzalcanary" in asked.text
    await telegram.press(asked, "Forget")

    owner = await asyncpg.connect(database.owner_dsn)
    tables = await owner.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for (table,) in tables:
        found = await owner.fetchval(
            f"SELECT count(*) FROM \"{table}\" AS t WHERE t::text ILIKE '%quetzalcanary%'"
        )
        assert found == 0, table
    await owner.close()


async def test_much_is_forgotten_in_several_goes(telegram: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(forgetting, "MOST", 3)
    for number in range(2):
        await telegram.command("remember", f"Dentist appointment {number}")
    asked = await telegram.command("forget", "dentist")
    assert "ask me again" in asked.text
    await telegram.press(asked, "Forget")
    rest = await telegram.command("forget", "dentist")
    assert "nothing that holds" in rest.text or labels(rest)


async def test_forget_can_be_declined(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.say("My dog is called Biscuit.")
    asked = await telegram.command("forget", "biscuit")
    assert (await telegram.press(asked, "Keep")).text == "Kept."
    assert "used already" in (await telegram.press(asked, "Forget")).text
    assert await texts(assistant) == ["My dog is called Biscuit."]


async def test_forget_shows_a_few_lines_of_much(telegram: Gateway) -> None:
    for number in range(7):
        await telegram.command("remember", f"Dentist appointment {number}")
    text = (await telegram.command("forget", "dentist")).text
    assert "7 messages and 7 memories" in text
    assert "and 9 more" in text


async def test_forget_without_words_or_without_a_match_says_so(telegram: Gateway) -> None:
    assert "What shall I forget?" in (await telegram.command("forget")).text
    nothing = await telegram.command("forget", "unicorns")
    assert "nothing that holds “unicorns”" in nothing.text
    assert labels(nothing) == []


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


async def test_in_a_group_people_have_their_own_words_forgotten_only(
    assistant: Assistant, telegram: Gateway, group: pb.Place
) -> None:
    await telegram.say("The boat is called Biscuit.", place=group)
    await telegram.command("remember", "Biscuit leaks.", place=group, **BOB)
    asked = await telegram.command("forget", "biscuit", place=group, **BOB)
    assert "Biscuit leaks" in asked.text
    assert "boat" not in asked.text
    await telegram.press(asked, "Forget", place=group, **BOB)
    assert await texts(assistant, GROUP) == ["The boat is called Biscuit."]
    refused = await telegram.command("forget", "biscuit", place=group, **BOB)
    assert "came from others" in refused.text
    assert labels(refused) == []


async def test_an_admin_of_the_chat_has_anybodys_words_forgotten_while_they_are_one(
    assistant: Assistant, telegram: Gateway, group: pb.Place
) -> None:
    await telegram.say("The boat is called Biscuit.", place=group)
    command = pb.CommandEvent(name="forget", arguments="biscuit")
    asked = await telegram.final(as_admin(telegram.request(command=command, place=group, **BOB)))
    assert "boat" in asked.text
    pressed: dict[str, Any] = {"button": action(asked, "Forget"), "place": group, **BOB}
    assert "came from others" in (await telegram.final(telegram.request(**pressed))).text
    assert len(await texts(assistant, GROUP)) == 1
    assert "Gone" in (await telegram.final(as_admin(telegram.request(**pressed)))).text
    assert await texts(assistant, GROUP) == []


async def test_why_shows_what_the_last_answer_rested_on(assistant: Assistant, telegram: Gateway) -> None:
    assert "haven't answered anything" in (await telegram.command("why")).text
    await telegram.say("My dog is called Biscuit.", sent_at=NOON)
    assert "nothing from memory" in (await telegram.command("why")).text
    await indexed(assistant)
    await telegram.say("What is my dog called?")
    text = (await telegram.command("why")).text
    assert "`m1`" in text
    assert "2026-03-02, Ann: “My dog is called Biscuit.”" in text
    assert "**cited**" in text
    assert "offline" in text


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

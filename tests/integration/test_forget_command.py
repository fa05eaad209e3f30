"""`/forget`: by words, by time, by message, or everything; shown, asked, and then gone."""

from datetime import timedelta
from typing import Any

import asyncpg
import pytest

from calling import indexed
from client import Gateway
from commanding import BOB, GROUP, action, as_admin, labels, texts
from conftest import Assistant, Database
from services.assistant.store import forgetting, outbox
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import NOON


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


async def test_forget_by_time_takes_what_was_said_then(assistant: Assistant, telegram: Gateway) -> None:
    now = NOON + timedelta(days=3)
    await telegram.say("Old talk.", sent_at=NOON - timedelta(days=5))
    await telegram.say("Talk of Monday.", sent_at=NOON)
    await telegram.say("Talk of Wednesday.", sent_at=NOON + timedelta(days=2))
    for words in ("yesterday", "2026-03-04"):
        asked = await telegram.command("forget", words, sent_at=now)
        assert "Talk of Wednesday." in asked.text
        assert "Monday" not in asked.text
        await telegram.press(asked, "Keep", sent_at=now)
    asked = await telegram.command("forget", "from 2026-03-01 to 2026-03-05", sent_at=now)
    await telegram.press(asked, "Forget", sent_at=now)
    assert await texts(assistant) == ["Old talk."]
    nothing = await telegram.command("forget", "yesterday", sent_at=now)
    assert "nothing that was said from 2026-03-04 00:00" in nothing.text


async def test_the_question_says_how_far_a_stretch_reaches(assistant: Assistant, telegram: Gateway) -> None:
    now = NOON + timedelta(days=9)
    for days in (0, 2, 5):
        await telegram.say(f"Talk of day {days}.", sent_at=NOON + timedelta(days=days))
    two = await telegram.command("forget", "2026-03-02 and 2026-03-07", sent_at=now)
    assert "Ann: “Talk of day 2.”" not in two.text
    assert "from 2026-03-02 00:00 to 2026-03-03 00:00 and from 2026-03-07 00:00 to 2026-03-08" in two.text
    until = await telegram.command("forget", "until 2026-03-04", sent_at=now)
    assert "said until 2026-03-05 00:00." in until.text
    since = await telegram.command("forget", "everything since 2026-03-04", sent_at=now)
    assert "said from 2026-03-04 00:00 to 2026-03-11 12:00." in since.text
    await telegram.press(since, "Forget", sent_at=now)
    assert await texts(assistant) == ["Talk of day 0."]


async def test_much_of_two_days_goes_in_batches(
    assistant: Assistant, telegram: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "MOST", 2)
    now = NOON + timedelta(days=9)
    for number in range(9):
        at = NOON + timedelta(days=number % 3, minutes=number)
        await telegram.command("remember", f"Talk of day {number % 3}, {number}.", sent_at=at)
    asked = await telegram.command("forget", "2026-03-02, 2026-03-04", sent_at=now)
    assert "6 messages" in asked.text
    await telegram.press(asked, "Forget", sent_at=now)
    assert {text[:13] for text in await texts(assistant)} == {"Talk of day 1"}


async def test_what_was_edited_since_is_found_by_the_day_it_was_said(
    assistant: Assistant, telegram: Gateway
) -> None:
    now = NOON + timedelta(days=1)
    await telegram.final(telegram.request("The word is Zephyr one.", message_id="m1", sent_at=NOON))
    edit = pb.EditEvent(message_id="m1", text="The word is Zephyr two.")
    await telegram.final(telegram.request(edit=edit, sent_at=now))
    both = await telegram.command("forget", "since yesterday", sent_at=now + timedelta(hours=1))
    assert "Zephyr one" not in both.text
    asked = await telegram.command("forget", "yesterday", sent_at=now)
    assert "Zephyr one" in asked.text
    await telegram.press(asked, "Forget", sent_at=now)
    assert [text for text in await texts(assistant) if "Zephyr" in text] == []


async def test_what_is_still_to_come_was_said_of_at_most(telegram: Gateway) -> None:
    assert "still to come" in (await telegram.command("forget", "2031")).text
    assert "nothing that holds" in (await telegram.command("forget", "9999-12-31")).text
    await telegram.say("The lease ends in 2031.")
    assert "The lease ends" in (await telegram.command("forget", "2031")).text


async def test_a_day_is_that_of_the_persons_clock(assistant: Assistant, telegram: Gateway) -> None:
    await telegram.command("timezone", "Pacific/Auckland")
    await telegram.say("Late on Monday, early on Tuesday there.", sent_at=NOON.replace(hour=23))
    asked = await telegram.command("forget", "2026-03-03", sent_at=NOON + timedelta(days=3))
    assert "2026-03-03, Ann" in asked.text


async def test_words_beside_a_date_are_words(telegram: Gateway) -> None:
    await telegram.say("The dentist has time in May 2026.")
    asked = await telegram.command("forget", "dentist May 2026")
    assert "The dentist has time" in asked.text


async def test_forget_the_last_answer_or_the_message_replied_to(
    assistant: Assistant, telegram: Gateway
) -> None:
    assert "kept nothing" in (await telegram.command("forget", "last answer")).text
    await telegram.say("My dog is called Biscuit.", message_id="m1")
    asked = await telegram.command("forget", "last answer")
    assert "1 message" in asked.text
    assert "Remi:" in asked.text
    await telegram.press(asked, "Forget")
    assert await texts(assistant) == ["My dog is called Biscuit."]
    event = telegram.request("I like rain.", message_id="m2")
    await telegram.final(event)
    asked = await telegram.command("forget", reply_to="m2")
    assert "I like rain." in asked.text
    await telegram.press(asked, "Forget")
    assert await texts(assistant) == ["My dog is called Biscuit."]
    assert "kept nothing" in (await telegram.command("forget", reply_to="m2")).text


async def test_much_goes_in_batches_until_all_is_gone(
    assistant: Assistant, telegram: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "MOST", 3)
    for number in range(5):
        await telegram.command("remember", f"Dentist appointment {number}")
    await telegram.say("I like rain.")
    asked = await telegram.command("forget", "dentist")
    assert "5 messages and 5 memories" in asked.text
    assert "Gone" in (done := await telegram.press(asked, "Forget")).text
    assert "5 messages" in done.text
    assert await texts(assistant) == ["I like rain."]


async def test_much_of_several_people_goes_only_as_far_as_it_is_theirs(
    assistant: Assistant, telegram: Gateway, group: pb.Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "MOST", 2)
    for number in range(3):
        await telegram.command("remember", f"Dentist of Ann {number}", place=group)
        await telegram.command("remember", f"Dentist of Bob {number}", place=group, **BOB)
    asked = await telegram.command("forget", "dentist", place=group, **BOB)
    assert "Ann" not in asked.text
    await telegram.press(asked, "Forget", place=group, **BOB)
    assert await texts(assistant, GROUP) == [f"Dentist of Ann {number}" for number in range(3)]


async def test_everything_is_asked_about_twice_and_then_gone(
    assistant: Assistant, telegram: Gateway, database: Database
) -> None:
    assert "remember nothing here" in (await telegram.command("forget", "everything")).text
    await telegram.say("My dog is called Quetzalcanary.")
    await telegram.command("remember", "Quetzalcanary likes rain.")
    await telegram.command("remind", "tomorrow at nine to feed Quetzalcanary")
    await indexed(assistant)
    await telegram.say("What is my dog called?")
    await telegram.command("memory")
    asked = await telegram.command("forget", "everything")
    assert "1 reminder" in asked.text
    again = await telegram.press(asked, "Forget everything")
    assert "Really everything?" in again.text
    assert len(await texts(assistant)) == 4
    done = await telegram.press(again, "Yes, forget everything")
    assert "All of it is gone" in done.text
    owner = await asyncpg.connect(database.owner_dsn)
    tables = await owner.fetch(
        "SELECT table_name FROM information_schema.columns JOIN information_schema.tables USING (table_name)"
        " WHERE column_name = 'space_id' AND table_type = 'BASE TABLE' AND columns.table_schema = 'public'"
    )
    left = {name: await owner.fetchval(f'SELECT count(*) FROM "{name}"') for (name,) in tables}
    assert {name for name, number in left.items() if number} <= {
        *("conversation", "receipt", "event", "turn", "delivery", "work", "chat", "forgetting")
    }
    assert left["turn"] == left["event"] == 1
    for (name,) in tables:
        assert not await owner.fetchval(
            f"SELECT count(*) FROM \"{name}\" AS t WHERE t::text ILIKE '%quetzalcanary%'"
        )
    await owner.close()
    assert "used already" in (await telegram.press(again, "Keep")).text
    await telegram.say("My cat is called Tom.")
    assert await texts(assistant) == ["My cat is called Tom."]


async def test_in_a_group_only_an_admin_has_everything_erased(telegram: Gateway, group: pb.Place) -> None:
    await telegram.say("The boat is called Biscuit.", place=group)
    assert "Only an admin" in (await telegram.command("forget", "everything", place=group)).text
    command = pb.CommandEvent(name="forget", arguments="everything")
    asked = await telegram.final(as_admin(telegram.request(command=command, place=group)))
    refused = await telegram.press(asked, "Forget everything", place=group)
    assert "came from others" in refused.text

"""Reminders: asked for in talk and by command, fired once each, listed, changed, forgotten, taken along."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import asyncpg
import pytest

from calling import actor
from client import PATIENCE, Gateway, gateway, next_delivery
from conftest import Assistant, Database, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from remembering import Gate
from services.assistant.remi import Remi
from services.assistant.remind import LISTED, MOST_FIRED, fire_due
from services.assistant.store import reminders
from services.stubs.assistant.v1 import assistant_pb2 as pb

BOB: dict[str, Any] = {"user": "8", "name": "Bob"}
BANK = "remind me tomorrow at nine to call the bank"


def tomorrow(hour: int, zone: str = "UTC", days: int = 1) -> datetime:
    day = datetime.now(ZoneInfo(zone)).date() + timedelta(days=days)
    return datetime(day.year, day.month, day.day, hour, tzinfo=ZoneInfo(zone)).astimezone(UTC)


def at(remi: Remi, moment: datetime) -> Remi:
    """The same service, by another clock."""
    return replace(remi, clock=lambda: moment)


@pytest.fixture
async def owner(database: Database) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database.owner_dsn)
    yield connection
    await connection.close()


async def due(owner: asyncpg.Connection) -> list[tuple[str, datetime | None]]:
    rows = await owner.fetch("SELECT text, next_due FROM reminder ORDER BY number")
    return [(row["text"], row["next_due"]) for row in rows]


async def times(owner: asyncpg.Connection) -> list[tuple[datetime, str]]:
    rows = await owner.fetch("SELECT due_at, state FROM occurrence ORDER BY due_at")
    return [(row["due_at"], row["state"]) for row in rows]


@asynccontextmanager
async def thinking(start_assistant: StartAssistant, model: FakeOpenAI) -> AsyncIterator[Gateway]:
    """Telegram's gateway to an assistant with a model."""
    knobs = thinks_with(model)
    async with start_assistant(allow=frozenset({"telegram:7"}), **knobs) as it, gateway(it) as telegram:
        yield telegram


async def test_talk_sets_one_and_says_which_clock_it_took(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    reply = await telegram.say(f"Please {BANK}.")
    assert "at 09:00 (UTC): “call the bank”" in reply
    assert "/timezone" in reply
    assert await due(owner) == [("call the bank", tomorrow(9))]


async def test_the_persons_clock_is_taken_once_it_is_known(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    assert "Europe/Berlin" in (await telegram.command("timezone", "berlin")).text
    reply = (await telegram.command("remind", "tomorrow at nine to call the bank")).text
    assert "at 09:00 (Europe/Berlin)" in reply
    assert "/timezone" not in reply
    assert await due(owner) == [("call the bank", tomorrow(9, "Europe/Berlin"))]


async def test_a_zone_that_is_unknown_or_not_clear_is_asked_for(telegram: Gateway) -> None:
    assert "Atlantis" in (await telegram.command("timezone", "Atlantis")).text
    assert "America/Louisville" in (await telegram.command("timezone", "louisville")).text
    now = datetime.now(UTC)
    ahead = (await telegram.command("timezone", "GMT+2")).text
    assert "that of UTC+2 then" in ahead
    assert f"{now + timedelta(hours=2):%H}:" in ahead or now.minute == 59
    assert "UTC+2" in (await telegram.command("timezone")).text
    await telegram.command("timezone", "UTC")
    assert "UTC" in (await telegram.command("timezone")).text


async def test_it_comes_by_deliver_once_and_is_done_when_delivered(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say(BANK)
    async with telegram.deliver() as queue:
        remi = at(assistant.remi, tomorrow(9))
        await asyncio.gather(*(fire_due(remi) for _ in range(4)))
        await fire_due(remi)
        delivery = await next_delivery(queue)
        assert delivery.text == "Reminder for Ann: call the bank"
        assert delivery.place.chat_id == "7"
        assert await times(owner) == [(tomorrow(9), "sent")]
        await telegram.acknowledge(delivery)
        assert await times(owner) == [(tomorrow(9), "done")]
        assert await due(owner) == [("call the bank", None)]
        assert await owner.fetchval("SELECT count(*) FROM work WHERE kind IN ('remind', 'deliver')") == 0


async def test_what_the_platform_refuses_is_not_done(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say(BANK)
    async with telegram.deliver() as queue:
        await fire_due(at(assistant.remi, tomorrow(9)))
        await telegram.acknowledge(await next_delivery(queue), rejected=pb.Rejected(reason="403"))
    assert await times(owner) == [(tomorrow(9), "failed")]


async def test_late_ones_are_sent_once_and_say_so(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say(BANK)
    async with telegram.deliver() as queue:
        await fire_due(at(assistant.remi, tomorrow(12)))
        late = await next_delivery(queue)
    assert late.text.startswith("Reminder for Ann, late: it was due on ")
    assert late.text.endswith("09:00. call the bank")
    assert await times(owner) == [(tomorrow(9), "sent")]


@pytest.mark.parametrize(
    ("away", "told"),
    [
        (
            timedelta(days=10, hours=14),
            "I was away and missed 11 reminders for Ann, from {0} to {10}: stretch",
        ),
        (timedelta(hours=14), "I was away on {0} and missed a reminder for Ann: stretch"),
        (
            timedelta(days=3, hours=2),
            "Reminder for Ann, late: it was due on {3}. stretch"
            " (I was away and missed it 3 times before, since {0}.)",
        ),
        (timedelta(days=1), "Reminder for Ann: stretch (I was away and missed it once before, since {0}.)"),
    ],
)
async def test_after_an_absence_a_recurring_one_is_told_in_one_line(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection, away: timedelta, told: str
) -> None:
    await telegram.say("remind me every day at nine to stretch")
    (_, first), *_ = await due(owner)
    assert first is not None
    async with telegram.deliver() as queue:
        await fire_due(at(assistant.remi, first + away))
        line = (await next_delivery(queue)).text
    days = [f"{first + timedelta(days=day):%A %d %B, %H:%M}" for day in range(11)]
    assert line == told.format(*days)
    assert [state for _, state in await times(owner)] == ["missed"] * away.days + ["sent"]
    assert (await due(owner))[0][1] == first + timedelta(days=away.days + 1)


async def test_of_very_many_the_last_is_sent(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say("remind me every hour to stretch")
    (_, first), *_ = await due(owner)
    assert first is not None
    async with telegram.deliver() as queue:
        await fire_due(at(assistant.remi, first + timedelta(days=50, minutes=1)))
        line = (await next_delivery(queue)).text
    assert line.startswith("Reminder for Ann: stretch (I was away and missed it at least 1,000 times before")
    assert (await due(owner))[0][1] == first + timedelta(days=50, hours=1)


async def test_they_are_listed_moved_and_cancelled(telegram: Gateway, owner: asyncpg.Connection) -> None:
    assert "No reminders" in (await telegram.command("reminders")).text
    await telegram.say("remind me every Monday at 8 to water the plants")
    await telegram.say(BANK)
    listed = await telegram.command("reminders")
    assert "every Monday: “water the plants”" in listed.text
    assert "#2" in listed.text
    moved = await telegram.command("reminders", "2 tomorrow at ten")
    assert "at 10:00" in moved.text
    assert (await due(owner))[1] == ("call the bank", tomorrow(10))
    assert "won't remind" in (await telegram.press(listed, "Cancel #1")).text
    assert "over already" in (await telegram.press(listed, "Cancel #1")).text
    assert "won't remind" in (await telegram.command("reminders", "cancel #2")).text
    assert "no reminder #2" in (await telegram.command("reminders", "2 tomorrow at ten")).text
    assert "Which one" in (await telegram.command("reminders", "the first")).text
    assert await owner.fetchval("SELECT count(*) FROM work WHERE kind = 'remind'") == 0


async def test_a_list_has_no_more_rows_of_buttons_than_discord_takes(telegram: Gateway) -> None:
    for each in range(LISTED):
        await telegram.command("remind", f"tomorrow at nine to do number {each}")
    rows = (await telegram.command("reminders")).button_rows
    assert sum(len(row.buttons) for row in rows) == LISTED
    assert len(rows) <= 5
    assert max(len(row.buttons) for row in rows) <= 5


async def test_one_that_comes_again_moves_once(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say("remind me every Monday at 8 to water the plants")
    (_, monday), *_ = await due(owner)
    moved = await telegram.command("reminders", "1 tomorrow at ten")
    assert "at 10:00 (UTC), and then every Monday as before" in moved.text
    assert await due(owner) == [("water the plants", tomorrow(10))]
    await fire_due(at(assistant.remi, tomorrow(10)))
    assert monday is not None
    after = monday if monday > tomorrow(10) else monday + timedelta(days=7)
    assert await due(owner) == [("water the plants", after)]


async def test_one_that_comes_too_seldom_is_told_so_and_one_that_was_set_fires(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    assert "too seldom" in await telegram.say("remind me every 9999 years to look up")
    await telegram.say(BANK)
    await owner.execute("UPDATE reminder SET every = 9999, unit = 'year'")
    await fire_due(at(assistant.remi, tomorrow(9)))
    assert await times(owner) == [(tomorrow(9), "sent")]
    assert await due(owner) == [("call the bank", None)]


async def test_what_is_not_clear_is_asked_and_what_is_past_is_said(telegram: Gateway) -> None:
    assert "When shall I remind you?" in await telegram.say("remind me to call the bank")
    assert "Of what" in await telegram.say("remind me tomorrow at nine")
    assert "Of what" in (await telegram.command("remind")).text
    assert "past already" in await telegram.say("remind me on 3 May 2020 to call")
    assert "can't tell" in (await telegram.command("remind", "call the bank soon")).text
    assert "past already" in (await telegram.command("remind", "on 3 May 2020 to call")).text
    await telegram.say(BANK)
    assert "can't tell" in (await telegram.command("reminders", "1 soon")).text
    assert "past already" in (await telegram.command("reminders", "1 on 3 May 2020")).text


@pytest.mark.parametrize(
    "text", ["remind me", "Can you remind me?", "remind me in 100000 days to smile", "Remind me lunch then"]
)
async def test_without_a_model_a_request_that_is_not_read_is_answered_as_such(
    telegram: Gateway, owner: asyncpg.Connection, text: str
) -> None:
    reply = await telegram.say(text)
    assert "Noted." not in reply
    assert "/remind tomorrow at nine" in reply
    assert await due(owner) == []


async def test_other_talk_is_no_reminder(telegram: Gateway, owner: asyncpg.Connection) -> None:
    await telegram.say("My dog is called Biscuit.")
    assert "Biscuit" in await telegram.say("Remind me what my dog is called.")
    for text in (
        "Can you remind me what we decided on Monday?",
        "Remind me what I have to do today",
        "Remind me again of what we do tomorrow at nine?",
        "Can you remind me where I sat?",
    ):
        reply = await telegram.say(text)
        assert "I'll remind you" not in reply
        assert "past already" not in reply
    assert await due(owner) == []


async def test_in_a_group_only_its_owner_and_admins_change_it(
    telegram: Gateway, group: pb.Place, owner: asyncpg.Connection
) -> None:
    await telegram.say(BANK, place=group)
    for arguments in ("cancel 1", "1 tomorrow at ten"):
        refused = await telegram.command("reminders", arguments, place=group, **BOB)
        assert "somebody else's" in refused.text
    asked = telegram.request(
        command=pb.CommandEvent(name="reminders", arguments="cancel 1"), place=group, **BOB
    )
    asked.author.role = pb.CHAT_ROLE_ADMIN
    assert "won't remind" in (await telegram.final(asked)).text
    assert await telegram.say(BANK) != ""
    assert (await telegram.command("reminders", place=group)).text.startswith("No reminders")


async def test_an_edited_request_is_asked_anew(telegram: Gateway, owner: asyncpg.Connection) -> None:
    await telegram.say(BANK, message_id="5")
    text = "remind me tomorrow at ten to call the bank"
    await telegram.final(telegram.request(edit=pb.EditEvent(message_id="5", text=text)))
    assert await due(owner) == [("call the bank", None), ("call the bank", tomorrow(10))]


async def test_forgetting_takes_it_along(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say("remind me every day at nine to call the bank")
    asked = await telegram.command("forget", "bank")
    await fire_due(at(assistant.remi, tomorrow(9, days=2)))
    assert await owner.fetchval("SELECT count(*) FROM delivery WHERE text LIKE '%bank%'") > 0
    await telegram.press(asked, "Forget")
    for table in ("reminder", "occurrence"):
        assert await owner.fetchval(f"SELECT count(*) FROM {table}") == 0
    assert await owner.fetchval("SELECT count(*) FROM work WHERE kind = 'remind'") == 0
    assert await owner.fetchval("SELECT count(*) FROM delivery WHERE text LIKE '%bank%'") == 0


async def test_in_a_group_whoever_asked_is_reminded_on_their_clock(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection
) -> None:
    gate = Gate()
    model.script(Step(text="Hm.", gate=gate), Step(text="Not much."))
    allow = frozenset({"telegram:7", "telegram:8", "telegram:-100"})
    async with start_assistant(allow=allow, **thinks_with(model)) as it, gateway(it) as telegram:
        await telegram.command("timezone", "Berlin")
        await telegram.command("timezone", "New York", **BOB)
        group = telegram.place("-100", group=True)
        first = await telegram.begin(telegram.request("Wait for me.", place=group))
        await gate.reached.wait()
        ann = await telegram.begin(telegram.request(BANK, place=group))
        bob = await telegram.begin(telegram.request("What is new?", place=group, **BOB))
        gate.set()
        _, _, stream = await asyncio.gather(first, ann, bob)
    assert "at 09:00 (Europe/Berlin): “call the bank”" in stream[-1].final.delivery.text
    assert await due(owner) == [("call the bank", tomorrow(9, "Europe/Berlin"))]
    asked = await owner.fetchval("SELECT user_id FROM reminder JOIN identity USING (person_id)")
    assert asked == "7"


async def test_several_messages_at_once_are_all_heard(
    start_assistant: StartAssistant, model: FakeOpenAI, owner: asyncpg.Connection
) -> None:
    gate = Gate()
    model.script(Step(text="Hm.", gate=gate), Step(text="A fine dog."))
    async with thinking(start_assistant, model) as telegram:
        first = asyncio.create_task(telegram.say("Wait for me."))
        await gate.reached.wait()
        streams = [
            aiter(telegram.conversation.Converse(telegram.request(text), metadata=telegram.metadata))
            for text in (BANK, "My dog is called Biscuit.")
        ]
        for stream in streams:
            assert (await anext(stream)).HasField("accepted")
        gate.set()
        await first
        rest = [[each async for each in stream] for stream in streams]
    (text,) = [each[-1].final.delivery.text for each in rest if each[-1].HasField("final")]
    assert text.startswith("A fine dog.")
    assert "I'll remind you on" in text
    assert len(await due(owner)) == 1


@pytest.mark.parametrize(
    ("answer", "found"),
    [
        ({"is_reminder": True, "what": "Bank anzurufen", "at": "2099-05-03T09:00", "every": 0}, 0),
        ({"is_reminder": True, "what": "die Bank anzurufen", "at": "{soon}", "every": 0}, 1),
        ({"is_reminder": True, "what": "die Oma anzurufen", "at": "{soon}", "every": 0}, 0),
        ({"is_reminder": True, "what": "die Bank anzurufen", "at": "{soon}", "every": 1}, 1),
        ({"is_reminder": False, "what": "", "at": "", "every": 0}, 0),
        ({"is_reminder": True, "what": "die Bank anzurufen", "at": "2020-05-03T09:00", "every": 0}, 0),
        ({"is_reminder": True, "what": "die Bank anzurufen", "at": "{soon}", "every": 99, "unit": "year"}, 0),
        ({"is_reminder": True, "what": "die Bank anzurufen", "at": "9999-12-31T23:59", "every": 0}, 0),
        ({"is_reminder": True, "what": "die Bank anzurufen", "at": "0001-01-01T00:00", "every": 0}, 0),
        ("Gerne!", 0),
    ],
)
async def test_other_languages_are_read_by_the_model_and_checked(
    start_assistant: StartAssistant,
    model: FakeOpenAI,
    owner: asyncpg.Connection,
    answer: dict[str, Any] | str,
    found: int,
) -> None:
    soon = tomorrow(9).strftime("%Y-%m-%dT%H:%M")
    text = answer if isinstance(answer, str) else json.dumps({"unit": "day", "weekdays": []} | answer)
    model.script(Step(text=text.replace("{soon}", soon)), Step(text="Na gut."))
    async with thinking(start_assistant, model) as telegram:
        reply = await telegram.say("Erinnere mich morgen um neun daran, die Bank anzurufen.")
    assert len(await due(owner)) == found
    assert ("I'll remind you" in reply) == bool(found)
    if found:
        assert await due(owner) == [("die Bank anzurufen", tomorrow(9))]


async def test_with_the_model_away_a_command_that_it_would_have_to_read_says_so(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    model.reply = Step(status=503)
    async with thinking(start_assistant, model) as telegram:
        assert "can't tell" in (await telegram.command("remind", "morgen um neun: Bank")).text


@pytest.mark.parametrize(
    "text",
    [
        "Tomorrow at nine, please remind me to call the bank.",
        "Can you set a reminder for tomorrow at nine to call the bank?",
        "I need you to remind me tomorrow at nine to call the bank",
        "Don't forget to remind me tomorrow at nine to call the bank",
    ],
)
async def test_there_are_many_ways_to_ask(telegram: Gateway, owner: asyncpg.Connection, text: str) -> None:
    assert "at 09:00" in await telegram.say(text)
    assert await due(owner) == [("call the bank", tomorrow(9))]


async def test_a_time_that_is_read_only_in_part_sets_nothing(
    telegram: Gateway, owner: asyncpg.Connection
) -> None:
    assert "can't tell" in await telegram.say("remind me on Tuesday and Thursday at 8 to run")
    assert "remind" not in await telegram.say("Today you remind me of my sister.")
    assert await due(owner) == []


async def test_all_that_are_due_at_once_go_out_at_once(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    for each in range(MOST_FIRED + 1):
        await telegram.command("remind", f"tomorrow at nine to do number {each}")
    await fire_due(at(assistant.remi, tomorrow(9)))
    assert len(await times(owner)) == MOST_FIRED + 1


async def test_one_fired_by_a_clock_ahead_and_moved_back_is_not_sent_again(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say("remind me every day at nine to stretch")
    (_, first), *_ = await due(owner)
    assert first is not None
    remi = at(assistant.remi, first)
    async with telegram.deliver() as queue:
        await fire_due(remi)
        await telegram.acknowledge(await next_delivery(queue))
    await telegram.command("reminders", "1 every day at nine")
    assert (await due(owner))[0][1] == first
    await fire_due(remi)
    assert await times(owner) == [(first, "done")]
    assert (await due(owner))[0][1] == first + timedelta(days=1)
    assert await owner.fetchval("SELECT count(*) FROM delivery WHERE state = 'pending'") == 0


async def test_who_was_removed_is_not_reminded(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say("remind me every day at nine to stretch")
    await owner.execute("UPDATE person SET role = 'removed'")
    await fire_due(at(assistant.remi, tomorrow(9, days=2)))
    assert await times(owner) == []
    assert await due(owner) == [("stretch", None)]
    assert await owner.fetchval("SELECT count(*) FROM work WHERE kind = 'remind'") == 0


async def test_work_whose_reminder_is_gone_goes_too(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say(BANK)
    await owner.execute("DELETE FROM reminder")
    await fire_due(at(assistant.remi, tomorrow(9)))
    assert await owner.fetchval("SELECT count(*) FROM work WHERE kind = 'remind'") == 0


async def test_firing_that_is_cut_off_at_any_step_is_done_again_once(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await telegram.say(BANK)
    remi = at(assistant.remi, tomorrow(9))
    for step in ("due", "hold", "fire"):
        with monkeypatch.context() as cut:
            whole = getattr(reminders, step)

            async def then_cut(*arguments: Any, whole: Any = whole) -> None:
                await whole(*arguments)
                raise asyncio.CancelledError

            cut.setattr(reminders, step, then_cut)
            with pytest.raises(asyncio.CancelledError):
                await fire_due(remi)
        assert await times(owner) == []
        await fire_due(remi)
        assert await times(owner) == []  # the lease of the worker that died still runs
        await owner.execute("UPDATE work SET lease_until = NULL WHERE kind = 'remind'")
    await fire_due(remi)
    await fire_due(remi)
    assert await times(owner) == [(tomorrow(9), "sent")]


async def test_one_that_cannot_be_fired_holds_up_nobody_else(
    assistant: Assistant, telegram: Gateway, owner: asyncpg.Connection
) -> None:
    await telegram.say(BANK)
    await telegram.say("remind me tomorrow at nine to water the plants")
    await owner.execute("UPDATE reminder SET zone = 'Mars/Olympus' WHERE number = 1")
    remi = at(assistant.remi, tomorrow(9))
    await fire_due(remi)
    assert await times(owner) == [(tomorrow(9), "sent")]
    await owner.execute("UPDATE reminder SET zone = 'UTC' WHERE number = 1")
    await owner.execute("UPDATE work SET due_at = now() WHERE kind = 'remind'")
    await fire_due(remi)
    assert await times(owner) == [(tomorrow(9), "sent")] * 2


async def test_they_are_taken_along(telegram: Gateway, owner: asyncpg.Connection) -> None:
    await telegram.say("remind me every Monday at 8 to water the plants")
    await telegram.say(BANK)
    pieces = telegram.memory.Export(pb.ExportRequest(actor=actor(telegram)), metadata=telegram.metadata)
    export = b"".join([piece.chunk async for piece in pieces])

    async def bring(who: pb.Actor) -> pb.ImportResponse:
        requests = iter([pb.ImportRequest(actor=who), pb.ImportRequest(chunk=export)])
        return await telegram.memory.Import(requests, metadata=telegram.metadata, timeout=PATIENCE)

    assert (await bring(actor(telegram))).reminders == 0
    assert (await bring(actor(telegram, "8", "Bob"))).reminders == 2
    listed = await telegram.command("reminders", **BOB)
    assert "every Monday: “water the plants”" in listed.text
    assert "“call the bank”" in listed.text
    assert len(await due(owner)) == 4

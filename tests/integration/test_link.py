"""Two accounts become one person, as gateways meet it: Ann on Telegram and Discord, over real gRPC."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import asyncpg
import pytest

from client import PATIENCE, Gateway, gateway, next_delivery
from conftest import Assistant, Database, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from services.assistant.domain import Platform
from services.assistant.index import index
from services.stubs.assistant.v1 import assistant_pb2 as pb

LET_IN = frozenset({"telegram:7", "telegram:8", "telegram:-100", "discord:70", "discord:80"})


@dataclass(slots=True)
class Channel:
    """An account's direct talk; `items` and `waiting` are what came to all of its gateway's accounts."""

    via: Gateway
    items: "asyncio.Queue[pb.DeliverResponse]"
    user: str = "7"
    name: str = "Ann"
    waiting: list[pb.Delivery] = field(default_factory=list)

    def other(self, user: str, name: str) -> "Channel":
        """Another account on the same platform."""
        return Channel(self.via, self.items, user, name, self.waiting)

    @property
    def who(self) -> dict[str, Any]:
        return {"user": self.user, "name": self.name}

    async def say(self, text: str, **more: Any) -> str:
        return await self.via.say(text, **self.who, **more)

    async def command(self, name: str, arguments: str = "", **more: Any) -> pb.Delivery:
        return await self.via.command(name, arguments, **self.who, **more)

    async def press(self, under: pb.Delivery, label: str) -> pb.Delivery:
        return await self.via.press(under, label, **self.who)

    async def next(self, *words: str) -> pb.Delivery:
        """What comes next to this account with these words in it."""
        while True:
            for delivery in self.waiting:
                if delivery.place.chat_id == self.user and all(word in delivery.text for word in words):
                    self.waiting.remove(delivery)
                    return delivery
            self.waiting.append(await next_delivery(self.items))
            await self.via.acknowledge(self.waiting[-1])

    async def code(self) -> str:
        return (await self.command("link")).text.split("`")[1].removeprefix("/link ")


@dataclass(slots=True)
class World:
    assistant: Assistant
    telegram: Channel
    discord: Channel
    owner: asyncpg.Connection

    async def link(self, issuer: Channel, taker: Channel) -> None:
        """From the code to the word that it is done, and can be found."""
        question = await taker.command("link", await issuer.code())
        asked = await issuer.next("Is that account yours")
        await taker.press(question, "Yes")
        await issuer.press(asked, "Yes")
        await issuer.next("one person to me now")
        await taker.next("one person to me now")
        await self.findable()

    async def findable(self) -> None:
        """What was said can be found: in the background it takes a moment."""
        remi = self.assistant.remi
        for row in await self.rows("SELECT DISTINCT space_id, conversation_id FROM message"):
            await index(remi.store, remi.models.embedder, row["space_id"], row["conversation_id"])

    async def person(self, account: str) -> UUID:
        platform, user_id = account.split(":")
        found = await self.owner.fetchval(
            "SELECT person_id FROM identity WHERE platform = $1 AND user_id = $2", platform, user_id
        )
        assert isinstance(found, UUID)
        return found

    async def rows(self, sql: str, *arguments: object) -> Sequence[asyncpg.Record]:
        """Any query, past row-level security."""
        return list(await self.owner.fetch(sql, *arguments))


@asynccontextmanager
async def linking(start: StartAssistant, database: Database, **knobs: object) -> AsyncIterator[World]:
    owner = await asyncpg.connect(database.owner_dsn)
    async with AsyncExitStack() as stack:
        assistant = await stack.enter_async_context(start(allow=LET_IN, **knobs))
        channels = []
        for platform, user in ((Platform.TELEGRAM, "7"), (Platform.DISCORD, "70")):
            via = await stack.enter_async_context(gateway(assistant, platform))
            items = await stack.enter_async_context(via.deliver())
            channels.append(Channel(via, items, user))
        yield World(assistant, channels[0], channels[1], owner)
    await owner.close()


@pytest.fixture
async def world(start_assistant: StartAssistant, database: Database) -> AsyncIterator[World]:
    async with linking(start_assistant, database) as opened:
        yield opened


def labels(delivery: pb.Delivery) -> list[str]:
    return [button.label for row in delivery.button_rows for button in row.buttons]


async def test_what_was_told_on_one_channel_is_known_on_the_other(world: World) -> None:
    await world.telegram.say("My dog is called Biscuit.")
    await world.telegram.say("Biscuit was born in May.")
    await world.discord.say("My bicycle is green.")
    gone = await world.person("discord:70")
    await world.link(world.telegram, world.discord)

    assert await world.person("discord:70") == await world.person("telegram:7")
    assert "Biscuit" in await world.discord.say("What is my dog called?")
    assert "green" in await world.telegram.say("Which colour has my bicycle?")
    for table in await world.rows("SELECT relname FROM pg_class WHERE relrowsecurity"):
        left = await world.rows(f"SELECT FROM {table['relname']} WHERE space_id = $1", gone)
        assert left == [], table["relname"]
    assert not await world.rows("SELECT FROM person WHERE person_id = $1", gone)


async def test_neither_side_alone_links_anything(world: World) -> None:
    question = await world.discord.command("link", await world.telegram.code())
    assert "**Ann** on Telegram" in question.text
    assert labels(question) == ["Yes", "No"]
    asked = await world.telegram.next("**Ann** on Discord", "is that account yours".capitalize())
    assert labels(asked) == ["Yes", "No"]
    await world.discord.press(question, "Yes")
    assert not await world.rows("SELECT FROM work WHERE kind = 'link'")
    assert "used already" in (await world.discord.press(question, "Yes")).text

    await world.telegram.press(asked, "No")
    assert "has said no" in (await world.discord.next("said no")).text
    assert await world.person("discord:70") != await world.person("telegram:7")
    assert "used already" in (await world.telegram.press(asked, "Yes")).text


async def test_a_stolen_code_is_noticed_and_refused(world: World) -> None:
    thief = world.discord.other("80", "Bob")
    await world.telegram.say("My dog is called Biscuit.")
    code = await world.telegram.code()
    question = await thief.command("link", code)
    await thief.press(question, "Yes")
    asked = await world.telegram.next("**Bob** on Discord", "somebody else has seen your code")
    # Nobody but Ann can answer for Ann.
    for label in ("Yes", "No"):
        assert "used already" in (await thief.press(asked, label)).text
    await world.telegram.press(asked, "No")
    assert "Biscuit" not in await thief.say("What is my dog called?")
    assert "doesn't work" in (await world.discord.command("link", code)).text
    assert await world.person("discord:80") != await world.person("telegram:7")


async def test_a_code_works_once_for_another_person_for_ten_minutes(world: World) -> None:
    third = world.discord.other("80", "Bob")
    assert "doesn't work" in (await world.discord.command("link", "link-0123456789abcdef")).text
    assert "doesn't work" in (await world.telegram.command("link", await world.telegram.code())).text

    older, newer = await world.telegram.code(), await world.telegram.code()
    assert "doesn't work" in (await world.discord.command("link", older)).text
    await world.owner.execute("UPDATE link SET expires_at = now()")
    assert "doesn't work" in (await world.discord.command("link", newer)).text

    code = await world.telegram.code()
    first, second = await asyncio.gather(
        world.discord.command("link", code), third.command("link", code)
    )  # raced for
    assert sorted(len(labels(each)) for each in (first, second)) == [0, 2]
    winner, question = (world.discord, first) if labels(first) else (third, second)
    await world.owner.execute("UPDATE link SET expires_at = now()")
    assert "ten minutes have passed" in (await winner.press(question, "Yes")).text
    assert not await world.rows("SELECT FROM link WHERE taker_agreed")


async def test_a_code_is_kept_nowhere(world: World) -> None:
    code = await world.telegram.code()
    question = await world.discord.command("link", code)
    await world.telegram.next("Is that account yours")
    await world.discord.press(question, "No")
    for table in await world.rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        found = await world.rows(f"SELECT FROM {table['tablename']} AS t WHERE t::text LIKE $1", f"%{code}%")
        assert found == [], table["tablename"]


async def test_a_code_shown_in_a_group_is_void(world: World) -> None:
    code = await world.telegram.code()
    group = world.telegram.via.place("-100", group=True)
    answer = await world.telegram.command("link", code, place=group)
    assert "direct talk" in answer.text
    assert "direct talk" in (await world.telegram.command("unlink", place=group)).text
    assert "doesn't work" in (await world.discord.command("link", code)).text


async def test_who_was_not_let_in_is_not_let_in_by_a_code(world: World) -> None:
    code = await world.telegram.code()
    stranger = world.discord.via.request(
        command=pb.CommandEvent(name="link", arguments=code), user="99", name="Eve"
    )
    (refused,) = await world.discord.via.converse(stranger)
    assert refused.HasField("refused")
    assert labels(await world.discord.command("link", code)) == ["Yes", "No"]


async def test_the_issuers_role_counts_and_ends_with_the_link(world: World) -> None:
    await world.telegram.say("Hello")
    await world.discord.say("Hello")
    admin = await world.person("telegram:7")
    await world.owner.execute("UPDATE person SET role = 'admin' WHERE person_id = $1", admin)
    # The only admin would be none any more.
    assert "only admin" in (await world.telegram.command("link", await world.discord.code())).text

    await world.link(world.telegram, world.discord)
    roles = "SELECT role FROM person JOIN identity USING (person_id) WHERE user_id = '70'"
    assert [row["role"] for row in await world.rows(roles)] == ["admin"]
    await world.telegram.press(await world.telegram.command("unlink"), "Part")
    await world.discord.next("two people")
    assert [row["role"] for row in await world.rows(roles)] == ["member"]
    audit = await world.rows("SELECT action FROM audit WHERE action LIKE '%link' ORDER BY audit_id")
    assert [row["action"] for row in audit] == ["link", "unlink"]


@pytest.mark.parametrize("issuer_talks_more", [True, False])
async def test_after_unlinking_the_space_stays_with_the_issuer(world: World, issuer_talks_more: bool) -> None:
    issuer, taker = world.telegram, world.discord
    await issuer.say("My dog is called Biscuit.")
    await taker.say("My bicycle is green.")
    for _ in range(3):
        await (issuer if issuer_talks_more else taker).say("The weather is fine.")
    await world.link(issuer, taker)
    await taker.command("remind", "tomorrow at nine to call the bank")
    question = await taker.command("unlink")
    assert "Kept" in (await taker.press(question, "Keep")).text
    shared = await world.person("telegram:7")
    parted = await taker.press(await taker.command("unlink"), "Part")
    assert "two people" in parted.text
    await issuer.next("two people")

    assert await world.person("telegram:7") == shared
    alone = await world.person("discord:70")
    assert not await world.rows("SELECT FROM message WHERE space_id = $1", alone)
    assert "green" in await issuer.say("Which colour has my bicycle?")
    for question_text in ("Which colour has my bicycle?", "What is my dog called?"):
        heard = await taker.say(question_text)
        assert "green" not in heard
        assert "Biscuit" not in heard
    assert "no other" in (await taker.command("unlink")).text
    # What was set on the other account comes to the one that stays.
    place = "SELECT platform FROM reminder JOIN conversation USING (space_id, conversation_id)"
    assert [row["platform"] for row in await world.rows(place)] == ["telegram"]
    routes = await world.rows("SELECT route FROM work WHERE kind = 'remind'")
    assert [row["route"] for row in routes] == ["telegram:99"]

    await world.link(taker, issuer)
    assert "Biscuit" in await taker.say("What is my dog called?")


async def test_a_third_account_joins_and_parts_alone(world: World) -> None:
    third = world.discord.other("80", "Ann at work")
    await world.telegram.say("My dog is called Biscuit.")
    await world.link(world.telegram, world.discord)
    await third.say("My bicycle is green.")
    await world.link(world.discord, third)
    assert "Biscuit" in await third.say("What is my dog called?")
    assert "green" in await world.telegram.say("Which colour has my bicycle?")
    await world.discord.press(await world.discord.command("unlink"), "Part")
    await third.next("two people")
    assert await world.person("discord:70") == await world.person("telegram:7")
    assert "Biscuit" not in await third.say("What is my dog called?")


async def test_who_is_left_of_three_can_part_too(world: World) -> None:
    third = world.discord.other("80", "Ann at work")
    await world.telegram.say("My dog is called Biscuit.")
    await world.link(world.telegram, world.discord)
    await world.link(third, world.discord)
    # The one that both others are linked to leaves; they stay one person, and can part.
    await world.discord.press(await world.discord.command("unlink"), "Part")
    assert await world.person("discord:80") == await world.person("telegram:7")
    assert "no other" in (await world.discord.command("unlink")).text
    question = await world.telegram.command("unlink")
    await world.telegram.press(question, "Part")
    accounts = [await world.person(each) for each in ("telegram:7", "discord:70", "discord:80")]
    assert len(set(accounts)) == 3
    assert "two people" in (await third.next("two people", "is kept by **Ann** on Telegram")).text


async def test_a_turn_that_runs_is_answered_first(
    start_assistant: StartAssistant, database: Database, model: FakeOpenAI
) -> None:
    gates = asyncio.Event(), asyncio.Event()
    async with linking(start_assistant, database, **thinks_with(model)) as world:
        await world.telegram.say("My dog is called Biscuit.")
        question = await world.discord.command("link", await world.telegram.code())
        asked = await world.telegram.next("Is that account yours")
        await world.discord.press(question, "Yes")
        model.script(Step(gate=gates[0], text="One."), Step(gate=gates[1], text="Two."))
        first = await world.discord.via.begin(world.discord.via.request("And now?", **world.discord.who))
        await world.telegram.press(asked, "Yes")
        second = await world.telegram.via.begin(world.telegram.via.request("And now?", **world.telegram.who))
        async with asyncio.timeout(PATIENCE):
            while not await world.rows("SELECT FROM work WHERE kind = 'link' AND attempt > 1"):
                pass
        assert await world.person("discord:70") != await world.person("telegram:7")
        for gate in gates:
            gate.set()
        answers = [(await each)[-1].final.delivery.text for each in (first, second)]
        assert sorted(answers) == ["One.", "Two."]
        await world.discord.next("one person to me now")
        said = await world.rows("SELECT DISTINCT space_id FROM message")
        assert [row["space_id"] for row in said] == [await world.person("discord:70")]


async def test_replies_reminders_and_traces_find_their_way(world: World) -> None:
    for number in range(3):
        await world.telegram.say(f"On day {number} the weather was fine.")
    await world.discord.say("My bicycle is green.", message_id="d1")
    (final,) = [
        each.final.delivery
        for each in await world.discord.via.converse(
            world.discord.via.request("Which colour has my bicycle?", message_id="d2", **world.discord.who),
            acknowledges=False,
        )
        if each.HasField("final")
    ]
    await world.discord.via.acknowledge(final, "d3")
    await world.discord.command("remind", "tomorrow at nine to call the bank", message_id="d4")
    before = (await world.discord.command("why", reply_to="d3")).text
    assert "green" in before
    await world.link(world.telegram, world.discord)

    assert (await world.discord.command("why", reply_to="d3")).text == before
    assert "call the bank" in (await world.discord.command("reminders")).text
    space = await world.person("telegram:7")
    (work,) = await world.rows("SELECT space_id, subject_id FROM work WHERE kind = 'remind'")
    (reminder,) = await world.rows("SELECT space_id, reminder_id FROM reminder")
    assert tuple(work) == tuple(reminder)
    assert work["space_id"] == space
    # An edit and a deletion on the platform find the message where it is now.
    edit = pb.EditEvent(message_id="d1", text="My bicycle is yellow.")
    await world.discord.via.final(world.discord.via.request(edit=edit, **world.discord.who))
    await world.findable()
    assert "yellow" in await world.telegram.say("Which colour has my bicycle?")
    deletion = pb.DeletionEvent(message_ids=["d1"])
    await world.discord.via.converse(world.discord.via.request(deletion=deletion, **world.discord.who))
    assert "yellow" not in await world.telegram.say("Tell me about the bicycle.")


async def test_what_is_said_meanwhile_is_answered_in_order_and_stands_in_one_place(world: World) -> None:
    for number in range(4):
        await world.telegram.say(f"Telegram, message {number}.")
    question = await world.discord.command("link", await world.telegram.code())
    asked = await world.telegram.next("Is that account yours")

    async def chat(channel: Channel, name: str) -> None:
        for number in range(12):
            assert await channel.say(f"{name} line {number}.")

    talking = [asyncio.create_task(chat(world.telegram, "T")), asyncio.create_task(chat(world.discord, "D"))]
    await world.discord.press(question, "Yes")
    await world.telegram.press(asked, "Yes")
    await asyncio.gather(*talking)
    await world.discord.next("one person to me now")
    space = await world.person("telegram:7")
    said = await world.rows(
        "SELECT space_id, text FROM message WHERE text LIKE '% line %' AND role = 'person' ORDER BY position"
    )
    assert {row["space_id"] for row in said} == {space}
    for name in ("T", "D"):
        assert [row["text"] for row in said if row["text"].startswith(name)] == [
            f"{name} line {number}." for number in range(12)
        ]
    (counted,) = await world.rows(
        "SELECT count(*), count(DISTINCT turn_id) FROM event WHERE message_id IS NOT NULL"
    )
    assert counted["count"] == 4 + 24


async def test_in_groups_too_they_are_one_person(world: World) -> None:
    other = world.telegram.other("8", "Ann")
    group = world.telegram.via.place("-100", group=True)
    await world.discord.say("Hello")
    await other.say("My bicycle is green.", place=group, message_id="g1")
    await world.telegram.say("Hello")
    await world.link(world.telegram, other)
    doomed = await world.telegram.command("forget", "bicycle", place=group)
    assert labels(doomed) == ["Forget", "Keep"]
    assert "Gone" in (await world.telegram.via.press(doomed, "Forget", place=group)).text
    assert not await world.rows("SELECT FROM message WHERE text LIKE '%bicycle is green%'")


@pytest.mark.parametrize("issues", [True, False])
async def test_what_either_account_set_holds_for_both_and_for_each_after_they_part(
    start_assistant: StartAssistant, database: Database, issues: bool
) -> None:
    async with linking(start_assistant, database) as world:
        issuer, taker = world.telegram, world.discord
        await issuer.say("My dog is called Biscuit.")
        await taker.command("help")
        for name, value in (("language", "Deutsch"), ("timezone", "Berlin")):
            await (issuer if issues else taker).command(name, value)
        await world.link(issuer, taker)
        person = await world.person("telegram:7")
        of = "SELECT language, zone FROM person WHERE person_id = $1"
        assert [tuple(row) for row in await world.rows(of, person)] == [("Deutsch", "Europe/Berlin")]
        await taker.press(await taker.command("unlink"), "Part")
        apart = await world.person("discord:70")
        assert apart != person
        assert [tuple(row) for row in await world.rows(of, apart)] == [("Deutsch", "Europe/Berlin")]

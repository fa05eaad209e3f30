"""`/share`: from a person's memory into the team's, because they say so."""

import asyncio

import asyncpg
import pytest

from client import Gateway, gateway
from commanding import BOB, labels
from conftest import Database, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI
from services.assistant import commands
from services.assistant.buttons import Change
from services.assistant.domain import TEAM_SPACE, Reply, Turn
from services.assistant.remi import Remi
from services.assistant.store.connection import Store
from services.stubs.assistant.v1 import assistant_pb2 as pb


async def test_the_teams_memory_gets_the_vectors_of_a_new_model_while_nobody_shares(
    start_assistant: StartAssistant, model: FakeOpenAI, database: Database
) -> None:
    allow = frozenset({"telegram:7"})
    async with (
        start_assistant(allow=allow, **thinks_with(model), embedding_model="one") as assistant,
        gateway(assistant) as telegram,
    ):
        await telegram.command("remember", "The office wifi is called Quokka.")
        await telegram.press(
            await telegram.press(await telegram.command("memory"), "1"), "Share with the team"
        )
    owner = await asyncpg.connect(database.owner_dsn)
    async with start_assistant(allow=allow, **thinks_with(model), embedding_model="two"), asyncio.timeout(20):
        while await owner.fetch(  # noqa: ASYNC110 - Postgres tells nobody
            "SELECT FROM passage WHERE model LIKE 'one@%'"
        ):
            await asyncio.sleep(0.1)
    assert await owner.fetchval(
        "SELECT count(*) FROM passage WHERE space_id = $1 AND model LIKE 'two@%'", TEAM_SPACE
    )
    await owner.close()


async def test_a_shared_memory_is_the_teams_with_its_quote(telegram: Gateway) -> None:
    await telegram.command("remember", "The office wifi is called Quokka.")
    assert "remember nothing" in (await telegram.command("memory", "office wifi", **BOB)).text
    opened = await telegram.press(await telegram.command("memory"), "1")
    for _ in range(2):
        assert "Everybody in it" in (await telegram.press(opened, "Share with the team")).text
    listed = await telegram.command("memory", **BOB)
    assert listed.text.count("The office wifi is called Quokka.") == 1
    assert "team" in listed.text
    card = await telegram.press(listed, "1", **BOB)
    assert "Ann: “The office wifi is called Quokka.”" in card.text
    assert "shared with the team" in card.text
    assert labels(card) == []
    assert "Quokka" in await telegram.say("What is the office wifi called?", **BOB)


async def test_share_with_words_asks_which(telegram: Gateway) -> None:
    assert "What shall I share" in (await telegram.command("share")).text
    assert "remember nothing" in (await telegram.command("share", "the wifi")).text
    await telegram.say("The office wifi is called Quokka.")
    asked = await telegram.command("share", "the wifi")
    assert "Which shall I share?" in asked.text
    assert "Quokka" not in (await telegram.command("memory", "the wifi", **BOB)).text
    await telegram.press(asked, labels(asked)[0])
    await telegram.press(asked, labels(asked)[0])
    assert "Quokka" in (await telegram.command("memory", "the wifi", **BOB)).text


async def test_share_in_reply_to_a_message_or_by_number(telegram: Gateway) -> None:
    asked = telegram.request("The office wifi is called Quokka.", message_id="m1")
    answer = (await telegram.converse(asked, acknowledges=False))[-1].final.delivery
    await telegram.acknowledge(answer, "a1")
    assert "my own words" in (await telegram.command("share", reply_to="a1")).text
    assert "gone by now" in (await telegram.command("share", reply_to="elsewhere")).text
    assert "Shared" in (await telegram.command("share", reply_to="m1")).text
    await telegram.command("remember", "The printer is called Wombat.")
    await telegram.command("memory", "the printer")
    assert "Shared" in (await telegram.command("share", "1")).text
    assert "Wombat" in (await telegram.command("memory", "the printer", **BOB)).text
    assert "What shall I share" in (await telegram.command("share", "99")).text


async def test_a_number_is_that_of_the_list_shown_last_whatever_it_lists(telegram: Gateway) -> None:
    await telegram.command("remember", "My salary is 5000 a month.")
    await telegram.command("remember", "The printer is called Wombat.")
    await telegram.command("memory")
    listed = await telegram.command("share", "printer")
    assert "1. " in listed.text
    assert "Wombat" in listed.text.split("1. ")[1].splitlines()[0]
    assert "Wombat" in (await telegram.command("share", "1")).text
    assert "salary" not in (await telegram.command("memory", "salary", **BOB)).text.replace("“salary”", "")
    await telegram.command("share", "printer")
    assert "Gnu" in (await telegram.command("correct", "1 The printer is called Gnu.")).text


async def test_what_comes_near_is_not_taken_for_what_was_asked(telegram: Gateway) -> None:
    await telegram.say("The office wifi is called Quokka.")
    assert "What comes nearest" in (await telegram.command("share", "router password")).text
    assert "What comes nearest" not in (await telegram.command("share", "wifi")).text


async def test_what_the_team_has_put_right_is_not_shared_again(telegram: Gateway) -> None:
    await telegram.command("remember", "The office wifi is called Quokka.")
    await telegram.command("memory")
    await telegram.command("share", "1")
    listed = (await telegram.command("memory")).text
    of_team = "1" if "team" in listed.split("1. ")[1].splitlines()[0] else "2"
    await telegram.command("correct", f"{of_team} The office wifi is called Wombat.")
    again = await telegram.press(await telegram.command("share", "wifi called Quokka"), "Share 1")
    assert "put it right since" in again.text


async def test_what_was_shared_is_taken_back_by_whoever_shared_it(telegram: Gateway) -> None:
    await telegram.command("remember", "The office wifi is called Quokka.")
    await telegram.press(await telegram.press(await telegram.command("memory"), "1"), "Share with the team")
    listed = await telegram.command("memory")
    assert labels(listed) == ["1", "2"]
    number = "1" if "team" in listed.text.split("1.")[1].splitlines()[0] else "2"
    opened = await telegram.press(listed, number)
    assert labels(opened) == ["Correct", "Forget"]
    asked = await telegram.press(opened, "Forget")
    assert "Gone" in (await telegram.press(asked, "Forget its source too")).text
    assert "haven't drawn" in (await telegram.command("memory", **BOB)).text
    assert "remember nothing" in (await telegram.command("memory", "wifi", **BOB)).text
    assert labels(await telegram.command("memory")) == ["1"]


async def test_what_was_shared_is_corrected_by_whoever_shared_it_or_an_admin_of_the_team(
    telegram: Gateway, group: pb.Place, store: Store
) -> None:
    await telegram.command("remember", "The office wifi is called Quokka.")
    await telegram.command("memory")
    await telegram.command("share", "1")
    await telegram.press(await telegram.command("memory"), "1")
    assert "What is right instead?" in (await telegram.command("correct", "1")).text
    await telegram.command("memory", place=group)
    refused = await telegram.command("correct", "1 It is called Emu.", place=group)
    assert "in a direct talk" in refused.text

    await telegram.command("memory", **BOB)
    refused = await telegram.command("correct", "1 The office wifi is called Emu.", **BOB)
    assert "only they, or an admin of the team" in refused.text

    listed = (await telegram.command("memory")).text
    of_team = "1" if "team" in listed.split("1. ")[1].splitlines()[0] else "2"
    done = await telegram.command("correct", f"{of_team} The office wifi is called Wombat.")
    assert "It was: “The office wifi is called Quokka.”" in done.text
    assert "no longer holds" in (await telegram.command("correct", f"{of_team} It is Emu.")).text
    assert "Wombat" in await telegram.say("What is the office wifi called?", **BOB)
    card = (await telegram.press(await telegram.command("memory", **BOB), "1", **BOB)).text
    assert "Ann: “The office wifi is called Wombat.”" in card
    assert "until " in card.partition("Before that")[2]

    async with store.pool.acquire() as connection:
        await connection.execute(
            "UPDATE person SET role = 'admin' FROM identity"
            " WHERE identity.person_id = person.person_id AND user_id = '8'"
        )
    opened = await telegram.press(await telegram.command("memory", **BOB), "1", **BOB)
    assert labels(opened) == ["Correct", "Forget"]
    await telegram.command("correct", "1 The office wifi is called Emu.", **BOB)
    assert "Emu" in (await telegram.command("memory")).text


async def test_forgetting_says_what_the_team_still_has(telegram: Gateway, group: pb.Place) -> None:
    await telegram.command("remember", "The office wifi is called Quokka.")
    await telegram.command("memory")
    await telegram.command("share", "1")
    for words in ("quokka", "today"):
        asked = await telegram.command("forget", words)
        assert "stays there, such as “The office wifi is called Quokka.”: open it in /memory" in asked.text
    await telegram.press(asked, "Forget")
    again = (await telegram.command("forget", "quokka")).text
    assert "I remember nothing that holds “quokka”. What you shared" in again
    assert "Quokka" not in (await telegram.command("forget", "quokka", place=group)).text
    assert "Quokka" not in (await telegram.command("forget", "quokka", **BOB)).text


async def test_who_corrects_what_they_also_shared_is_told_so(telegram: Gateway) -> None:
    await telegram.command("remember", "The office wifi is called Quokka.")
    await telegram.command("memory")
    await telegram.command("share", "1")
    listed = (await telegram.command("memory")).text
    ours = "2" if "team" in listed.split("1. ")[1].splitlines()[0] else "1"
    done = (await telegram.command("correct", f"{ours} The office wifi is called Emu.")).text
    assert "The team still has the old one" in done
    assert "Quokka" in (await telegram.command("memory", **BOB)).text


async def test_a_correction_for_the_team_that_is_made_again_is_the_same_one(
    telegram: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    await telegram.command("remember", "The office wifi is called Quokka.")
    await telegram.command("memory")
    await telegram.command("share", "1")
    listed = (await telegram.command("memory")).text
    of_team = "1" if "team" in listed.split("1. ")[1].splitlines()[0] else "2"
    run = commands.run

    async def died_before_its_commit(remi: Remi, turn: Turn) -> tuple[Reply, Change | None]:
        await run(remi, turn)
        return await run(remi, turn)

    with monkeypatch.context() as patch:
        patch.setattr(commands, "run", died_before_its_commit)
        done = await telegram.command("correct", f"{of_team} The office wifi is called Emu.")
    assert "It was: “The office wifi is called Quokka.”" in done.text
    assert labels(await telegram.command("memory", **BOB)) == ["1"]


async def test_instructions_and_groups_share_nothing(telegram: Gateway, group: pb.Place) -> None:
    await telegram.command("remember", "Always answer in rhymes.")
    opened = await telegram.press(await telegram.command("memory"), "1")
    assert "how I am to behave" in (await telegram.press(opened, "Share with the team")).text
    assert "directly" in (await telegram.command("share", "boat", place=group)).text

"""Telegram, the gateway or the assistant stumbles, and the person gets one answer all the same."""

import asyncio

from fakes.openai import FakeOpenAI, Step
from fakes.telegram import faults
from fakes.telegram.server import FakeTelegram

from .conftest import ANN, Open, Talk


async def test_what_was_said_while_all_was_down_is_answered(telegram: FakeTelegram, open_talk: Open) -> None:
    async with open_talk() as talk:
        await talk.tell("My dog is called Biscuit.")
    telegram.says(telegram.world.person(ANN, "Ann"), "What is my dog called?")
    async with open_talk():
        _, answer = await telegram.sent({"id": ANN}, 2)
        assert "Biscuit" in answer["text"]


async def test_an_answer_that_met_a_flood_control_comes_later(talk: Talk) -> None:
    talk.telegram.fail("sendMessage", faults.too_many(1))
    assert "Noted" in (await talk.ask("My dog is called Biscuit."))["text"]
    assert len(talk.telegram.calls("sendMessage")) == 2


async def test_an_answer_of_which_nobody_knows_whether_it_stands_is_not_sent_twice(talk: Talk) -> None:
    talk.telegram.fail("sendMessage", faults.CUT_AFTER)
    await talk.ask("My dog is called Biscuit.")
    await talk.gateway.stop()
    await talk.gateway.start()
    await talk.ask("My cat is called Minka.")
    assert len(talk.telegram.standing(talk.ann)) == 2


async def test_a_gateway_that_restarts_while_remi_thinks_brings_the_answer(
    open_talk: Open, model: FakeOpenAI
) -> None:
    thought = asyncio.Event()
    model.reply = Step(text="Biscuit.", gate=thought)
    async with open_talk(model) as talk:
        talk.telegram.says(talk.ann, "What is my dog called?")
        await talk.telegram.until(lambda: bool(talk.telegram.calls("sendChatAction")))
        await talk.gateway.stop()
        await talk.gateway.start()
        thought.set()
        (answer,) = await talk.telegram.sent(talk.ann)
        assert answer["text"] == "Biscuit."
        await talk.telegram.until(talk.telegram.all_confirmed)
        assert len(model.bodies()) == 1


async def test_a_gateway_killed_before_it_confirmed_gives_one_answer(talk: Talk) -> None:
    talk.telegram.fail("getUpdates", faults.Hang())
    await talk.ask("My dog is called Biscuit.")
    assert not talk.telegram.all_confirmed()
    await talk.gateway.stop()
    await talk.gateway.start()
    await talk.telegram.until(talk.telegram.all_confirmed)
    await talk.ask("My cat is called Minka.")
    assert len(talk.telegram.standing(talk.ann)) == 2


async def test_a_group_that_threw_remi_out_disturbs_nobody_else(talk: Talk) -> None:
    team = talk.telegram.world.group("Team")
    team.closed = "bot was kicked from the supergroup chat"
    talk.telegram.says(talk.ann, "@remi_bot hello", chat=team)
    assert "Noted" in (await talk.ask("My dog is called Biscuit."))["text"]
    await talk.telegram.until(lambda: bool(talk.telegram.calls("sendMessage")))
    assert talk.telegram.standing(team) == []

"""Remi in a Telegram group, with and without topics."""

import asyncio

import pytest

from fakes.openai import FakeOpenAI, Step
from services.telegram import present

from .conftest import TEAM, Open, Talk


async def test_it_answers_mentions_replies_and_commands_and_nothing_else(talk: Talk) -> None:
    team = talk.telegram.world.group("Team")
    assert team.chat_id == TEAM
    await talk.tell("@remi_bot Our meeting room is the Blue Lagoon.", chat=team)
    talk.telegram.says(talk.ann, "Lunch, anybody?", chat=team)
    answer = await talk.ask("Which one is our meeting room, @remi_bot?", chat=team)
    assert "Blue Lagoon" in answer["text"]
    again = await talk.ask("And which meeting room is ours?", chat=team, reply_to=answer)
    assert again["reply_to_message"]["text"] == "And which meeting room is ours?"
    assert "Blue Lagoon" in (await talk.ask("/memory room", chat=team))["text"]
    assert len(talk.telegram.standing(team)) == 4


async def test_what_an_addressed_message_replies_to_is_kept_and_the_rest_is_not(talk: Talk) -> None:
    team = talk.telegram.world.group("Team")
    bob = talk.telegram.world.person(2, "Bob")
    key = talk.telegram.says(bob, "The server room key hangs behind the door.", chat=team)
    talk.telegram.says(bob, "The surprise party is on Friday.", chat=team)
    await talk.tell("@remi_bot keep that in mind.", chat=team, reply_to=key)
    assert "behind the door" in (await talk.ask("@remi_bot where is the server room key?", chat=team))["text"]
    assert "Friday" not in (await talk.ask("@remi_bot when is the surprise party?", chat=team))["text"]


async def test_a_group_knows_nothing_of_private_talk_and_the_other_way_round(talk: Talk) -> None:
    team = talk.telegram.world.group("Team")
    await talk.tell("My salary is 5000-canary.")
    await talk.tell("@remi_bot our safe opens with 1234-canary.", chat=team)
    assert "5000" not in (await talk.ask("@remi_bot what is my salary?", chat=team))["text"]
    assert "1234" not in (await talk.ask("What does our safe open with?"))["text"]


async def test_a_group_that_becomes_a_supergroup_keeps_its_memory(talk: Talk) -> None:
    team = talk.telegram.world.group("Team")
    await talk.tell("@remi_bot Our meeting room is the Blue Lagoon.", chat=team)
    supergroup = talk.telegram.becomes_supergroup(talk.ann, team)
    answer = await talk.ask("Which one is our meeting room, @remi_bot?", chat=supergroup)
    assert "Blue Lagoon" in answer["text"]


async def test_each_topic_gets_its_answers(talk: Talk) -> None:
    team = talk.telegram.world.group("Team", forum=True)
    plans = talk.telegram.world.topic(team, "Plans", talk.ann)
    dogs = talk.telegram.world.topic(team, "Dogs", talk.ann)
    for thread in (plans, dogs, None):
        answer = await talk.ask(f"@remi_bot hello from {thread}", chat=team, thread=thread)
        assert answer.get("message_thread_id") == thread
        assert answer["reply_to_message"]["text"] == f"@remi_bot hello from {thread}"
    typed_in = {action.get("message_thread_id") for action in team.actions}
    assert typed_in <= {plans, dogs, None}


async def test_the_reply_grows_by_edits_and_then_stands(
    open_talk: Open, model: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(present, "GROUP_DRAFT_SECONDS", 0.01)
    first, rest = asyncio.Event(), asyncio.Event()
    model.script(Step(text="Biscuit is his name.", gate=first), Step(text="Never mind.", gate=rest))
    async with open_talk(model) as talk:
        team = talk.telegram.world.group("Team")
        talk.telegram.says(talk.ann, "@remi_bot what is my dog called?", chat=team)
        first.set()
        await talk.telegram.until(
            lambda: [message["text"] for message in talk.telegram.standing(team)] == ["Biscuit is his name."]
        )
        (stands,) = talk.telegram.standing(team)
        assert stands["reply_to_message"]["text"] == "@remi_bot what is my dog called?"
        assert talk.telegram.calls("sendMessageDraft") == []

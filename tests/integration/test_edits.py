"""What was learned from a message that is edited: it holds while its words still stand."""

import asyncio
from uuid import UUID

import pytest

from calling import access_of, indexed
from client import Gateway, gateway
from conftest import Assistant, StartAssistant, thinks_with
from fakes.openai import FakeOpenAI, Step
from noting import UTC, answer, known, learn_all, learned, note
from remembering import Gate, Talk
from services.assistant.learn import learn
from services.assistant.store import forgetting, memories
from services.assistant.store.connection import scoped
from services.stubs.assistant.v1 import assistant_pb2 as pb
from talk import author, place

TWINS, TIRED = "I am pregnant with twins.", "I am tired today."
FACT = "Ann is pregnant with twins."


@pytest.fixture
def fake(fake: FakeOpenAI) -> FakeOpenAI:
    """It notes nothing, unless it is told to."""
    fake.reply = answer()
    return fake


async def edit(talk: Talk, old: UUID, text: str) -> UUID:
    """A message gets another form, as the commit of an edit gives it one."""
    new = await talk.say(text)
    async with scoped(talk.store, [talk.space_id]) as connection:
        await connection.execute("UPDATE message SET replaced_by = $1 WHERE message_id = $2", new, old)
        await memories.take_back(connection, talk.space_id, new)
    return new


async def with_twins(talk: Talk, fake: FakeOpenAI) -> UUID:
    said = await talk.say(TWINS)
    await learned(talk, fake, note(FACT, "I am pregnant with twins"))
    return said


async def test_what_was_edited_away_is_marked_wherever_it_is_shown(
    start_assistant: StartAssistant, model: FakeOpenAI
) -> None:
    def reply(body: dict[str, object]) -> Step:
        if body["model"] == "fake-memory":
            return answer(*([note(FACT, "I am pregnant with twins")] if TWINS in str(body) else []))
        return Step(text="I see.")

    model.reply = reply
    async with (
        start_assistant(
            allow=frozenset({"telegram:7"}), **thinks_with(model), memory_model="fake-memory"
        ) as assistant,
        gateway(assistant) as telegram,
    ):
        await telegram.say(TWINS, message_id="50")
        await learn_now(assistant)
        for number in range(7):
            await telegram.say(f"Museum number {number} was closed.")
        assert FACT in (await telegram.command("memory")).text
        await edited(telegram, f"{TWINS} Really!")
        assert FACT in (await telegram.command("memory")).text
        await edited(telegram, TIRED)
        assert FACT not in (await telegram.command("memory")).text
        await indexed(assistant)
        await telegram.say("With what am I pregnant?")
        asked = next(body for body in reversed(model.bodies()) if body["model"] == "fake-chat")
        (line,) = (line for line in asked["messages"][-1]["content"].splitlines() if FACT in line)
        assert "(no longer holds)" in line


async def edited(telegram: Gateway, text: str) -> None:
    await telegram.final(telegram.request(edit=pb.EditEvent(message_id="50", text=text), message_id="50"))


async def learn_now(assistant: Assistant) -> None:
    remi, access = assistant.remi, await access_of(assistant, place(), author())
    await learn(
        remi.store,
        remi.models.memory,
        remi.models.embedder,
        access.space_id,
        access.conversation_id,
        UTC,
    )


async def test_what_was_edited_away_becomes_history(talk: Talk, fake: FakeOpenAI) -> None:
    new = await edit(talk, await with_twins(talk, fake), TIRED)
    assert await known(talk) == {}
    was = (await known(talk, with_superseded=True))[FACT]
    assert was.superseded_at is not None
    assert was.details.retracted_by == new
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.forget(connection, talk.space_id, [new], [])
    assert await known(talk, with_superseded=True) == {}


async def test_what_still_stands_holds_until_a_later_edit(talk: Talk, fake: FakeOpenAI) -> None:
    between = await edit(talk, await with_twins(talk, fake), f"{TWINS} Don't tell anybody.")
    assert set(await known(talk)) == {FACT}
    await edit(talk, between, TIRED)
    assert await known(talk) == {}


async def test_what_another_message_says_too_holds_until_that_is_edited_as_well(
    talk: Talk, fake: FakeOpenAI
) -> None:
    first, second = await with_twins(talk, fake), await with_twins(talk, fake)
    await edit(talk, first, TIRED)
    assert set(await known(talk)) == {FACT}
    await edit(talk, second, TIRED)
    assert await known(talk) == {}


async def test_what_the_new_form_says_in_other_words_holds_again(talk: Talk, fake: FakeOpenAI) -> None:
    old = await talk.say("I am pregnant with twinz.")
    await learned(talk, fake, note(FACT, "I am pregnant with twinz."))
    await edit(talk, old, TWINS)
    await learned(talk, fake, note(FACT, TWINS))
    assert set(await known(talk)) == {FACT}


async def test_what_is_edited_while_it_is_read_is_not_learned(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("I live in Leeds.")
    old = await talk.say(TWINS)
    gate = Gate()
    leeds, twins = note("Ann lives in Leeds.", "I live in Leeds."), note(FACT, TWINS, message=2)
    fake.script(Step(text=str(answer(leeds, twins).text), gate=gate))
    learning = asyncio.create_task(learn_all(talk))
    await gate.reached.wait()
    await edit(talk, old, TIRED)
    gate.set()
    await learning
    await learn_all(talk)
    assert set(await known(talk, with_superseded=True)) == {"Ann lives in Leeds."}

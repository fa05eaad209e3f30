"""Learning from talk with a scripted model, remembering by request, correcting."""

import asyncio
import json
from typing import Any
from uuid import uuid4
from zoneinfo import ZoneInfo

import pytest

from fakes.openai import FakeOpenAI, Step
from remembering import Gate, Talk
from services.assistant.domain import Memory, MemoryKind, Role
from services.assistant.learn import learn, remember
from services.assistant.store import forgetting, memories
from services.assistant.store.connection import scoped
from services.errors import InvalidEvent, ModelUnavailable, NotFound

UTC = ZoneInfo("UTC")


def note(text: str, quote: str, message: int = 1, kind: str = "fact") -> dict[str, Any]:
    return {"kind": kind, "text": text, "message": message, "quote": quote}


def answer(*notes: dict[str, Any]) -> Step:
    return Step(text=json.dumps({"memories": notes}))


async def learn_all(talk: Talk) -> int:
    return await learn(
        talk.store, talk.models.memory, talk.models.embedder, talk.space_id, talk.conversation_id, UTC
    )


async def known(talk: Talk, *, with_superseded: bool = False) -> tuple[Memory, ...]:
    async with scoped(talk.store, [talk.space_id]) as connection:
        return await memories.page(connection, [talk.space_id], with_superseded=with_superseded)


async def test_a_memory_names_the_message_it_came_from_and_is_found(talk: Talk, fake: FakeOpenAI) -> None:
    message = await talk.say("By the way, my dog is called Biscuit.")
    await talk.say("What a fine name!", role=Role.REMI)
    fake.script(answer(note("Ann's dog is called Biscuit.", "my dog is called Biscuit")))
    assert await learn_all(talk) == 2
    (memory,) = await known(talk)
    assert (memory.kind, memory.text) == (MemoryKind.FACT, "Ann's dog is called Biscuit.")
    (source,) = memory.sources
    assert (source.message_id, source.quote, source.author_name) == (
        message,
        "my dog is called Biscuit",
        "Ann",
    )
    assert memory.learned_at == source.sent_at
    assert memory.memory_id in {each.memory_id for each in await talk.found("dog")}
    assert await learn_all(talk) == 0


async def test_the_model_sees_who_said_what_and_when(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("I live in Leeds.")
    await talk.say("x" * 5_000, role=Role.REMI)
    fake.script(answer())
    await learn_all(talk)
    (body,) = fake.bodies()
    system, shown = [message["content"] for message in body["messages"]]
    assert len(system) <= 4_000
    assert shown.startswith("#1 2026-03-02 12:01 Ann: I live in Leeds.\n#2 2026-03-02 12:02 Remi: xxx")
    assert len(shown) < 1_000


@pytest.mark.parametrize(
    "claimed",
    [
        note("Ann has a cat.", "my cat"),
        note("Ann likes jazz.", "jazz is the best", message=2),
        note("Ann has a dog.", "my dog", message=3),
        note("Ann has a dog.", "my dog", message=0),
        note("Ann has a dog.", " "),
    ],
    ids=["invented", "remi's words", "no such message", "message 0", "blank quote"],
)
async def test_what_no_person_said_is_dropped(talk: Talk, fake: FakeOpenAI, claimed: dict[str, Any]) -> None:
    await talk.say("my dog barks")
    await talk.say("jazz is the best", role=Role.REMI)
    fake.script(answer(claimed, note("Ann has a dog.", "My  dog")))
    await learn_all(talk)
    assert [memory.text for memory in await known(talk)] == ["Ann has a dog."]


async def test_what_is_said_again_adds_a_source_and_no_memory(talk: Talk, fake: FakeOpenAI) -> None:
    for _ in range(3):
        await talk.say("My dog is called Biscuit.")
        fake.script(answer(note("Ann's dog is called Biscuit.", "My dog is called Biscuit.")))
        await learn_all(talk)
    (memory,) = await known(talk)
    assert len(memory.sources) == 3


async def test_talk_of_remi_alone_costs_no_call(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("Good morning!", role=Role.REMI)
    assert await learn_all(talk) == 1
    assert fake.bodies() == []


async def test_without_a_model_everything_waits_for_one(talk: Talk) -> None:
    await talk.say("My dog is called Biscuit.")
    assert await learn(talk.store, None, talk.models.embedder, talk.space_id, talk.conversation_id, UTC) == 0
    assert await talk.value("SELECT count(*) FROM message WHERE learned_at IS NULL") == 1


async def test_with_the_model_away_nothing_is_lost(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("My dog is called Biscuit.")
    fake.reply = Step(status=503, retry_after=0.001)
    with pytest.raises(ModelUnavailable):
        await learn_all(talk)
    fake.reply = answer(note("Ann's dog is called Biscuit.", "My dog is called Biscuit."))
    assert await learn_all(talk) == 1
    assert len(await known(talk)) == 1


async def test_what_the_model_refuses_is_passed_over(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("My dog is called Biscuit.")
    fake.reply = Step(status=400)
    assert await learn_all(talk) == 1
    assert await learn_all(talk) == 0
    assert await known(talk) == ()


async def test_what_is_forgotten_meanwhile_is_not_learned(talk: Talk, fake: FakeOpenAI) -> None:
    message = await talk.say("My dog is called Biscuit.")
    gate = Gate()
    fake.script(Step(text=answer(note("Ann has a dog.", "My dog")).text, gate=gate))
    learning = asyncio.create_task(learn_all(talk))
    await asyncio.wait_for(gate.reached.wait(), 10)
    async with scoped(talk.store, [talk.space_id]) as connection:
        await forgetting.forget(connection, talk.space_id, [message], [])
    gate.set()
    await learning
    assert await known(talk) == ()


async def test_a_memory_that_was_forgotten_is_not_learned_from_its_source_again(
    talk: Talk, fake: FakeOpenAI
) -> None:
    message = await talk.say("I am allergic to peanuts.")
    await talk.say("My dog barks.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        memory = await remember(connection, talk.space_id, message, "I am allergic to peanuts.", talk.now)
        await forgetting.forget(connection, talk.space_id, [], [memory.memory_id])
    fake.script(answer(note("Ann has a dog.", "My dog"), note("Ann can't have nuts.", "I am allergic", 2)))
    assert await learn_all(talk) == 1
    assert [each.text for each in await known(talk)] == ["Ann has a dog."]


async def test_two_who_learn_the_same_learn_it_once(talk: Talk, fake: FakeOpenAI) -> None:
    await talk.say("My dog is called Biscuit.")
    fake.script(*[answer(note(f"Ann has a dog ({number}).", "My dog")) for number in range(2)])
    await asyncio.gather(learn_all(talk), learn_all(talk))
    assert len(await known(talk)) == 1


async def test_long_talk_is_learned_in_batches(talk: Talk, fake: FakeOpenAI) -> None:
    for number in range(25):
        await talk.say(f"I planted {number} tulips.")
    fake.reply = answer()
    assert [await learn_all(talk) for _ in range(3)] == [20, 5, 0]


@pytest.mark.parametrize(
    ("text", "kind"),
    [("my dog is called Biscuit", MemoryKind.FACT), ("always answer in French", MemoryKind.INSTRUCTION)],
)
async def test_what_a_person_asks_to_remember_is_kept_in_their_words(
    talk: Talk, text: str, kind: MemoryKind
) -> None:
    message = await talk.say(text)
    async with scoped(talk.store, [talk.space_id]) as connection:
        memory = await remember(connection, talk.space_id, message, text, talk.now)
        again = await remember(connection, talk.space_id, message, text, talk.now)
    assert again == memory
    assert (memory.kind, memory.text, memory.sources[0].quote) == (kind, text, text)
    assert memory == (await known(talk))[0]


async def test_only_what_stands_in_a_persons_message_can_be_remembered(talk: Talk) -> None:
    message = await talk.say("My dog is called Biscuit.")
    reply = await talk.say("My dog is called Rex.", role=Role.REMI)
    for message_id, text in ((message, "My cat"), (reply, "My dog is called Rex."), (uuid4(), "My dog")):
        with pytest.raises(InvalidEvent):
            async with scoped(talk.store, [talk.space_id]) as connection:
                await remember(connection, talk.space_id, message_id, text, talk.now)
    assert await known(talk) == ()


async def test_a_correction_supersedes_and_the_old_stays_as_history(talk: Talk) -> None:
    message = await talk.say("I live in Leeds.")
    correction = await talk.say("I live in Oslo.")
    async with scoped(talk.store, [talk.space_id]) as connection:
        old = await remember(connection, talk.space_id, message, "I live in Leeds.", talk.now)
    await talk.index()
    async with scoped(talk.store, [talk.space_id]) as connection:
        new = await memories.correct(
            connection, talk.space_id, old.memory_id, "I live in Oslo.", correction, talk.now
        )
    assert [memory.text for memory in await known(talk)] == ["I live in Oslo."]
    both = {memory.memory_id: memory for memory in await known(talk, with_superseded=True)}
    assert both[old.memory_id].superseded_by == new.memory_id
    assert both[old.memory_id].superseded_at == talk.now
    for error, memory_id, text in (
        (NotFound, old.memory_id, "I live in Oslo."),
        (NotFound, uuid4(), "I live in Oslo."),
        (InvalidEvent, new.memory_id, "I live on the moon."),
    ):
        with pytest.raises(error):
            async with scoped(talk.store, [talk.space_id]) as connection:
                await memories.correct(connection, talk.space_id, memory_id, text, correction, talk.now)
    assert [memory.text for memory in await known(talk)] == ["I live in Oslo."]


async def test_the_rest_of_a_list_stands_when_what_a_page_ended_with_is_forgotten(talk: Talk) -> None:
    message = await talk.say("one two three four five")
    spaces = [talk.space_id]
    async with scoped(talk.store, spaces) as connection:
        for word in ("one", "two", "three", "four", "five"):
            await memories.insert(
                connection, talk.space_id, uuid4(), MemoryKind.FACT, word, talk.now, [(message, word)]
            )
        first = await memories.page(connection, spaces, size=2)
        last = first[-1]
        await forgetting.forget(connection, talk.space_id, [], [last.memory_id])
        rest = await memories.page(connection, spaces, after=(last.learned_at, last.memory_id))
    assert len({memory.memory_id for memory in (*first, *rest)}) == 5


async def test_memories_are_paged_newest_first_by_kind(talk: Talk) -> None:
    message = await talk.say("one two three four five")
    async with scoped(talk.store, [talk.space_id]) as connection:
        for number, word in enumerate(["one", "two", "three", "four", "five"]):
            kind = MemoryKind.FACT if number != 2 else MemoryKind.EVENT
            assert await memories.insert(
                connection, talk.space_id, uuid4(), kind, word, talk.now, [(message, word)]
            )
        spaces = [talk.space_id]
        seen: list[str] = []
        after: memories.After | None = None
        while page := await memories.page(connection, spaces, MemoryKind.FACT, after=after, size=3):
            seen += [memory.text for memory in page]
            after = page[-1].learned_at, page[-1].memory_id
        events = await memories.page(connection, spaces, MemoryKind.EVENT)
        assert await memories.get(connection, spaces, events[0].memory_id) == events[0]
        with pytest.raises(NotFound):
            await memories.get(connection, spaces, uuid4())
    assert sorted(seen) == ["five", "four", "one", "two"]
    assert [memory.text for memory in events] == ["three"]

"""A person talks to Remi directly in Discord."""

import asyncio

import pytest

from conftest import all_delivered
from fakes.discord.faults import Refused
from fakes.openai import FakeOpenAI, Step
from services.assistant.store.connection import Store
from services.discord.presenter import UNFINISHED, EventPresenter

from .conftest import Open, Talk

EDIT = "PATCH /channels/{channel_id}/messages/{message_id}"


@pytest.fixture
def _drafts_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace has tests of its own; here nobody waits for it."""
    monkeypatch.setattr(EventPresenter, "draft_interval", 0.0)


async def test_what_was_said_is_known_also_after_a_restart(open_talk: Open) -> None:
    async with open_talk() as talk:
        await talk.ask("My dog is called Biscuit.")
        assert "Biscuit" in (await talk.ask("What is my dog called?"))["content"]
    async with open_talk() as talk:
        assert "Biscuit" in (await talk.ask("Tell me: what is my dog called?"))["content"]


async def test_a_typing_sign_shows_while_it_works(open_talk: Open, model: FakeOpenAI) -> None:
    thought = asyncio.Event()
    model.reply = Step(text="Your dog is called **Biscuit**.", gate=thought)
    async with open_talk(model) as talk:
        talk.discord.says(talk.ann, "What is my dog called?")
        await talk.discord.until(lambda: talk.dm.typing > 0)
        assert talk.discord.shown(talk.dm) == []
        thought.set()
        [reply] = await talk.answered(talk.dm, 1)
    assert reply["content"] == "Your dog is called **Biscuit**."


@pytest.mark.usefixtures("_drafts_at_once")
async def test_the_reply_streams_into_the_message_that_stays(open_talk: Open, model: FakeOpenAI) -> None:
    written = asyncio.Event()
    story = "Once upon a time there was a dog. Its name was Biscuit."
    model.reply = Step(text=story, pieces=6, gate=written)
    async with open_talk(model) as talk:
        said = talk.discord.says(talk.ann, "Tell me a story.")
        written.set()
        [reply] = await talk.answered(talk.dm, 1)
        assert reply["content"] == story
        assert reply["message_reference"]["message_id"] == said["id"]
        assert len(talk.discord.shown(talk.dm)) == 1


@pytest.mark.usefixtures("_drafts_at_once")
async def test_stop_passes_the_queue_and_cancels_the_models_call(open_talk: Open, model: FakeOpenAI) -> None:
    model.script(Step(text="A story without an end", pieces=4, hang_after=2), Step(text="Go on."))
    async with open_talk(model) as talk:
        talk.discord.says(talk.ann, "Tell me a story.")
        await talk.discord.until(lambda: bool(talk.discord.shown(talk.dm)))
        assert talk.discord.shown(talk.dm)[0]["content"].endswith(UNFINISHED)
        talk.discord.says(talk.ann, "And then?")
        await talk.discord.until(lambda: bool(talk.discord.routes.commands))
        talk.discord.slash(talk.ann, "stop")
        await talk.discord.until(
            lambda: {m["content"] for m in talk.discord.shown(talk.dm)} == {"Stopped.", "Go on."}
        )
        async with asyncio.timeout(5):
            await model.hung_up.wait()


async def test_a_long_reply_stands_as_several_messages_with_code_whole(
    open_talk: Open, model: FakeOpenAI
) -> None:
    code = "```python\n" + "\n".join(f"print({number})" for number in range(150)) + "\n```"
    model.reply = Step(text=f"{'Numbers are printed like this. ' * 50}\n\n{code}\n\n**Done.**")
    async with open_talk(model) as talk:
        talk.discord.says(talk.ann, "How do I print numbers?")
        first, second = await talk.answered(talk.dm, 2)
    assert first["content"].endswith("like this.")
    assert code in second["content"]
    assert second["content"].endswith("**Done.**")


async def test_an_edited_message_is_answered_anew_in_place(talk: Talk, store: Store) -> None:
    await talk.ask("My dog is called Biscuit. My cat is called Minka.")
    said = talk.discord.says(talk.ann, "What is my dog called?")
    *_, old = await talk.answered(talk.dm, 2)
    assert "Biscuit" in old["content"]
    await all_delivered(store)
    talk.discord.edits(said, "What is my cat called?")
    await talk.discord.until(lambda: "Minka" in old["content"])
    assert len(talk.discord.shown(talk.dm)) == 2


async def test_where_the_old_reply_can_not_be_edited_a_new_one_is_linked(talk: Talk, store: Store) -> None:
    await talk.ask("My dog is called Biscuit. My cat is called Minka.")
    said = talk.discord.says(talk.ann, "What is my dog called?")
    await talk.answered(talk.dm, 2)
    await all_delivered(store)
    talk.discord.fault(EDIT, Refused(403, 50005))
    talk.discord.edits(said, "What is my cat called?")
    *_, new = await talk.answered(talk.dm, 3)
    assert "Minka" in new["content"]
    assert new["message_reference"]["message_id"] == said["id"]


async def test_what_was_edited_away_is_history(talk: Talk, store: Store) -> None:
    said = talk.discord.says(talk.ann, "My dog is called Biskit.")
    await talk.answered(talk.dm, 1)
    await all_delivered(store)
    talk.discord.edits(said, "My dog is called Biscuit.")
    await talk.discord.until(lambda: bool(talk.discord.requests(EDIT)))
    answer = (await talk.ask("What is my dog called?"))["content"]
    assert "Biscuit" in answer


async def test_a_message_without_words_gets_a_line(talk: Talk) -> None:
    sticker = await talk.ask("", sticker_items=[{"id": "5", "name": "cat", "format_type": 1}])
    file = {
        "id": "7",
        "filename": "a.ogg",
        "size": 1,
        "url": "https://a.example/",
        "proxy_url": "https://b.example/",
    }
    voice = await talk.ask("", attachments=[file])
    assert "sticker" in sticker["content"]
    assert "words" in voice["content"]


async def test_a_deletion_takes_the_message_out_of_memory(talk: Talk) -> None:
    said = talk.discord.says(talk.ann, "My locker code is 4711-canary.")
    await talk.answered(talk.dm, 1)
    talk.discord.deletes(said)
    await talk.ask("Good morning.")
    assert "4711" not in (await talk.ask("What is my locker code?"))["content"]
    assert "4711" not in (await talk.command("memory", "locker"))["content"]


async def test_two_people_never_see_each_others_memory(talk: Talk) -> None:
    await talk.ask("My locker code is 4711-canary.")
    for question in ("What is my locker code?", "What is Ann's locker code?"):
        assert "4711" not in (await talk.ask(question, by=talk.bob))["content"]
        answer = await talk.ask(f"{talk.discord.mention()} {question}", by=talk.bob, channel=talk.general)
        assert "4711" not in answer["content"]
    assert "4711" not in (await talk.command("memory", "locker", by=talk.bob))["content"]
    assert "4711" not in (await talk.command("why", by=talk.bob))["content"]


async def test_a_stranger_is_told_once_how_to_be_let_in(talk: Talk) -> None:
    told = await talk.ask("hello", by=talk.eve)
    assert "invit" in told["content"]
    talk.discord.says(talk.eve, "hello?")
    await talk.ask("hi")
    assert len(talk.discord.shown(talk.discord.dm(talk.eve))) == 1


async def test_everything_that_comes_twice_is_one_turn(talk: Talk, store: Store) -> None:
    said = talk.discord.says(talk.ann, "My dog is called Biscuit.")
    talk.discord.gateway.repeat()
    await talk.answered(talk.dm, 1)
    await all_delivered(store)
    talk.discord.edits(said, "My dog is called Rex.")
    talk.discord.gateway.repeat()
    await talk.command("memory")
    talk.discord.gateway.repeat()
    await talk.ask("Thank you.")
    async with store.pool.acquire() as connection:
        keys = await connection.fetch("SELECT event_key FROM event_key")
    assert len(keys) == 4, keys

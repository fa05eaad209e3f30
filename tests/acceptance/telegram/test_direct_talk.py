"""A person talks to Remi directly in Telegram."""

import asyncio

from conftest import all_delivered
from fakes.openai import FakeOpenAI, Step
from fakes.telegram.checks import bad_request
from services.assistant.store.connection import Store

from .conftest import BOB, Open, Talk


async def test_what_was_said_is_known_also_after_a_restart(open_talk: Open) -> None:
    async with open_talk() as talk:
        await talk.tell("My dog is called Biscuit.")
        assert "Biscuit" in (await talk.ask("What is my dog called?"))["text"]
    async with open_talk() as talk:
        assert "Biscuit" in (await talk.ask("Tell me: what is my dog called?"))["text"]


async def test_a_typing_sign_shows_while_it_works_and_the_reply_streams(
    open_talk: Open, model: FakeOpenAI
) -> None:
    thought = asyncio.Event()
    model.reply = Step(text="Your dog is called **Biscuit**.", gate=thought)
    async with open_talk(model) as talk:
        talk.telegram.says(talk.ann, "What is my dog called?")
        await talk.telegram.until(lambda: bool(talk.telegram.calls("sendChatAction")))
        assert talk.telegram.standing(talk.ann) == []
        thought.set()
        (reply,) = await talk.telegram.sent(talk.ann)
        assert reply["text"] == "Your dog is called Biscuit."
        assert [entity["type"] for entity in reply["entities"]] == ["bold"]


async def test_drafts_show_before_the_reply_stands(open_talk: Open, model: FakeOpenAI) -> None:
    model.reply = Step(text="Once upon a time there was a dog.", pieces=4, hang_after=2)
    async with open_talk(model) as talk:
        talk.telegram.says(talk.ann, "Tell me a story.")
        await talk.telegram.until(lambda: bool(talk.telegram.calls("sendMessageDraft")))
        drafts = talk.telegram.calls("sendMessageDraft")
        assert "Once upon a time there was a dog.".startswith(drafts[0].parameters["text"])
        assert drafts[0].parameters["can_stop"] is True
        assert talk.telegram.standing(talk.ann) == []


async def test_stop_passes_the_queue_and_cancels_the_models_call(open_talk: Open, model: FakeOpenAI) -> None:
    model.script(Step(text="A story without an end", pieces=4, hang_after=2), Step(text="Go on."))
    async with open_talk(model) as talk:
        talk.telegram.says(talk.ann, "Tell me a story.")
        await talk.telegram.until(lambda: bool(talk.telegram.calls("sendMessageDraft")))
        talk.telegram.says(talk.ann, "And then?")
        talk.telegram.says(talk.ann, "/stop")
        texts = {message["text"] for message in await talk.telegram.sent(talk.ann, 2)}
        assert texts == {"Stopped.", "Go on."}
        async with asyncio.timeout(5):
            await model.hung_up.wait()


async def test_the_stop_button_under_a_draft_does_the_same(open_talk: Open, model: FakeOpenAI) -> None:
    model.script(Step(text="A story without an end", pieces=4, hang_after=2))
    async with open_talk(model) as talk:
        talk.telegram.says(talk.ann, "Tell me a story.")
        await talk.telegram.until(lambda: bool(talk.telegram.calls("sendMessageDraft")))
        talk.telegram.stops_draft(talk.ann)
        (stopped,) = await talk.telegram.sent(talk.ann)
        assert stopped["text"] == "Stopped."
        async with asyncio.timeout(5):
            await model.hung_up.wait()


async def test_a_long_reply_stands_as_several_messages_with_code_whole(
    open_talk: Open, model: FakeOpenAI
) -> None:
    code = "\n".join(f"print({number})" for number in range(150))
    text = f"## Printing\n\n{'Numbers are printed like this. ' * 110}\n\n```python\n{code}\n```\n\n**Done.**"
    model.reply = Step(text=text)
    async with open_talk(model) as talk:
        talk.telegram.says(talk.ann, "How do I print numbers?")
        first, second = await talk.telegram.sent(talk.ann, 2)
        assert "Printing" in first["rich_message"]["blocks"][0]["text"]
        (block, *_) = second["entities"]
        assert (block["type"], block["language"]) == ("pre", "python")
        assert second["text"][block["offset"] : block["length"]] == code
        assert second["text"].endswith("Done.")


async def test_an_edited_message_is_answered_anew_in_place(talk: Talk, store: Store) -> None:
    await talk.tell("My dog is called Biscuit. My cat is called Minka.")
    said = talk.telegram.says(talk.ann, "What is my dog called?")
    *_, old = await talk.telegram.sent(talk.ann, 2)
    assert "Biscuit" in old["text"]
    await all_delivered(store)
    talk.telegram.edits(said, "What is my cat called?")
    await talk.telegram.until(lambda: "edit_date" in old)
    assert "Minka" in old["text"]
    assert len(talk.telegram.standing(talk.ann)) == 2


async def test_where_the_old_reply_can_not_be_edited_a_new_one_is_linked(talk: Talk, store: Store) -> None:
    await talk.tell("My dog is called Biscuit. My cat is called Minka.")
    said = talk.telegram.says(talk.ann, "What is my dog called?")
    await talk.telegram.sent(talk.ann, 2)
    await all_delivered(store)
    talk.telegram.fail("editMessageText", *[bad_request("message can't be edited")] * 3)
    talk.telegram.edits(said, "What is my cat called?")
    *_, new = await talk.telegram.sent(talk.ann, 3)
    assert "Minka" in new["text"]
    assert new["reply_to_message"]["message_id"] == said["message_id"]


async def test_what_was_edited_away_is_history(talk: Talk, store: Store) -> None:
    said = talk.telegram.says(talk.ann, "My dog is called Biskit.")
    await talk.telegram.sent(talk.ann)
    await all_delivered(store)
    talk.telegram.edits(said, "My dog is called Biscuit.")
    await talk.telegram.until(talk.telegram.all_confirmed)
    answer = await talk.ask("What is my dog called?")
    assert "Biscuit" in answer["text"]
    assert "Biskit" not in answer["text"]


async def test_a_message_without_words_gets_a_line(talk: Talk) -> None:
    talk.telegram.sends(talk.ann, dice={"emoji": "🎲", "value": 3})
    talk.telegram.sends(talk.ann, voice={"file_id": "v", "file_unique_id": "u", "duration": 3})
    dice, voice = await talk.telegram.sent(talk.ann, 2)
    assert "dice" in dice["text"]
    assert "words" in voice["text"]


async def test_two_people_never_see_each_others_memory(talk: Talk) -> None:
    bob = talk.telegram.world.person(BOB, "Bob")
    await talk.tell("My locker code is 4711-canary.")
    for question in ("What is my locker code?", "What is Ann's locker code?", "/memory locker", "/why"):
        assert "4711" not in (await talk.ask(question, by=bob))["text"]


async def test_a_stranger_is_told_once_how_to_be_let_in(talk: Talk) -> None:
    stranger = talk.telegram.world.person(99, "Eve")
    assert (await talk.ask("hello", by=stranger))["text"]
    talk.telegram.says(stranger, "hello?")
    await talk.telegram.until(talk.telegram.all_confirmed)
    assert len(talk.telegram.standing(stranger)) == 1


async def test_everything_delivered_again_is_answered_once(talk: Talk, store: Store) -> None:
    said = talk.telegram.says(talk.ann, "My dog is called Biscuit.")
    await talk.telegram.sent(talk.ann)
    await all_delivered(store)
    talk.telegram.edits(said, "My dog is called Rex.")
    await talk.ask("/memory")
    asked = await talk.ask("/forget Rex")
    await talk.press(asked, "Keep")
    await talk.telegram.until(talk.telegram.all_confirmed)
    before = await turns(store)
    stands = len(talk.telegram.standing(talk.ann))
    talk.telegram.redeliver()
    await talk.telegram.until(talk.telegram.all_confirmed)
    await talk.ask("Thank you.")
    assert await turns(store) == before + 1
    assert len(talk.telegram.standing(talk.ann)) == stands + 1


async def turns(store: Store) -> int:
    """How many turns are recorded."""
    async with store.pool.acquire() as connection:
        return int(await connection.fetchval("SELECT count(*) FROM event_key"))

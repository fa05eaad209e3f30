"""The commands, as a person on Telegram gives them."""

from services.assistant.commands import MANIFEST

from .conftest import Talk


async def test_the_menu_shows_the_commands(talk: Talk) -> None:
    await talk.telegram.until(lambda: bool(talk.telegram.calls("setMyCommands")))
    menu = talk.telegram.calls("setMyCommands")[0].parameters["commands"]
    assert [each["command"] for each in menu] == [each.name for each in MANIFEST]


async def test_start_tells_who_remi_is(talk: Talk) -> None:
    assert "Remi" in (await talk.ask("/start"))["text"]


async def test_help_lists_the_commands(talk: Talk) -> None:
    for command in ("/help", "/help@remi_bot"):
        assert "/forget " in (await talk.ask(command))["text"]


async def test_remember_and_memory(talk: Talk) -> None:
    await talk.tell("/remember I take my tea black.")
    assert "tea black" in (await talk.ask("/memory tea"))["text"]
    assert "tea black" in (await talk.ask("/memory"))["text"]


async def test_forget_shows_asks_and_erases(talk: Talk) -> None:
    await talk.tell("My dentist is called Miss Canary.")
    asked = await talk.ask("/forget Canary")
    assert "Miss Canary" in asked["text"]
    done = await talk.press(asked, "Forget")
    assert "Canary" not in done["text"]
    assert "Canary" not in (await talk.ask("What is my dentist called?"))["text"]
    assert "Canary" not in (await talk.ask("/memory dentist"))["text"]


async def test_forget_can_be_taken_back(talk: Talk) -> None:
    await talk.tell("My dentist is called Miss Canary.")
    asked = await talk.ask("/forget Canary")
    await talk.press(asked, "Keep")
    assert "Canary" in (await talk.ask("What is my dentist called?"))["text"]


async def test_why_tells_what_an_answer_rested_on(talk: Talk) -> None:
    await talk.tell("My dog is called Biscuit.")
    answer = await talk.ask("What is my dog called?")
    await talk.tell("My cat is called Minka.")
    assert "My dog is called Biscuit" in (await talk.ask("/why", reply_to=answer))["text"]


async def test_new_begins_a_fresh_topic_and_keeps_memory(talk: Talk) -> None:
    await talk.tell("My dog is called Biscuit.")
    await talk.ask("/new")
    assert "Biscuit" in (await talk.ask("What is my dog called?"))["text"]


async def test_stop_where_nothing_runs(talk: Talk) -> None:
    assert (await talk.ask("/stop"))["text"] == "There was nothing to stop."


async def test_an_unknown_command(talk: Talk) -> None:
    assert "/help" in (await talk.ask("/dance"))["text"]

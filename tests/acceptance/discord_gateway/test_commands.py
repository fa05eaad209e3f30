"""The slash commands, as a person on Discord gives them."""

from services.assistant.commands import MANIFEST

from .conftest import Talk


async def test_the_commands_register_themselves(talk: Talk) -> None:
    await talk.discord.until(lambda: bool(talk.discord.routes.commands))
    assert [command["name"] for command in talk.discord.routes.commands] == [each.name for each in MANIFEST]


async def test_start_and_help(talk: Talk) -> None:
    assert "Remi" in (await talk.command("start"))["content"]
    assert "/forget" in (await talk.command("help"))["content"]


async def test_remember_and_memory(talk: Talk) -> None:
    await talk.command("remember", "I take my tea black.")
    assert "tea black" in (await talk.command("memory", "tea"))["content"]
    assert "tea black" in (await talk.command("memory"))["content"]


async def test_forget_shows_asks_and_erases(talk: Talk) -> None:
    await talk.ask("My dentist is called Doctor Canary.")
    asked = await talk.command("forget", "Canary")
    assert "Doctor Canary" in asked["content"]
    done = await talk.press(asked, "Forget")
    assert "Canary" not in done["content"]
    assert "Canary" not in (await talk.ask("What is my dentist called?"))["content"]
    assert "Canary" not in (await talk.command("memory", "dentist"))["content"]


async def test_forget_can_be_taken_back(talk: Talk) -> None:
    await talk.ask("My dentist is called Doctor Canary.")
    asked = await talk.command("forget", "Canary")
    await talk.press(asked, "Keep")
    assert "Canary" in (await talk.ask("What is my dentist called?"))["content"]


async def test_why_tells_what_the_last_answer_rested_on(talk: Talk) -> None:
    await talk.ask("My dog is called Biscuit.")
    await talk.remembers("Biscuit")
    await talk.command("new")
    await talk.ask("What is my dog called?")
    assert "My dog is called Biscuit" in (await talk.command("why"))["content"]


async def test_new_begins_a_fresh_topic_and_keeps_memory(talk: Talk) -> None:
    await talk.ask("My dog is called Biscuit.")
    await talk.remembers("Biscuit")
    await talk.command("new")
    assert "Biscuit" in (await talk.ask("What is my dog called?"))["content"]


async def test_stop_where_nothing_runs(talk: Talk) -> None:
    assert (await talk.command("stop"))["content"] == "There was nothing to stop."


async def test_a_strangers_command_is_answered_too(talk: Talk) -> None:
    assert "invit" in (await talk.command("memory", by=talk.eve))["content"]

"""What is said while something is down is answered when it is back, and once."""

import asyncio
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest

from fakes.openai import FakeOpenAI, Step
from services.discord.presenter import UNFINISHED, EventPresenter
from services.discord.settings import DiscordSettings

from .conftest import Open, Talk, gateway

OpenAssistant = Callable[..., AbstractAsyncContextManager[DiscordSettings]]


async def test_what_was_said_while_the_bot_was_down_is_answered_once(open_talk: Open) -> None:
    async with open_talk() as talk:
        remi = talk.discord.mention()
        thread = talk.discord.thread(talk.general, "lunch")
        for channel in (talk.dm, talk.general, thread):
            await talk.ask(f"{remi} hello", channel=channel)
    for channel in (talk.dm, talk.general, thread):
        talk.discord.says(talk.ann, f"{remi} My dog is called Biscuit.", channel)
    talk.discord.says(talk.ann, "Nobody asked Remi.", talk.general)
    async with open_talk():
        for channel in (talk.dm, talk.general, thread):
            await talk.answered(channel, 2)
        assert "Biscuit" in (await talk.ask("What is my dog called?"))["content"]
    async with open_talk():
        await talk.ask("hello again")
    assert len(talk.discord.shown(talk.dm)) == 4
    assert len(talk.discord.shown(talk.general)) == 2
    assert len(talk.discord.shown(thread)) == 2


async def test_what_was_edited_or_deleted_while_the_bot_was_down_is_so_for_remi_too(open_talk: Open) -> None:
    async with open_talk() as talk:
        await talk.ask("My dog is called Bisquit.")
        await talk.ask("My locker code is 4417.")
        dog, code = (m for m in talk.dm.messages.values() if m["author"]["id"] == str(talk.ann.id))
        await talk.remembers("Bisquit")
    talk.discord.edits(dog, "My dog is called Biscuit.")
    talk.discord.deletes(code)
    async with open_talk():
        await talk.remembers("Biscuit")
        found = await talk.command("memory", "locker code")
    assert "4417" not in found["content"]


async def test_an_event_that_the_assistant_never_took_comes_again(
    world: Talk, open_assistant: OpenAssistant
) -> None:
    """The gateway dies between hearing a message and the assistant's word that it is kept."""
    async with open_assistant() as settings, gateway(world, settings):
        await world.ask("hello")
    absent = settings.model_copy(update={"assistant": "127.0.0.1:9"})
    async with gateway(world, absent):
        world.discord.says(world.ann, "My dog is called Biscuit.")
    async with open_assistant() as settings, gateway(world, settings):
        await world.answered(world.dm, 2)
        assert "Biscuit" in (await world.ask("What is my dog called?"))["content"]


async def test_a_reply_survives_the_gateway_that_was_writing_it(
    world: Talk, open_assistant: OpenAssistant, model: FakeOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its half-written message doesn't stay beside the whole one."""
    monkeypatch.setattr(EventPresenter, "draft_interval", 0.0)
    written = asyncio.Event()
    model.script(Step(text="Once upon a time there was a dog.", pieces=4, gate=written))
    async with open_assistant(model) as settings:
        async with gateway(world, settings):
            world.discord.says(world.ann, "Tell me a story.")
            await world.discord.until(lambda: world.dm.typing > 0)
            world.discord.says(world.discord.bot, f"Once{UNFINISHED}", world.dm)
        written.set()
        async with gateway(world, settings):
            await world.discord.until(
                lambda: (
                    [m["content"] for m in world.discord.shown(world.dm)]
                    == ["Once upon a time there was a dog."]
                )
            )

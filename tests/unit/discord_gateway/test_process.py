"""How the gateway starts, registers its commands, and ends."""

import asyncio
import contextlib
import json
import os
import subprocess
import sys
from dataclasses import asdict

import pytest

from fakes.assistant import FakeAssistant
from fakes.discord.faults import Cut, Failed, RateLimited, Refused
from fakes.discord.server import FakeDiscord
from services.assistant.commands import MANIFEST
from services.discord.__main__ import serve
from services.discord.settings import DiscordSettings
from services.errors import SettingsError
from services.gateway.settings import load

from .conftest import Running, end_of_process

REGISTER = "PUT /applications/{application_id}/commands"


async def ended(settings: DiscordSettings) -> None:
    """Run the gateway until it ends by itself."""
    try:
        async with asyncio.timeout(10):
            await serve(settings)
    finally:
        await end_of_process()


def test_without_a_token_it_does_not_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DiscordSettings.model_config, "env_file", None)
    monkeypatch.delenv("DISCORD_BOT_TOKEN", raising=False)
    with pytest.raises(SettingsError, match=r"^DISCORD_BOT_TOKEN"):
        load(DiscordSettings)


def test_the_token_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(DiscordSettings.model_config, "env_file", None)
    monkeypatch.setenv("DISCORD_BOT_TOKEN", "secret")
    settings = load(DiscordSettings)
    assert settings.bot_token.get_secret_value() == "secret"
    assert "secret" not in repr(settings)


async def test_a_wrong_token_ends_it(settings: DiscordSettings, fake: FakeDiscord) -> None:
    wrong = settings.model_copy(update={"bot_token": type(settings.bot_token)("wrong")})
    with pytest.raises(SettingsError, match=r"^DISCORD_BOT_TOKEN"):
        await ended(wrong)


async def test_a_token_that_the_connection_refuses_ends_it(
    settings: DiscordSettings, fake: FakeDiscord
) -> None:
    fake.gateway.token = "changed meanwhile"
    with pytest.raises(SettingsError, match=r"^DISCORD_BOT_TOKEN"):
        await ended(settings)


async def test_a_bot_that_may_not_read_ends_it_with_the_remedy(
    settings: DiscordSettings, fake: FakeDiscord
) -> None:
    fake.gateway.content_allowed = False
    with pytest.raises(SettingsError, match="Message Content Intent"):
        await ended(settings)


async def test_a_token_that_the_assistant_refuses_ends_it(
    settings: DiscordSettings, assistant: FakeAssistant
) -> None:
    assistant.token = "another"
    with pytest.raises(SettingsError, match=r"^REMI_GATEWAY_TOKEN"):
        await ended(settings)


async def test_it_waits_for_an_absent_discord(
    fake: FakeDiscord, assistant: FakeAssistant, running: Running
) -> None:
    fake.fault("GET /users/@me", Failed(), Cut())
    async with running():
        fake.says(fake.person("Ann"), "hello")
        await assistant.until(lambda: bool(assistant.requests))


async def test_it_runs_as_a_process_until_it_is_told_to_end(
    fake: FakeDiscord, assistant: FakeAssistant
) -> None:
    knobs = {
        "REMI_ASSISTANT": assistant.address,
        "REMI_GATEWAY_TOKEN": assistant.token,
        "DISCORD_BOT_TOKEN": fake.token,
        "DISCORD_API_BASE": fake.base,
        "DISCORD_GATEWAY_URL": fake.gateway.url,
    }
    command = (sys.executable, "-m", "services.discord")
    process = await asyncio.create_subprocess_exec(*command, env=os.environ | knobs, stderr=subprocess.PIPE)
    try:
        async with asyncio.timeout(30):
            while not fake.gateway.ready:
                with contextlib.suppress(TimeoutError):
                    await fake.connected()
            ann = fake.person("Ann")
            fake.says(ann, "my secret is safe")
            await fake.sent(fake.dm(ann))
            process.terminate()
            _, log = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0
    # gRPC's core writes lines of its own.
    lines = [json.loads(line) for line in log.decode().splitlines() if line.startswith("{")]
    assert {line["service"] for line in lines} == {"discord"}
    assert "secret" not in log.decode()


async def test_commands_are_registered_whole(
    fake: FakeDiscord, assistant: FakeAssistant, running: Running
) -> None:
    assistant.manifest.commands.add(name="help", description="What I can do")
    assistant.manifest.commands.add(name="remember", description="Keep this", argument="words")
    assistant.manifest.commands.add(name="import", description="Bring a memory", file="file")
    assistant.manifest.commands.add(name="both", description="Takes both", argument="words", file="file")
    fake.fault(REGISTER, Failed(), Cut())
    async with running():
        await fake.until(lambda: len(fake.routes.commands) == 4)
    plain, with_words, with_file, with_both = fake.routes.commands
    assert (plain["name"], plain["description"]) == ("help", "What I can do")
    assert (plain["contexts"], plain["integration_types"]) == ([0, 1], [0])
    words = {"type": 3, "name": "words", "description": "words", "required": False}
    file = {"type": 11, "name": "file", "description": "file", "required": False}
    assert "options" not in plain
    assert with_words["options"] == [words]
    assert with_file["options"] == [file]
    assert with_both["options"] == [words, file]


async def test_all_commands_of_the_assistant_are_taken(
    fake: FakeDiscord, assistant: FakeAssistant, running: Running
) -> None:
    for command in MANIFEST:
        assistant.manifest.commands.add(**asdict(command))
    async with running():
        await fake.until(lambda: len(fake.routes.commands) == len(MANIFEST))
    (remind,) = (command for command in fake.routes.commands if command["name"] == "remind")
    (option,) = remind["options"]
    assert (option["name"], option["description"]) == ("when_and_what", "when and what")


@pytest.mark.parametrize("fault", [Refused(400, 30034), RateLimited(600)], ids=["refused", "limited"])
async def test_without_its_commands_it_still_talks(
    fake: FakeDiscord, assistant: FakeAssistant, running: Running, fault: Refused | RateLimited
) -> None:
    assistant.manifest.commands.add(name="help", description="What I can do")
    fake.fault(REGISTER, fault)
    async with running():
        await fake.until(lambda: bool(fake.requests(REGISTER)))
        ann = fake.person("Ann")
        fake.says(ann, "hello")
        await fake.sent(fake.dm(ann))
    assert fake.routes.commands == []

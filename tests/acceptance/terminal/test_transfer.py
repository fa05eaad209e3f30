"""Taking a memory along from the terminal, and bringing it into another account."""

import os
from pathlib import Path

import pytest
import structlog
from pydantic import SecretStr

from conftest import Assistant, StartAssistant
from services.assistant.domain import Platform
from services.errors import SettingsError
from services.gateway import client
from services.gateway.settings import GatewaySettings
from services.terminal import pipe, transfer

EXPORT = (
    '{"format": "remi", "version": 1}\n'
    '{"record": "message", "id": "00000000-0000-4000-8000-000000000001", "role": "person", "author": "Ann", '
    '"conversation": "00000000-0000-4000-8000-000000000002", "text": "My dog is called Biscuit.", '
    '"sent_at": "2026-03-02T12:00:00+00:00"}\n'
)


def settings_of(assistant: Assistant, folder: Path) -> GatewaySettings:
    token = SecretStr(assistant.tokens[Platform.TERMINAL])
    return GatewaySettings(assistant=assistant.address, data=folder, gateway_token=token)


@pytest.fixture(autouse=True)
def _soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits long for an assistant that is not there."""
    monkeypatch.setattr(client, "REACH_SECONDS", 1)


async def test_a_file_comes_in_and_goes_out(
    start_assistant: StartAssistant, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with structlog.testing.capture_logs():
        async with start_assistant() as assistant:
            settings = settings_of(assistant, tmp_path)
            (tmp_path / "in").write_text(EXPORT)
            for told in ("1 message, 0 memories and 0 reminders.\n", "1 record was there already"):
                await transfer.bring_back(settings, tmp_path / "in")
                assert told in capsys.readouterr().out
            await transfer.take_along(settings, tmp_path / "out")
            assert "bytes" in capsys.readouterr().out
            assert (tmp_path / "out").stat().st_mode & 0o777 == 0o600
            assert "Biscuit" in (tmp_path / "out").read_text()
            with pytest.raises(SettingsError, match="can't write"):
                await transfer.take_along(settings, tmp_path / "out")
            with pytest.raises(SettingsError, match="can't read"):
                await transfer.bring_back(settings, tmp_path / "none")
            (tmp_path / "in").write_text("oops")
            with pytest.raises(SettingsError, match="line 1"):
                await transfer.bring_back(settings, tmp_path / "in")
        with pytest.raises(SettingsError, match="make run"):
            await transfer.take_along(settings, tmp_path / "new")
    assert not (tmp_path / "new").exists()


async def test_a_file_that_is_named_in_the_talk_is_brought_in(
    start_assistant: StartAssistant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "in.jsonl").write_text(EXPORT)
    lines = "/import ~/in.jsonl\n/import ~/none\n/import\nWhat is my dog called?\n"
    (tmp_path / "lines").write_text(lines)
    async with start_assistant() as assistant:
        with (tmp_path / "lines").open() as source:
            await pipe.serve(settings_of(assistant, tmp_path), source.fileno())
    shown = capfd.readouterr().out
    assert "1 message, 0 memories" in shown
    assert "My dog is called Biscuit." in shown
    assert "I could not take that file in: there is none at this path" in shown
    assert "send it again" not in shown
    assert "at a terminal, write its path" in shown


async def test_an_export_asked_for_in_the_talk_is_a_file_that_comes_back(
    start_assistant: StartAssistant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)

    async def type_lines(assistant: Assistant, lines: str) -> None:
        (tmp_path / "lines").write_text(lines)
        with (tmp_path / "lines").open() as source:
            await pipe.serve(settings_of(assistant, tmp_path), source.fileno())

    async with start_assistant() as assistant:
        await type_lines(assistant, "My dog is called Biscuit.\n/export\n")
        (exported,) = [name for name in os.listdir(tmp_path) if name.startswith("remi-")]
        await type_lines(assistant, f"/import {exported}\n")
    shown = capfd.readouterr().out
    assert f"It is in `{tmp_path / exported}`." in shown
    assert "Biscuit" in (tmp_path / exported).read_text()
    assert "were there already" in shown


def test_anything_else_shows_the_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert transfer.main(["export"]) == 2
    assert "usage:" in capsys.readouterr().err


def test_the_command_line_reaches_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REMI_ASSISTANT", f"unix:{tmp_path}/nobody.sock")
    monkeypatch.setenv("REMI_GATEWAY_TOKEN", "t")
    (tmp_path / "in").write_text(EXPORT)
    for arguments in (["export", str(tmp_path / "out")], ["import", str(tmp_path / "in")]):
        assert transfer.main(arguments) == 2
        assert "does not answer" in capsys.readouterr().err

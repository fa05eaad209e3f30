import asyncio
import os
import signal
from pathlib import Path

import pytest

from services.errors import SettingsError
from services.gateway.process import run
from services.gateway.settings import GatewaySettings


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No .env of the developer's takes part."""
    monkeypatch.chdir(tmp_path)


def test_a_service_that_returns_ends_well() -> None:
    async def serve(settings: GatewaySettings) -> None:
        assert settings.assistant == "127.0.0.1:50051"

    assert run("telegram", GatewaySettings, serve) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_its_clean_up(number: signal.Signals) -> None:
    cleaned = []

    async def serve(settings: GatewaySettings) -> None:
        try:
            os.kill(os.getpid(), number)
            await asyncio.Event().wait()
        finally:
            cleaned.append(True)

    assert run("telegram", GatewaySettings, serve) == 0
    assert cleaned == [True]


def test_a_bad_setting_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def serve(settings: GatewaySettings) -> None:
        raise AssertionError("never started")

    monkeypatch.setenv("REMI_CLOSED_NETWORK", "perhaps")

    assert run("telegram", GatewaySettings, serve) == 2
    assert capsys.readouterr().err.startswith("remi telegram: REMI_CLOSED_NETWORK: ")


def test_a_setting_that_turns_out_bad_later_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    async def serve(settings: GatewaySettings) -> None:
        raise SettingsError("REMI_GATEWAY_TOKEN: unknown")

    assert run("telegram", GatewaySettings, serve) == 2
    assert capsys.readouterr().err == "remi telegram: REMI_GATEWAY_TOKEN: unknown\n"

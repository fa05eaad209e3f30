import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydantic import Field, SecretStr

from services.errors import SettingsError
from services.gateway.settings import GatewaySettings, address_file, load, token


class PlatformSettings(GatewaySettings):
    bot_token: SecretStr = Field(validation_alias="PLATFORM_BOT_TOKEN")


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No .env of the developer's takes part."""
    monkeypatch.chdir(tmp_path)


def test_the_environment_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMI_ASSISTANT", "unix:/run/remi.sock")
    monkeypatch.setenv("REMI_TLS_CA", "")
    monkeypatch.setenv("PLATFORM_BOT_TOKEN", "123:abc")

    settings = load(PlatformSettings)

    assert settings.assistant == "unix:/run/remi.sock"
    assert settings.tls_ca is None
    assert settings.bot_token.get_secret_value() == "123:abc"


def test_a_dotenv_file_is_read(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("REMI_CLOSED_NETWORK=true\nSOMETHING_ELSE=1\n")

    assert load(GatewaySettings).closed_network


@contextmanager
def listening(folder: Path, kind: socket.AddressFamily) -> Iterator[str]:
    """Somebody who listens; the address."""
    with socket.socket(kind) as somebody:
        somebody.bind(str(folder / "assistant.sock") if kind is socket.AF_UNIX else ("127.0.0.1", 0))
        somebody.listen()
        name = somebody.getsockname()
        yield f"unix:{name}" if kind is socket.AF_UNIX else "{}:{}".format(*name)


@pytest.mark.parametrize("kind", [socket.AF_UNIX, socket.AF_INET])
def test_the_assistant_of_the_data_folder_is_found_while_it_listens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: socket.AddressFamily
) -> None:
    run = tmp_path / "mine" / "run"
    run.mkdir(parents=True)
    monkeypatch.setenv("REMI_DATA", str(run.parent))
    with listening(run, kind) as address:
        assert load(GatewaySettings).assistant == "127.0.0.1:50051"
        address_file(run.parent).write_text(address)
        assert load(GatewaySettings).assistant == address
        monkeypatch.setenv("REMI_ASSISTANT", "unix:/run/remi.sock")
        assert load(GatewaySettings).assistant == "unix:/run/remi.sock"
    monkeypatch.setenv("REMI_ASSISTANT", "")
    assert load(GatewaySettings).assistant == "127.0.0.1:50051"


@pytest.mark.parametrize("content", ["", "nonsense", "unix:", "127.0.0.1:x", "\0", "unix:" + "long/" * 50])
def test_an_address_that_leads_nowhere_is_passed_over(tmp_path: Path, content: str) -> None:
    address_file(tmp_path / "data").parent.mkdir(parents=True)
    address_file(tmp_path / "data").write_text(content)

    assert load(GatewaySettings).assistant == "127.0.0.1:50051"


@pytest.mark.parametrize(("name", "value"), [("REMI_CLOSED_NETWORK", "perhaps"), ("REMI_LOG_LEVEL", "LOUD")])
def test_a_bad_value_is_named_in_one_line(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingsError, match=f"^{name}: ") as caught:
        load(GatewaySettings)
    assert "\n" not in str(caught.value)
    assert value not in str(caught.value)


def test_a_missing_knob_is_named() -> None:
    with pytest.raises(SettingsError, match=r"^PLATFORM_BOT_TOKEN: "):
        load(PlatformSettings)


def test_the_token_of_the_environment_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMI_GATEWAY_TOKEN", "from-environment")

    assert token(load(GatewaySettings), "telegram") == "from-environment"


@pytest.mark.parametrize("given", ["schlüssel", "two\nlines"])
def test_a_token_that_no_call_can_carry_is_an_error(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("REMI_GATEWAY_TOKEN", given)

    with pytest.raises(SettingsError, match=r"^REMI_GATEWAY_TOKEN: ") as caught:
        token(load(GatewaySettings), "telegram")
    assert given not in str(caught.value)


def test_the_token_file_of_the_platform_is_read(tmp_path: Path) -> None:
    (tmp_path / "data" / "tokens").mkdir(parents=True)
    (tmp_path / "data" / "tokens" / "telegram").write_text("from-file\n")

    assert token(load(GatewaySettings), "telegram") == "from-file"


@pytest.mark.parametrize("content", [None, b"", b"\xff\xfe"])
def test_no_token_is_an_error_that_names_knob_and_file(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "data" / "tokens").mkdir(parents=True)
        (tmp_path / "data" / "tokens" / "discord").write_bytes(content)

    with pytest.raises(SettingsError, match=r"REMI_GATEWAY_TOKEN: .*tokens/discord"):
        token(load(GatewaySettings), "discord")

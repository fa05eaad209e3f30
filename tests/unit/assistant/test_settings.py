"""A bad knob stops the start with one line that names it; secrets are made once and kept private."""

from pathlib import Path

import pytest

from services.assistant.domain import Platform
from services.assistant.settings import gateway_tokens, load, secret
from services.errors import SettingsError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No .env of the developer's, and a data folder of the test's own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("REMI_DATA", str(tmp_path / "data"))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REMI_RECALL_TOKENS", "lots"),
        ("REMI_RECALL_TOKENS", "3"),
        ("REMI_ALLOW", "ann"),
        ("REMI_ALLOW", "icq:5"),
        ("REMI_CLIENT_CLOCK", "icq"),
        ("REMI_DATABASE_POOL", "0"),
        ("REMI_LOG_LEVEL", "verbose"),
        ("DATABASE_URL", "nonsense"),
        ("DATABASE_URL", "localhost:5432/remi"),
        ("DATABASE_OWNER_URL", "mysql://somebody@there/remi"),
        ("OPENAI_BASE_URL", "api.openai.com/v1"),
        ("OPENAI_BASE_URL", "localhost:11434/v1"),
        ("REMI_FALLBACK_BASE_URL", "https://"),
    ],
)
def test_a_bad_value_is_named(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError, match=rf"^{name}: ") as caught:
        load()
    assert "\n" not in str(caught.value)
    assert "Value error" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("REMI_LOG_LEVEL", "info"),
        ("DATABASE_URL", "postgres://remi_app@db/remi"),
        ("OPENAI_BASE_URL", "http://[::1]:11434/v1"),
    ],
)
def test_an_odd_but_good_value_is_taken(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert value in repr(load())


@pytest.mark.parametrize(
    ("discord", "problem"),
    [
        ("the same", "REMI_TOKEN_DISCORD: is Telegram's too; each platform needs its own"),
        ("schlüssel", "REMI_TOKEN_DISCORD: must be plain letters"),
        ("two\nlines", "REMI_TOKEN_DISCORD: must be plain letters"),
    ],
)
def test_a_token_that_will_not_do_is_named(
    monkeypatch: pytest.MonkeyPatch, discord: str, problem: str
) -> None:
    monkeypatch.setenv("REMI_TOKEN_TELEGRAM", "the same")
    monkeypatch.setenv("REMI_TOKEN_DISCORD", discord)
    with pytest.raises(SettingsError, match=problem) as caught:
        gateway_tokens(load())
    assert discord not in str(caught.value)


def test_lists_are_read_with_spaces_and_empty_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMI_ALLOW", " telegram:1, discord:2,,")
    monkeypatch.setenv("REMI_CLIENT_CLOCK", "benchmark, terminal")
    settings = load()
    assert settings.allow == {"telegram:1", "discord:2"}
    assert settings.client_clock == {Platform.BENCHMARK, Platform.TERMINAL}


def test_tokens_and_the_secret_are_made_once_and_only_for_their_owner(tmp_path: Path) -> None:
    settings = load()
    tokens = gateway_tokens(settings)
    assert set(tokens.values()) == set(Platform)
    assert gateway_tokens(settings) == tokens
    assert secret(settings) == secret(settings)
    for path in (tmp_path / "data" / "secret", tmp_path / "data" / "tokens" / "telegram"):
        assert path.stat().st_mode & 0o077 == 0


def test_tokens_and_the_secret_may_be_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REMI_TOKEN_TELEGRAM", "of the operator")
    monkeypatch.setenv("REMI_SECRET", "of the operator too")
    settings = load()
    assert gateway_tokens(settings)["of the operator"] is Platform.TELEGRAM
    assert secret(settings) == b"of the operator too"
    assert "operator" not in repr(settings)


def test_a_data_folder_that_can_not_be_written_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("REMI_DATA", str(tmp_path / "file"))
    with pytest.raises(SettingsError, match="REMI_DATA"):
        secret(load())

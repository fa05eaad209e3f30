"""Every knob of the assistant, once, with its unit and bound. Read from the environment and `.env`."""

import contextlib
import logging
import os
import secrets
import tempfile
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from pydantic import Field, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from services.assistant.domain import Platform
from services.errors import SettingsError


class Settings(BaseSettings):
    model_config = SettingsConfigDict(
        env_prefix="REMI_", env_file=".env", env_ignore_empty=True, extra="ignore", frozen=True
    )

    data: Path = Path("data")
    """The folder that holds everything Remi keeps outside DATABASE_URL."""
    listen: str = "127.0.0.1:50051"
    """Where gRPC is served: host:port or unix:path."""
    closed_network: bool = False
    """The operator's word that nobody else can reach `listen`: plain text is fine."""
    tls_cert: Path | None = None
    tls_key: Path | None = None
    log_level: str = "INFO"

    database_url: Annotated[str, Field(validation_alias="DATABASE_URL")] = ""
    """The application role's address. Empty: the embedded Postgres in the data folder."""
    database_owner_url: Annotated[str, Field(validation_alias="DATABASE_OWNER_URL")] = ""
    """The schema owner's address, for migrations. Empty beside DATABASE_URL: they are run elsewhere."""
    database_pool: Annotated[int, Field(ge=2, le=100)] = 10
    """Connections to Postgres."""

    allow: Annotated[frozenset[str], NoDecode] = frozenset()
    """People and group chats that are let in, as platform:id, separated by commas."""
    client_clock: Annotated[frozenset[Platform], NoDecode] = frozenset({Platform.BENCHMARK})
    """Platforms whose gateway may set the clock of a turn."""
    secret: SecretStr | None = None
    """Keys digests. Unset: made at the first start, in the data folder."""
    token_telegram: SecretStr | None = None
    token_discord: SecretStr | None = None
    token_terminal: SecretStr | None = None
    token_benchmark: SecretStr | None = None

    openai_base_url: Annotated[str, Field(validation_alias="OPENAI_BASE_URL")] = ""
    openai_api_key: Annotated[SecretStr, Field(validation_alias="OPENAI_API_KEY")] = SecretStr("")
    chat_model: str = ""
    memory_model: str = ""
    embedding_model: str = ""
    transcription_model: str = ""

    fallback_base_url: str = ""
    fallback_api_key: SecretStr = SecretStr("")
    fallback_chat_model: str = ""
    """Where to turn to when the first endpoint does not answer: all three, or none."""
    first_token_seconds: Annotated[float, Field(ge=0.1, le=600)] = 120
    """How long an endpoint may take to begin an answer; a local server may have to load its model first."""
    between_tokens_seconds: Annotated[float, Field(ge=0.1, le=600)] = 60
    """How long an answer may pause before it counts as broken off."""

    price_prompt: Annotated[float, Field(ge=0, le=100_000)] | None = None
    price_completion: Annotated[float, Field(ge=0, le=100_000)] | None = None
    """What a million tokens cost that the chat model reads, and writes: `/why` then names the price."""

    timezone: str = "UTC"
    """The clock of people who haven't said theirs, by its IANA name."""
    reminder_grace_hours: Annotated[float, Field(ge=0, le=24 * 30)] = 12
    """A reminder that comes later than this, after a standstill, is called missed."""
    delivery_hours: Annotated[float, Field(gt=0, le=24 * 30)] = 24
    """What could not be delivered for so long is put aside, and listed by `make undelivered`."""
    recall_tokens: Annotated[int, Field(ge=200, le=100_000)] = 2000
    """Most tokens of recalled memory in a prompt."""
    turn_seconds: Annotated[float, Field(ge=5, le=3600)] = 300
    """Longest a turn may take."""
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 20
    """How long running turns may still take after SIGTERM before they are handed over."""

    @field_validator("allow", mode="before")
    @classmethod
    def _accounts(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        entries = frozenset(part.strip() for part in value.split(",") if part.strip())
        for entry in entries:
            platform, _, number = entry.partition(":")
            if platform not in list(Platform) or not number:
                raise ValueError(f"{entry!r} is not platform:id, such as telegram:123456")
        return entries

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        if value.upper() not in logging.getLevelNamesMapping():
            raise ValueError("must be DEBUG, INFO, WARNING or ERROR")
        return value

    @field_validator("database_url", "database_owner_url")
    @classmethod
    def _postgres(cls, value: str) -> str:
        if value and not value.startswith(("postgresql://", "postgres://")):
            raise ValueError("must be an address such as postgresql://remi_app:password@host/remi")
        return value

    @field_validator("openai_base_url", "fallback_base_url")
    @classmethod
    def _endpoint(cls, value: str) -> str:
        if value and not (urlsplit(value).scheme in ("https", "http") and urlsplit(value).hostname):
            raise ValueError("must be an address such as https://api.example.org/v1")
        return value

    @model_validator(mode="after")
    def _fallback_is_whole(self) -> Self:
        if bool(self.fallback_base_url) != bool(self.fallback_chat_model):
            raise ValueError("REMI_FALLBACK_BASE_URL and REMI_FALLBACK_CHAT_MODEL go together")
        return self

    @model_validator(mode="after")
    def _prices_go_together(self) -> Self:
        if (self.price_prompt is None) != (self.price_completion is None):
            raise ValueError("REMI_PRICE_PROMPT and REMI_PRICE_COMPLETION go together")
        return self

    @property
    def prices(self) -> tuple[float, float] | None:
        if self.price_prompt is None or self.price_completion is None:
            return None
        return self.price_prompt, self.price_completion

    @field_validator("timezone")
    @classmethod
    def _zone(cls, value: str) -> str:
        try:
            return ZoneInfo(value).key
        except (ValueError, OSError, ZoneInfoNotFoundError):
            raise ValueError("is no IANA time zone, such as Europe/Berlin") from None

    @field_validator("client_clock", mode="before")
    @classmethod
    def _platforms(cls, value: object) -> object:
        return (
            [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        )


def load() -> Settings:
    """Read the settings; raises SettingsError with one line that names the variable at fault."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        problem = first["msg"].removeprefix("Value error, ")
        if not first["loc"]:
            # What several knobs say together names them itself.
            raise SettingsError(problem) from None
        name = str(first["loc"][0])
        name = name if name.isupper() else f"REMI_{name.upper()}"
        # The value itself is left out: it may be a key.
        raise SettingsError(f"{name}: {problem}") from None


def secret(settings: Settings) -> bytes:
    """The key of all digests, made at the first start."""
    if settings.secret is not None:
        return settings.secret.get_secret_value().encode()
    return _kept(settings.data / "secret").encode()


def kept_secret(settings: Settings, value: bytes) -> None:
    """Have `secret` give this key, a backup's. Raises SettingsError where another one is set or kept."""
    path = settings.data / "secret"
    if settings.secret is None and not path.exists():
        _keep(path, value.decode())
    if secret(settings) != value:
        where = "REMI_SECRET" if settings.secret else str(path)
        raise SettingsError(f"{where}: is another key than the backup's, under which no word would be found")


def gateway_tokens(settings: Settings) -> dict[str, Platform]:
    """Which token speaks for which platform. Those not given are made at the first start.

    Raises SettingsError for one that no gateway can send, or that two platforms share.
    """
    given = {
        Platform.TELEGRAM: settings.token_telegram,
        Platform.DISCORD: settings.token_discord,
        Platform.TERMINAL: settings.token_terminal,
        Platform.BENCHMARK: settings.token_benchmark,
    }
    tokens: dict[str, Platform] = {}
    for platform, secret in given.items():
        knob = f"REMI_TOKEN_{platform.upper()}"
        token = secret.get_secret_value() if secret else _kept(settings.data / "tokens" / platform)
        if not (token.isascii() and token.isprintable()):
            raise SettingsError(
                f"{knob}: must be plain letters, digits and signs; `openssl rand -hex 32` makes one"
            )
        if token in tokens:
            raise SettingsError(f"{knob}: is {tokens[token].capitalize()}'s too; each platform needs its own")
        tokens[token] = platform
    return tokens


def turn_timeout(settings: Settings) -> timedelta:
    return timedelta(seconds=settings.turn_seconds)


def _kept(path: Path) -> str:
    """A random secret that stays in a file only its owner reads. It appears whole, whoever starts beside."""
    if not path.exists():
        _keep(path, secrets.token_urlsafe(32))
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"REMI_DATA: can't read {path.name} there ({error.strerror})") from None


def _keep(path: Path, value: str) -> None:
    """Write it there, unless somebody else was first."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, new = tempfile.mkstemp(dir=path.parent)
        with open(descriptor, "w", encoding="utf-8") as file:
            file.write(value)
        with contextlib.suppress(FileExistsError):
            os.link(new, path)
        os.unlink(new)
    except OSError as error:
        raise SettingsError(f"REMI_DATA: can't keep {path.name} there ({error.strerror})") from None

"""What every gateway is told by its environment or a `.env` file."""

import socket
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from services.errors import SettingsError

ALONE = "127.0.0.1:50051"
"""Where an assistant listens that is told nothing else."""


class GatewaySettings(BaseSettings):
    """The knobs that all gateways share; a gateway adds its own. An empty value counts as unset."""

    model_config = SettingsConfigDict(
        env_prefix="REMI_",
        env_file=".env",
        env_file_encoding="utf-8",
        env_ignore_empty=True,
        extra="ignore",
        populate_by_name=True,
        hide_input_in_errors=True,
    )

    # The folder that holds everything Remi keeps on disk; here for the token and the address in it.
    data: Path = Path("data")
    # Where the assistant listens: host:port, or unix:<path>; unset: where that of the data folder does.
    assistant: str = Field(default_factory=lambda known: _assistant_of(known["data"]))
    # What the gateway proves itself with; unset: the file tokens/<platform> in the data folder.
    gateway_token: SecretStr | None = None
    # PEM files. The authority that signed the assistant's certificate, and the gateway's own pair.
    tls_ca: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    # The operator's word that nobody else is on the network to the assistant, so that plain text will do.
    closed_network: bool = False
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


S = TypeVar("S", bound=BaseSettings)


def address_file(data: Path) -> Path:
    """Where `make run` writes down at which address its assistant listens, while it runs."""
    return data / "run" / "address"


def _assistant_of(data: Path) -> str:
    """Where the assistant of `make run` on this folder listens, while it does; else where one alone would."""
    try:
        address = address_file(data).read_text(encoding="utf-8")
        _call(address)
    except (OSError, ValueError):
        return ALONE
    return address


def _call(address: str) -> None:
    """Raises OSError where nobody listens: a run that was killed outright leaves its address behind."""
    if address.startswith("unix:"):
        with socket.socket(socket.AF_UNIX) as line:
            line.connect(address.removeprefix("unix:"))
    else:
        host, _, port = address.rpartition(":")
        socket.create_connection((host.strip("[]"), int(port)), timeout=1).close()


def load(settings_type: type[S]) -> S:
    """Settings from the environment. Raises SettingsError, one line that names the first knob at fault."""
    try:
        return settings_type()
    except ValidationError as error:
        first = error.errors(include_input=False)[0]
        problem = first["msg"].removeprefix("Value error, ")
        raise SettingsError(f"{_knob(settings_type, str(first['loc'][0]))}: {problem}") from None


def _knob(settings_type: type[BaseSettings], name: str) -> str:
    """The environment variable behind a field, whichever of its two names the error carries."""
    if name in settings_type.model_fields:
        alias = settings_type.model_fields[name].validation_alias
        return alias if isinstance(alias, str) else (settings_type.model_config["env_prefix"] + name).upper()
    return name.upper()


def token(settings: GatewaySettings, platform: str) -> str:
    """The gateway's token for `platform` ("telegram"). Raises SettingsError where none can be sent."""
    if settings.gateway_token is not None:
        given = settings.gateway_token.get_secret_value()
        if not (given.isascii() and given.isprintable()):
            raise SettingsError(
                "REMI_GATEWAY_TOKEN: no gateway's token; those are plain letters, digits and signs"
            )
        return given
    path = settings.data / "tokens" / platform
    try:
        found = path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError):
        found = ""
    if not found:
        raise SettingsError(f"REMI_GATEWAY_TOKEN: not set, and {path} holds no token")
    return found

"""The knobs of the Telegram gateway."""

import re
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator

from services.gateway.settings import GatewaySettings


class TelegramSettings(GatewaySettings):
    """What the gateway is told beside what all gateways are told."""

    # From @BotFather.
    telegram_bot_token: SecretStr = Field(validation_alias="TELEGRAM_BOT_TOKEN")
    # Where a Bot API server of one's own listens; unset: Telegram's.
    telegram_api_base: str | None = Field(default=None, validation_alias="TELEGRAM_API_BASE")
    # Where Telegram posts updates, from outside; unset: they are polled.
    telegram_webhook_url: str | None = Field(default=None, validation_alias="TELEGRAM_WEBHOOK_URL")
    # What its posts prove themselves with.
    telegram_webhook_secret: SecretStr | None = Field(
        default=None, validation_alias="TELEGRAM_WEBHOOK_SECRET"
    )
    # Where the gateway takes them, in plain HTTP behind a proxy: host:port.
    telegram_webhook_listen: str = Field(default="127.0.0.1:8443", validation_alias="TELEGRAM_WEBHOOK_LISTEN")

    @field_validator("telegram_api_base")
    @classmethod
    def _is_an_address(cls, base: str | None) -> str | None:
        if base is not None and not (urlsplit(base).scheme in ("https", "http") and urlsplit(base).hostname):
            raise ValueError("must be an address such as http://127.0.0.1:8081")
        return base

    @field_validator("telegram_webhook_secret")
    @classmethod
    def _is_a_secret(cls, secret: SecretStr | None) -> SecretStr | None:
        if secret is not None and not re.fullmatch(r"[A-Za-z0-9_-]{32,256}", secret.get_secret_value()):
            raise ValueError("must be 32 to 256 letters, digits, - and _")
        return secret

"""The knobs of the Telegram gateway."""

from pydantic import Field, SecretStr

from services.gateway.settings import GatewaySettings


class TelegramSettings(GatewaySettings):
    """What the gateway is told beside what all gateways are told."""

    # From @BotFather.
    telegram_bot_token: SecretStr = Field(validation_alias="TELEGRAM_BOT_TOKEN")
    # Where a Bot API server of one's own listens; unset: Telegram's.
    telegram_api_base: str | None = Field(default=None, validation_alias="TELEGRAM_API_BASE")

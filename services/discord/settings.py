"""What the Discord gateway is told by its environment."""

from pydantic import Field, SecretStr

from services.gateway.settings import GatewaySettings


class DiscordSettings(GatewaySettings):
    """The shared knobs, and the bot's own."""

    # From the developer portal: Bot -> Token.
    bot_token: SecretStr = Field(validation_alias="DISCORD_BOT_TOKEN")
    # Another Discord than the real one, for tests: the API's base address, and the gateway's websocket.
    api_base: str | None = Field(default=None, validation_alias="DISCORD_API_BASE")
    gateway_url: str | None = Field(default=None, validation_alias="DISCORD_GATEWAY_URL")

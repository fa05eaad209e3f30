"""Any agent behind a URL: one POST a message, JSON in and out.

    {"conversation": "b9c1…", "sent_at": "2025-01-06T09:00:00+00:00", "message": "My dog is called Biscuit."}
    {"reply": "A fine name.", "context": "…", "tokens_in": 812, "tokens_out": 9, "cost": 0.0004}

Only `reply` must be there. `context` is what the agent had before it beside the message, a line each
(`services.benchmark.agent.line`), for what is measured without a model. A reset begins another conversation.
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import uuid4

from pydantic import BaseModel, ConfigDict, ValidationError

from services.benchmark.agent import Agent, Reply, Setting
from services.errors import ModelRefused, SettingsError, Unavailable

if TYPE_CHECKING:
    import aiohttp

MOST_BYTES = 8 * 1024 * 1024
"""Of a response, its context included."""


class _Response(BaseModel):
    model_config = ConfigDict(frozen=True, strict=True)

    reply: str
    context: str | None = None
    tokens_in: int = 0
    tokens_out: int = 0
    cost: float = 0.0


@asynccontextmanager
async def at_url(setting: Setting) -> AsyncIterator[Agent]:
    import aiohttp

    if not setting.address.startswith(("http://", "https://")):
        raise SettingsError("--address: is no URL of an agent, such as http://127.0.0.1:8000/reply")
    # How long a reply may take is the run's to say.
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=None)) as session:
        yield _AtUrl(session, setting.address, setting.folder / "conversation")


class _AtUrl:
    def __init__(self, session: "aiohttp.ClientSession", url: str, kept: Path) -> None:
        self._session = session
        self._url = url
        self._kept = kept
        if not kept.exists():
            self._begin()

    async def reply(self, message: str, at: datetime) -> Reply:
        import aiohttp

        asked = {
            "conversation": self._kept.read_text(encoding="ascii"),
            "sent_at": at.isoformat(),
            "message": message,
        }
        try:
            async with self._session.post(self._url, json=asked) as response:
                body = await _body(response)
        except aiohttp.ClientConnectorError as error:
            raise Unavailable(f"no connection: {type(error).__name__}") from None
        except aiohttp.ClientError as error:
            # It may have taken the message: it is not told twice.
            raise ModelRefused(f"the connection broke: {type(error).__name__}") from None
        if response.status != 200:
            raise ModelRefused(f"status {response.status}")
        try:
            answer = _Response.model_validate(json.loads(body))
        except ValidationError as error:
            first = error.errors(include_input=False)[0]
            raise ModelRefused(
                f"{'.'.join(map(str, first['loc'])) or 'the response'}: {first['msg']}"
            ) from None
        except ValueError:
            raise ModelRefused("the response is not JSON") from None
        return Reply(answer.reply, answer.context, answer.tokens_in, answer.tokens_out, answer.cost)

    async def reset(self) -> None:
        self._begin()

    def _begin(self) -> None:
        new = self._kept.with_name("conversation.new")
        new.write_text(uuid4().hex, encoding="ascii")
        new.replace(self._kept)


async def _body(response: "aiohttp.ClientResponse") -> bytes:
    """All of it. Raises ModelRefused for more than MOST_BYTES."""
    body = bytearray()
    async for piece in response.content.iter_chunked(64 * 1024):
        body += piece
        if len(body) > MOST_BYTES:
            raise ModelRefused(f"a response of more than {MOST_BYTES:,} bytes")
    return bytes(body)

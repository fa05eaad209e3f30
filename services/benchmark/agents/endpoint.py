"""Models behind an OpenAI-compatible endpoint: OPENAI_BASE_URL and OPENAI_API_KEY, as for Remi itself."""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from services.benchmark.agent import Reply, Setting
from services.errors import ModelRefused, SettingsError, Unavailable

if TYPE_CHECKING:
    from openai import AsyncOpenAI
    from openai.types.chat import ChatCompletionMessageParam

Role = Literal["system", "user", "assistant"]

_SECONDS = 600
TRIES = 3


@dataclass(frozen=True, slots=True)
class Endpoint:
    """The models of a run."""

    client: "AsyncOpenAI"
    model: str
    embedding_model: str
    prices: tuple[float, float]

    async def answer(self, messages: Sequence[tuple[Role, str]]) -> Reply:
        """What the chat model says to these. Raises Unavailable, ModelRefused, SettingsError."""
        asked = [_message(role, text) for role, text in messages]
        with _errors():
            completion = await self.client.chat.completions.create(
                model=self.model, messages=asked, temperature=0
            )
        text = (completion.choices[0].message.content or "") if completion.choices else ""
        usage = completion.usage
        tokens_in, tokens_out = (usage.prompt_tokens, usage.completion_tokens) if usage else (0, 0)
        price_in, price_out = self.prices
        return Reply(
            text,
            None,
            tokens_in,
            tokens_out,
            (tokens_in * price_in + tokens_out * price_out) / 1_000_000,
        )

    async def embed(self, text: str) -> list[float]:
        """The vector of a text. Raises as `answer` does."""
        with _errors():
            made = await self.client.embeddings.create(
                model=self.embedding_model, input=text, encoding_format="float"
            )
        return made.data[0].embedding


@asynccontextmanager
async def connected(setting: Setting) -> AsyncIterator[Endpoint]:
    """Raises SettingsError where no endpoint is named."""
    from openai import AsyncOpenAI

    base_url, key = os.environ.get("OPENAI_BASE_URL"), os.environ.get("OPENAI_API_KEY")
    if not base_url and not key:
        raise SettingsError(
            "OPENAI_BASE_URL, OPENAI_API_KEY: neither is set, so there is no endpoint for a model"
        )
    client = AsyncOpenAI(base_url=base_url, api_key=key or "none", timeout=_SECONDS, max_retries=TRIES)
    async with client:
        yield Endpoint(client, setting.model, setting.embedding_model, setting.prices)


def _message(role: Role, text: str) -> "ChatCompletionMessageParam":
    match role:
        case "system":
            return {"role": "system", "content": text}
        case "user":
            return {"role": "user", "content": text}
        case "assistant":
            return {"role": "assistant", "content": text}


@contextmanager
def _errors() -> Iterator[None]:
    """What the client raises, as errors of ours."""
    import openai

    try:
        yield
    except (openai.AuthenticationError, openai.PermissionDeniedError, openai.NotFoundError) as error:
        raise SettingsError(
            f"the endpoint refuses the key or the model: status {error.status_code}"
        ) from None
    except (openai.APIConnectionError, openai.RateLimitError, openai.InternalServerError) as error:
        raise Unavailable(f"the endpoint does not answer: {type(error).__name__}") from None
    except openai.APIStatusError as error:
        raise ModelRefused(f"status {error.status_code}") from None

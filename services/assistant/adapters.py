"""Which adapters of the model ports a set of settings asks for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from services.assistant.domain import Usage
from services.assistant.fallover import Breaker, Endpoint, Fallover
from services.assistant.model import PATIENCE, Embedder, Meter, Models, Patience
from services.errors import ModelMisconfigured, ModelRefused, ModelUnavailable, SettingsError


@asynccontextmanager
async def open_models(
    data: Path,
    *,
    base_url: str = "",
    api_key: str = "",
    chat: str = "",
    memory: str = "",
    embedding: str = "",
    transcription: str = "",
    second: "SecondEndpoint | None" = None,
    patience: Patience = PATIENCE,
    meter: Meter | None = None,
) -> AsyncIterator[Models]:
    """The models these settings ask for, closed at the end.

    Without a base URL and a key there is no endpoint; MiniLM embeds, made under `data` at the first start.
    With an endpoint, an empty name means: `memory` as `chat`, `embedding` by MiniLM, no `transcription`.
    An endpoint that is away does not stop the start. Raises SettingsError for one that refuses.
    """
    async with AsyncExitStack() as stack:
        if not (base_url or api_key):
            yield Models(None, None, await _minilm(data, stack), None)
            return
        if not chat:
            raise SettingsError("REMI_CHAT_MODEL: name the endpoint's chat model")
        # The openai client takes most of a second to import, which offline runs need not pay.
        from services.assistant import endpoint, endpoint_embedder

        client = await stack.enter_async_context(endpoint.connect(base_url, api_key, patience))
        meter = meter or log_usage
        breaker = Breaker("first")
        talker = Endpoint(endpoint.EndpointChat(client, chat, meter, patience), breaker)
        others = []
        if second is not None:
            spare = await stack.enter_async_context(
                endpoint.connect(second.base_url, second.api_key, patience)
            )
            others = [Endpoint(endpoint.EndpointChat(spare, second.chat, meter, patience), Breaker("second"))]
        embedder: Embedder
        if embedding:
            # A question's vector is not worth a policy of its own: it is asked for twice.
            embedder = endpoint_embedder.EndpointEmbedder(
                client.with_options(max_retries=1), embedding, meter
            )
            await _try_out(embedder)
        else:
            embedder = await _minilm(data, stack)
        talking = learning = Fallover([talker, *others])
        if memory not in ("", chat):
            learner = endpoint.EndpointChat(client, memory, meter, patience)
            learning = Fallover([Endpoint(learner, breaker), *others])
        yield Models(
            talking,
            learning,
            embedder,
            endpoint.EndpointTranscriber(client, transcription, meter) if transcription else None,
        )


@dataclass(frozen=True, slots=True)
class SecondEndpoint:
    """Where to turn to when the first endpoint does not answer."""

    base_url: str
    api_key: str
    chat: str


def log_usage(model: str, usage: Usage) -> None:
    """The meter of a process that has no other."""
    structlog.get_logger().info(
        "model call",
        model=model,
        prompt_tokens=usage.prompt_tokens,
        completion_tokens=usage.completion_tokens,
    )


async def _minilm(data: Path, stack: AsyncExitStack) -> Embedder:
    from services.assistant import minilm

    embedder = await asyncio.to_thread(minilm.load, data)
    stack.callback(embedder.close)
    return embedder


async def _try_out(embedder: Embedder) -> None:
    """Learn the dimensions, if the endpoint is there, and find a wrong setting before anybody waits."""
    try:
        await embedder.embed(["Remi"])
    except (ModelMisconfigured, ModelRefused) as error:
        raise SettingsError(f"REMI_EMBEDDING_MODEL: {error}") from error
    except ModelUnavailable as error:
        structlog.get_logger().warning("embedding endpoint away", exc_info=error)

"""Which adapters of the model ports a set of settings asks for."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import structlog

from services.assistant.domain import Usage
from services.assistant.model import Embedder, Meter, Models
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

        client = await stack.enter_async_context(endpoint.connect(base_url, api_key))
        meter = meter or log_usage
        talker = endpoint.EndpointChat(client, chat, meter)
        embedder: Embedder
        if embedding:
            embedder = endpoint_embedder.EndpointEmbedder(client, embedding, meter)
            await _try_out(embedder)
        else:
            embedder = await _minilm(data, stack)
        yield Models(
            talker,
            endpoint.EndpointChat(client, memory, meter) if memory not in ("", chat) else talker,
            embedder,
            endpoint.EndpointTranscriber(client, transcription, meter) if transcription else None,
        )


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

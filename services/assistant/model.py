"""The ports to models, and which adapters a set of settings asks for.

The adapters stand in endpoint.py and endpoint_embedder.py (any OpenAI-compatible endpoint) and in minilm.py
(vectors on the CPU).
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import structlog

from services.assistant.domain import Usage
from services.errors import ModelMisconfigured, ModelRefused, ModelUnavailable, SettingsError

Vector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float32]]

Meter: TypeAlias = Callable[[str, Usage], None]
"""Hears the model's name and the usage of every call to an endpoint, once, however the call ended."""

MAX_DIMENSIONS = 1024
"""The longest vector (as halfvec) that fits a covering index."""


@dataclass(frozen=True, slots=True)
class ChatMessage:
    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class JsonSchema:
    """The form an answer must have. `name` has letters, digits, - and _ only."""

    name: str
    schema: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Completion:
    text: str
    usage: Usage


class Chat(Protocol):
    @property
    def name(self) -> str: ...

    def stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str | Usage, None]:
        """Text as it comes, then exactly one Usage, last.

        Iterate within `contextlib.aclosing`: leaving it, or cancellation, hangs up on the endpoint. Raises
        ModelUnavailable, also when the stream breaks off (what came before is no answer), and ModelRefused.
        """
        ...

    async def complete(self, messages: Sequence[ChatMessage], schema: JsonSchema | None = None) -> Completion:
        """A whole answer; with a schema, a JSON object that should fit it: check it.

        Raises ModelUnavailable and ModelRefused.
        """
        ...


class Embedder(Protocol):
    @property
    def name(self) -> str:
        """The model and its dimensions. Raises ModelUnavailable until an endpoint has answered once."""
        ...

    @property
    def dimensions(self) -> int:
        """Raises ModelUnavailable until an endpoint has answered once."""
        ...

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """A vector of unit length for each text; of a text longer than the model's window, for its beginning.

        Raises ModelUnavailable and ModelRefused.
        """
        ...


class Transcriber(Protocol):
    async def transcribe(self, audio: bytes, file_name: str) -> str:
        """What is said. `file_name` tells the format by its ending.

        Raises ModelUnavailable and ModelRefused.
        """
        ...


@dataclass(frozen=True, slots=True)
class Models:
    """What Remi thinks with. Without a chat model the offline responder answers and nothing is learned."""

    chat: Chat | None
    memory: Chat | None
    embedder: Embedder
    transcriber: Transcriber | None


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

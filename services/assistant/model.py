"""The ports to models, and which adapters a set of settings asks for.

The adapters stand in endpoint.py and endpoint_embedder.py (any OpenAI-compatible endpoint) and in minilm.py
(vectors on the CPU).
"""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np

from services.assistant.domain import Usage

Vector: TypeAlias = np.ndarray[tuple[int], np.dtype[np.float32]]

Meter: TypeAlias = Callable[[str, Usage], None]
"""Hears the model's name and the usage of every call to an endpoint, once, however the call ended."""

MAX_DIMENSIONS = 1024
"""The longest vector (as halfvec) that fits a covering index."""


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait for an endpoint, in seconds."""

    connect: float = 5
    first_token: float = 120
    """Long enough for a local server that has to load its model first."""
    between_tokens: float = 60
    whole: float = 600
    embedding: float = 15
    """For each text. A turn waits for its question's; without it recall goes by words alone."""


PATIENCE = Patience()


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


@dataclass(frozen=True, slots=True)
class Begun:
    """An answer begins, by this model. What came before it broke off, and is void."""

    model: str


class Chat(Protocol):
    @property
    def name(self) -> str: ...

    def stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str | Begun | Usage, None]:
        """Text as it comes, then exactly one Usage, last. A Begun comes where it starts over.

        Iterate within `contextlib.aclosing`: leaving it, or cancellation, hangs up on the endpoint. Raises
        ModelUnavailable, also when the stream breaks off (what came before is no answer), ModelRefused, and
        of this ContextTooLong.
        """
        ...

    async def complete(self, messages: Sequence[ChatMessage], schema: JsonSchema | None = None) -> Completion:
        """A whole answer; with a schema, what of it is JSON, which should fit it: check it.

        Raises ModelUnavailable, ModelRefused, and of this ContextTooLong.
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

"""Sentence vectors from an OpenAI-compatible endpoint."""

import asyncio
import base64
from collections.abc import Sequence
from typing import cast

import numpy as np
import openai
from openai import AsyncOpenAI

from services.assistant.endpoint import Bill, Json, at, billed, is_refusal
from services.assistant.model import MAX_DIMENSIONS, PATIENCE, Meter, Patience, Vector
from services.errors import ModelRefused, ModelUnavailable

# The smallest window among embedding models in common use is 512 tokens. Their tokenizers are unknown here:
# in running text a token has four bytes or so, in code and figures nearer three.
_WINDOW_BYTES = 3 * 512
# More texts at once than some embedding servers take by default would be refused.
_BATCH = 32
_EMBEDDINGS = "/embeddings"


class EndpointEmbedder:
    def __init__(self, client: AsyncOpenAI, model: str, meter: Meter, patience: Patience = PATIENCE) -> None:
        self._client = client
        self._model = model
        self._meter = meter
        self._patience = patience
        self._dimensions = 0
        self._takes_dimensions = True

    @property
    def name(self) -> str:
        return f"{self._model}@{self.dimensions}"

    @property
    def dimensions(self) -> int:
        if not self._dimensions:
            raise ModelUnavailable(f"{self._model}: has not answered yet")
        return self._dimensions

    async def embed(self, texts: Sequence[str]) -> list[Vector]:
        """Asks for at most MAX_DIMENSIONS. Raises ModelRefused for a model that can't give less."""
        vectors: list[Vector] = []
        for start in range(0, len(texts), _BATCH):
            vectors += await self._batch([_embeddable(text) for text in texts[start : start + _BATCH]])
        return vectors

    async def _batch(self, texts: list[str]) -> list[Vector]:
        bill = Bill(sum(len(text.encode()) for text in texts))
        with billed(self._model, bill, self._meter):
            async with asyncio.timeout(self._patience.embedding * len(texts)):
                answer = await self._ask(texts)
            bill.began = True
            bill.take(answer)
            rows = {at(row, "index"): at(row, "embedding") for row in at(answer, "data") or ()}
            vectors = [_unit(rows.get(number)) for number in range(len(texts))]
        return [self._checked(vector) for vector in vectors]

    async def _ask(self, texts: list[str]) -> object:
        body: Json = {"model": self._model, "input": texts, "encoding_format": "base64"}
        if self._takes_dimensions:
            wish = {"dimensions": MAX_DIMENSIONS}
            try:
                return await self._client.post(_EMBEDDINGS, cast_to=object, body=body | wish)
            except openai.APIStatusError as error:
                # Whoever took the parameter before refuses something else now.
                if self._dimensions or not is_refusal(error):
                    raise
        answer = await self._client.post(_EMBEDDINGS, cast_to=object, body=body)
        self._takes_dimensions = False
        return answer

    def _checked(self, vector: Vector) -> Vector:
        size = len(vector)
        if size > MAX_DIMENSIONS:
            raise ModelRefused(f"{self._model} gives {size} dimensions; at most {MAX_DIMENSIONS} fit")
        if self._dimensions not in (0, size):
            raise ModelRefused(f"{self._model} gives {size} dimensions now, {self._dimensions} before")
        self._dimensions = size
        return vector


def _embeddable(text: str) -> str:
    """Endpoints refuse text that is empty or longer than the window."""
    return text.strip().encode()[:_WINDOW_BYTES].decode(errors="ignore") or "-"


def _unit(embedding: object) -> Vector:
    """A vector of unit length from base64, or from the list that some endpoints send all the same."""
    if isinstance(embedding, str):
        vector = np.frombuffer(base64.b64decode(embedding), "<f4").astype(np.float32)
    else:
        vector = np.asarray(embedding or (), np.float32)
    norm = np.linalg.norm(vector)
    if not np.isfinite(norm) or norm == 0:
        raise ValueError("a vector without direction")
    return cast(Vector, vector / norm)

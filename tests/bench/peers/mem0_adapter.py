"""mem0 with its pgvector store, as its own pages set it up: runs where mem0 is installed, see protocol.py.

    python -m bench.peers.mem0_adapter DATABASE ENDPOINT DIMENSIONS

Its extra for spaCy is not installed, whose model comes from elsewhere: so it links no entities, and saves
the time for that.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import Any
from uuid import uuid4

from mem0 import Memory
from openai import OpenAI

from bench.peers.protocol import MOST, serve

_EXACTLY = "&options=-c%20enable_indexscan%3Doff"
"""Without index scans its own statement compares every row of the person's."""


class Mem0:
    """The synchronous client, which is the quicker one where one call follows the other."""

    version = f"mem0ai {version('mem0ai')}"

    def __init__(self, database: str, endpoint: str, dimensions: int) -> None:
        self._memory = _memory(database, endpoint, dimensions)
        self._exact = _memory(database + _EXACTLY, endpoint, dimensions)
        self._model = OpenAI(api_key="sk-fake", base_url=endpoint)

    async def fill(self, person: str, texts: list[str]) -> None:
        """In batches through its store, in the form that `add` gives to what it keeps."""
        vectors = self._memory.embedding_model.embed_batch(texts, "add")
        form = self._form(person)
        payloads = [form | {"data": text, "text_lemmatized": text} for text in texts]
        self._memory.vector_store.insert(vectors, payloads, [str(uuid4()) for _ in texts])

    async def write(self, person: str, text: str) -> None:
        self._memory.add(text, user_id=person, infer=False)

    async def turn(self, person: str, text: str) -> None:
        """As its quick start does it."""
        known = "\n".join(await self.search(person, text))
        messages = [
            {"role": "system", "content": f"You are a helpful assistant. The person's memories:\n{known}"},
            {"role": "user", "content": text},
        ]
        answer = self._model.chat.completions.create(model="instant", messages=messages)  # type: ignore[arg-type]
        messages.append({"role": "assistant", "content": answer.choices[0].message.content or ""})
        self._memory.add(messages[1:], user_id=person)

    async def search(self, person: str, question: str) -> list[str]:
        return _texts(self._memory.search(question, filters={"user_id": person}, top_k=MOST))

    async def search_exactly(self, person: str, question: str) -> list[str]:
        return _texts(self._exact.search(question, filters={"user_id": person}, top_k=MOST))

    def _form(self, person: str) -> dict[str, Any]:
        """The payload of something it kept itself."""
        (kept,) = self._memory.add("A text to see the form by.", user_id=person, infer=False)["results"]
        payload = self._memory.vector_store.get(kept["id"]).payload
        self._memory.delete(kept["id"])
        return dict(payload)


def _memory(database: str, endpoint: str, dimensions: int) -> Memory:
    at = {"api_key": "sk-fake", "openai_base_url": endpoint}
    return Memory.from_config(
        {
            "vector_store": {
                "provider": "pgvector",
                "config": {"connection_string": database, "embedding_model_dims": dimensions},
            },
            "llm": {"provider": "openai", "config": {"model": "instant", **at}},
            "embedder": {"provider": "openai", "config": {"model": "instant", **at}},
            "history_db_path": "history.db",
        }
    )


def _texts(found: dict[str, Any]) -> list[str]:
    return [each["memory"] for each in found["results"]]


@asynccontextmanager
async def _open(database: str, endpoint: str, dimensions: str) -> AsyncIterator[Mem0]:
    yield await asyncio.to_thread(Mem0, database, endpoint, int(dimensions))


if __name__ == "__main__":
    serve(_open(*sys.argv[1:]))

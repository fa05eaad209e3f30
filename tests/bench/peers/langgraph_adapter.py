"""LangGraph's AsyncPostgresStore with its vector index: runs where LangGraph is installed, see protocol.py.

    python -m bench.peers.langgraph_adapter DATABASE ENDPOINT DIMENSIONS

It keeps and finds what it is given, and learns nothing from it: so it has no `learn`.
"""

import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from importlib.metadata import version
from uuid import uuid4

from langgraph.store.base import PutOp
from langgraph.store.postgres.aio import AsyncPostgresStore
from openai import AsyncOpenAI

from bench.peers.protocol import MOST, serve

_EXACTLY = "&options=-c%20enable_indexscan%3Doff"
"""Without index scans its own statement compares every row of the person's."""


class LangGraph:
    version = f"langgraph-checkpoint-postgres {version('langgraph-checkpoint-postgres')}"

    def __init__(self, store: AsyncPostgresStore, exact: AsyncPostgresStore, model: AsyncOpenAI) -> None:
        self._store = store
        self._exact = exact
        self._model = model

    async def fill(self, person: str, texts: list[str]) -> None:
        await self._store.abatch([PutOp(_namespace(person), str(uuid4()), {"text": text}) for text in texts])

    async def write(self, person: str, text: str) -> None:
        await self._store.aput(_namespace(person), str(uuid4()), {"text": text})

    async def turn(self, person: str, text: str) -> None:
        known = "\n".join(await self.search(person, text))
        system = f"You are a helpful assistant. The person's memories:\n{known}"
        answer = await self._model.chat.completions.create(
            model="instant",
            messages=[{"role": "system", "content": system}, {"role": "user", "content": text}],
        )
        await self.fill(person, [text, answer.choices[0].message.content or ""])

    async def search(self, person: str, question: str) -> list[str]:
        return await _search(self._store, person, question)

    async def search_exactly(self, person: str, question: str) -> list[str]:
        return await _search(self._exact, person, question)


def _namespace(person: str) -> tuple[str, ...]:
    return ("memories", person)


async def _search(store: AsyncPostgresStore, person: str, question: str) -> list[str]:
    found = await store.asearch(_namespace(person), query=question, limit=MOST)
    return [each.value["text"] for each in found]


@asynccontextmanager
async def _open(database: str, endpoint: str, dimensions: str) -> AsyncIterator[LangGraph]:
    model = AsyncOpenAI(api_key="sk-fake", base_url=endpoint)

    async def embed(texts: Sequence[str]) -> list[list[float]]:
        answer = await model.embeddings.create(model="instant", input=list(texts))
        return [each.embedding for each in answer.data]

    index = {"dims": int(dimensions), "embed": embed, "fields": ["text"]}
    async with (
        AsyncPostgresStore.from_conn_string(database, index=index) as store,
        AsyncPostgresStore.from_conn_string(database + _EXACTLY, index=index) as exact,
    ):
        await store.setup()
        yield LangGraph(store, exact, model)


if __name__ == "__main__":
    serve(_open(*sys.argv[1:]))

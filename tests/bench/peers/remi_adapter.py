"""Remi, by the contract that gateways speak: an adapter like the peers', see protocol.py.

    python -m bench.peers.remi_adapter ADDRESS DATA DATABASE ENDPOINT

`DATA` is the assistant's data folder, `DATABASE` its database's address as the owner, where the adapter
sees when what was said is indexed.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from uuid import NAMESPACE_OID, UUID, uuid4, uuid5

import asyncpg
import grpc
from pgvector.asyncpg import register_vector

from bench.peers.protocol import MOST, serve
from services.assistant.adapters import open_models
from services.assistant.model import Embedder
from services.assistant.recall import Query, asked
from services.assistant.store.passages import SQL
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc as stubs

PATIENCE = 60.0
"""Seconds that anything may take."""
ANY_BUDGET = 100_000

_EXACTLY = SQL["recall"].replace(
    "{passages}", "(SELECT * FROM passage WHERE space_id = ANY ($1::uuid[])) AS p"
)
"""The statement of recall with every passage of the space compared, however large that is."""
_SPACE = "SELECT DISTINCT space_id FROM conversation WHERE platform = 'benchmark' AND chat_id = $1"
_IS_INDEXED = "SELECT NOT EXISTS (SELECT FROM message WHERE space_id = $1 AND indexed_at IS NULL)"
_IS_AT_REST = "SELECT NOT EXISTS (SELECT FROM work WHERE kind IN ('index', 'learn'))"


@dataclass(slots=True)
class Remi:
    version: str
    memory: "stubs.MemoryServiceAsyncStub"
    conversation: "stubs.ConversationServiceAsyncStub"
    metadata: tuple[tuple[str, str], ...]
    owner: asyncpg.Connection
    secret: bytes
    embedder: Embedder
    numbers: Iterable[int] = field(default_factory=count)
    spaces: dict[str, UUID] = field(default_factory=dict)

    async def fill(self, person: str, texts: list[str]) -> None:
        """By the import, which answers when all of it can be found."""
        await self._import(person, texts)

    async def write(self, person: str, text: str) -> None:
        await self._import(person, [text])

    async def turn(self, person: str, text: str) -> None:
        """As on any platform; the reply is acknowledged as sent."""
        message_id = uuid4().hex
        actor = _actor(person)
        request = pb.ConverseRequest(
            idempotency_key=f"benchmark:peers:{person}:{message_id}",
            place=actor.place,
            author=actor.author,
            addressed=True,
            message=pb.MessageEvent(message_id=message_id, text=text),
        )
        request.sent_at.GetCurrentTime()
        stream = self.conversation.Converse(request, metadata=self.metadata, timeout=PATIENCE)
        frames = [frame async for frame in stream]
        delivery = frames[-1].final.delivery
        sent = pb.Delivered(message_ids=[f"{message_id}-reply"])
        taken = pb.AcknowledgeRequest(delivery_id=delivery.delivery_id, place=delivery.place, delivered=sent)
        await asyncio.gather(
            self.conversation.Acknowledge(taken, metadata=self.metadata, timeout=PATIENCE),
            self._until(_IS_INDEXED, 0.0005, await self._space(person)),
        )

    async def rest(self) -> None:
        """Until all is indexed and learned."""
        await self._until(_IS_AT_REST, 0.1, patience=15 * PATIENCE)

    async def search(self, person: str, question: str) -> list[str]:
        request = pb.SearchRequest(actor=_actor(person), query=question, token_budget=ANY_BUDGET, limit=MOST)
        found = await self.memory.Search(request, metadata=self.metadata, timeout=PATIENCE)
        return [each.text for each in found.results]

    async def search_exactly(self, person: str, question: str) -> list[str]:
        space = await self._space(person)
        (vector,) = await self.embedder.embed([question])
        query = Query(question, (space,), datetime.now(UTC), ANY_BUDGET, limit=MOST, vector=vector)
        arguments = asked(self.secret, self.embedder, query).arguments()
        rows = await self.owner.fetch(_EXACTLY, *arguments, timeout=PATIENCE)
        return [row["text"] for row in rows if row["part"] == "found"][:MOST]

    async def _import(self, person: str, texts: list[str]) -> None:
        said_at = datetime.now(UTC)
        conversation = uuid5(NAMESPACE_OID, person)
        records = [
            {
                "record": "message",
                "id": str(uuid4()),
                "conversation": str(conversation),
                "role": "person",
                "author": person,
                "text": text,
                "sent_at": said_at.isoformat(),
                "learned": True,
            }
            for text in texts
        ]
        lines = [{"format": "remi", "version": 1}, *records]
        chunk = "\n".join(json.dumps(line) for line in lines).encode()
        request = pb.ImportRequest(actor=_actor(person), chunk=chunk)
        answer = await self.memory.Import(iter([request]), metadata=self.metadata, timeout=10 * PATIENCE)
        if answer.messages != len(texts):
            raise RuntimeError(f"{answer.messages} of {len(texts)} messages were imported")

    async def _space(self, person: str) -> UUID:
        if person not in self.spaces:
            self.spaces[person] = await self.owner.fetchval(_SPACE, person)
        return self.spaces[person]

    async def _until(self, is_so: str, pause: float, *arguments: object, patience: float = PATIENCE) -> None:
        """Ask again and again, as what is asked about happens in another process."""
        async with asyncio.timeout(patience):
            while not await self.owner.fetchval(is_so, *arguments):  # noqa: ASYNC110
                await asyncio.sleep(pause)


def _actor(person: str) -> pb.Actor:
    place = pb.Place(
        platform=pb.PLATFORM_BENCHMARK, bot_id="peers", chat_id=person, chat_kind=pb.CHAT_KIND_DIRECT
    )
    return pb.Actor(place=place, author=pb.Author(user_id=person, display_name=person))


@asynccontextmanager
async def _open(address: str, data: str, database: str, endpoint: str) -> AsyncIterator[Remi]:
    folder = Path(data)
    token = (folder / "tokens" / "benchmark").read_text(encoding="ascii")
    owner = await asyncpg.connect(database)
    await register_vector(owner)
    async with (
        grpc.aio.insecure_channel(address) as channel,
        open_models(folder, base_url=endpoint, api_key="sk-fake", chat="remi", embedding="remi") as models,
    ):
        yield Remi(
            "Remi",
            stubs.MemoryServiceStub(channel),
            stubs.ConversationServiceStub(channel),
            (("authorization", f"Bearer {token}"),),
            owner,
            (folder / "secret").read_text(encoding="ascii").encode(),
            models.embedder,
        )
    await owner.close()


if __name__ == "__main__":
    serve(_open(*sys.argv[1:]))

"""A space with talk in it, for tests of recall, index, learning and forgetting."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal
from uuid import UUID, uuid4

from fakes.openai import FakeOpenAI
from services.assistant.adapters import open_models
from services.assistant.domain import Recalled, Recollection, Role
from services.assistant.index import index
from services.assistant.model import Models
from services.assistant.recall import Query, recall
from services.assistant.store.connection import Store, scoped
from talk import NOON

ANN = uuid4()
BUDGET = 2_000


@asynccontextmanager
async def models(fake: FakeOpenAI, folder: Path, embedding: str = "fake-embedder") -> AsyncIterator[Models]:
    """Models at the fake endpoint: texts that share words have vectors that lie near each other."""
    async with open_models(
        folder, base_url=fake.base_url, api_key=fake.api_key, chat="fake-chat", embedding=embedding
    ) as opened:
        yield opened


class Gate(asyncio.Event):
    """Holds a fake's answer back, and tells when the request for it has come."""

    def __init__(self) -> None:
        super().__init__()
        self.reached = asyncio.Event()

    async def wait(self) -> Literal[True]:
        self.reached.set()
        return await super().wait()


@dataclass(slots=True)
class Talk:
    """One conversation in a space of its own."""

    store: Store
    models: Models
    space_id: UUID = field(default_factory=uuid4)
    conversation_id: UUID = field(default_factory=uuid4)
    now: datetime = NOON

    async def begin(self) -> "Talk":
        async with scoped(self.store, [self.space_id]) as connection:
            await connection.execute(
                "INSERT INTO conversation (space_id, conversation_id, platform, bot_id, chat_id, thread_id,"
                " chat_kind) VALUES ($1, $2, 'telegram', '99', '7', '', 'direct')",
                self.space_id,
                self.conversation_id,
            )
        return self

    async def say(
        self,
        text: str,
        *,
        by: str = "Ann",
        role: Role = Role.PERSON,
        at: datetime | None = None,
        **columns: Any,
    ) -> UUID:
        """Somebody says something, a minute after the last; not indexed yet."""
        self.now += timedelta(minutes=1)
        message_id = uuid4()
        row = {
            "space_id": self.space_id,
            "message_id": message_id,
            "conversation_id": self.conversation_id,
            "role": role,
            "person_id": ANN if role is Role.PERSON else None,
            "author_name": by if role is Role.PERSON else "Remi",
            "text": text,
            "sent_at": at or self.now,
            **columns,
        }
        numbers = ", ".join(f"${number}" for number in range(1, len(row) + 1))
        async with scoped(self.store, [self.space_id]) as connection:
            await connection.execute(
                f"INSERT INTO message ({', '.join(row)}) VALUES ({numbers})", *row.values()
            )
        return message_id

    async def index(self) -> int:
        """Index all that waits."""
        return await index(self.store, self.models.embedder, self.space_id, self.conversation_id)

    async def recall(self, text: str, **more: Any) -> Recollection:
        query = Query(
            text,
            more.pop("spaces", (self.space_id,)),
            more.pop("now", self.now),
            more.pop("token_budget", BUDGET),
            **more,
        )
        return await recall(self.store, self.models.embedder, query)

    async def found(self, text: str, **more: Any) -> tuple[Recalled, ...]:
        return (await self.recall(text, **more)).recalled

    async def rows(self, sql: str, *arguments: object) -> list[Any]:
        """Any query, in scope of the space."""
        async with scoped(self.store, [self.space_id]) as connection:
            return await connection.fetch(sql, *arguments)

    async def value(self, sql: str, *arguments: object) -> Any:
        return (await self.rows(sql, *arguments))[0][0]

    async def check_counts(self) -> None:
        """What the space counts of its words and passages, and notes of who speaks, is what is there."""
        assert await self.value(
            "SELECT coalesce(max(passages), 0) FROM space_statistics"
        ) == await self.value("SELECT count(*) FROM passage")
        assert await self.rows("SELECT unnest(authors) AS word FROM space_statistics ORDER BY 1") == (
            await self.rows("SELECT DISTINCT unnest(author) AS word FROM passage ORDER BY 1")
        )
        counted = {row["dimension"]: row["passages"] for row in await self.rows("SELECT * FROM term")}
        there = await self.rows(
            "SELECT dimension, count(*) AS passages FROM passage, unnest(words) AS dimension GROUP BY 1"
        )
        assert counted == {row["dimension"]: row["passages"] for row in there}
        assert await self.rows(
            "SELECT dimension, subject_id, ordinal, weight FROM posting ORDER BY 1, 2, 3"
        ) == await self.rows(
            "SELECT dimension, subject_id, ordinal, weight FROM passage, words_of(terms) WHERE posted"
            " ORDER BY 1, 2, 3"
        )


def texts(found: Sequence[Recalled]) -> list[str]:
    return [each.text for each in found]

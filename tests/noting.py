"""What a scripted memory model notes, for tests of learning."""

import json
from typing import Any
from zoneinfo import ZoneInfo

from fakes.openai import FakeOpenAI, Step
from remembering import Talk
from services.assistant.domain import Memory
from services.assistant.learn import learn
from services.assistant.store import memories
from services.assistant.store.connection import scoped

UTC = ZoneInfo("UTC")


def note(text: str, quote: str, op: str = "add", **more: Any) -> dict[str, Any]:
    fields = {"op": op, "kind": "fact", "text": text, "message": 1, "quote": quote, "handle": ""}
    return fields | {"date": "", "replies": ""} | more


def answer(*notes: dict[str, Any]) -> Step:
    return Step(text=json.dumps({"memories": notes}))


async def learned(talk: Talk, fake: FakeOpenAI, *notes: dict[str, Any]) -> None:
    """Learn what waits, by one answer of the model."""
    fake.script(answer(*notes))
    await learn_all(talk)


async def learn_all(talk: Talk) -> int:
    return await learn(
        talk.store, talk.models.memory, talk.models.embedder, talk.space_id, talk.conversation_id, UTC
    )


async def known(talk: Talk, *, with_superseded: bool = False) -> dict[str, Memory]:
    async with scoped(talk.store, [talk.space_id]) as connection:
        found = await memories.page(connection, [talk.space_id], with_superseded=with_superseded)
    return {memory.text: memory for memory in found}

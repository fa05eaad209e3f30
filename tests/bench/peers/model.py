"""The instant model that all share: the fake OpenAI endpoint as a process of its own.

Prints its address, then answers every line on standard input with what was asked of it since the last one.
A vector is made of hashed words; one memory is learned from each message: what it says.
"""

import asyncio
import json
import re
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import uvloop

from bench.model import ANSWER
from fakes.openai import Body, FakeOpenAI, Recorded, Step

DIMENSIONS = 384

# A message of a person in the prompts that ask for memories: Remi's, and mem0's.
_SAID_TO_REMI = re.compile(r"^#(\d+) \S+ \S+ (?!Remi:)[^:\n]+: (.+)$", re.MULTILINE)
_SAID_TO_MEM0 = re.compile(r"^user: (.+)$", re.MULTILINE)
_NEW_TO_MEM0 = re.compile(r"## New Messages\n(.*?)\n\n## ", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Calls:
    """What was asked of the model."""

    answers: int
    learning: int
    """Chat calls that asked for memories."""
    learning_characters: int
    """Of the prompts of those."""
    embeddings: int


def reply(body: Body) -> Step:
    """The answer of a turn; or, where an answer in JSON is wanted, a memory from every message."""
    wanted = body.get("response_format")
    if wanted is None:
        return Step(text=ANSWER, usage=False)
    asked = body["messages"][-1]["content"]
    notes = _for_remi(asked) if wanted["type"] == "json_schema" else _for_mem0(asked)
    return Step(text=json.dumps(notes), usage=False)


def _for_remi(asked: str) -> Body:
    plain = {"op": "add", "kind": "fact", "handle": "", "date": "", "replies": ""}
    return {
        "memories": [
            plain | {"text": text, "message": int(number), "quote": text}
            for number, text in _SAID_TO_REMI.findall(asked)
        ]
    }


def _for_mem0(asked: str) -> Body:
    new = _NEW_TO_MEM0.search(asked)
    said = _SAID_TO_MEM0.findall(new[1]) if new else []
    return {
        "memory": [
            {"id": str(number), "text": text, "attributed_to": "user"} for number, text in enumerate(said)
        ]
    }


def count(requests: Sequence[Recorded]) -> Calls:
    """What these requests were for."""
    chats = [each.body for each in requests if each.path.endswith("/chat/completions")]
    learning = [body["messages"] for body in chats if "response_format" in body]
    return Calls(
        answers=len(chats) - len(learning),
        learning=len(learning),
        learning_characters=sum(len(each["content"]) for messages in learning for each in messages),
        embeddings=sum(each.path.endswith("/embeddings") for each in requests),
    )


async def _serve() -> None:
    async with FakeOpenAI(reply=reply, dimensions=DIMENSIONS, takes_dimensions=False) as fake:
        print(fake.base_url, flush=True)
        while await asyncio.to_thread(sys.stdin.readline):
            print(json.dumps(asdict(count(fake.requests))), flush=True)
            fake.requests.clear()


if __name__ == "__main__":
    uvloop.run(_serve())

"""The load: talks to an assistant over gRPC as gateways do, and prints what it saw, a line of JSON a turn.

python -m bench.load ADDRESS TOKEN '{"conversations": 1, "turns": 100, "ending": "", "rest": 0}'
"""

import asyncio
import json
import random
import sys
import time
from dataclasses import asdict, dataclass

import grpc
import uvloop

from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc as stubs

PATIENCE = 20.0
"""Seconds that a turn may take."""

_SUBJECTS = ("my sister", "our neighbour Piotr", "the new colleague", "my dog Biscuit", "the landlord")
_DEEDS = (
    "lost",
    "found",
    "painted",
    "sold",
    "borrowed",
    "repaired",
    "hid",
    "praised",
    "photographed",
    "broke",
)
_THINGS = (
    *("a green bicycle", "the spare key", "an old violin", "three jars of honey", "the tax papers"),
    *("a map of Lisbon", "the blue umbrella", "somebody's passport", "a recipe for dumplings", "a kite"),
)
_PLACES = ("in the cellar", "near the station", "on the ferry", "at the market", "behind the school")
_TIMES = ("yesterday", "last Tuesday", "before the storm", "in May", "two weeks ago", "on the first day")


@dataclass(frozen=True, slots=True)
class Plan:
    """So many conversations at once, with so many turns each, one after the other."""

    conversations: int
    turns: int
    ending: str = ""
    """The last words of every message."""
    rest: float = 0.0
    """Seconds between a Final and its acknowledgement."""
    first: int = 1
    """The number of the first conversation; the person in it bears the same."""


@dataclass(frozen=True, slots=True)
class Seen:
    """One turn, in seconds of the wall clock."""

    asked: float
    drafted: float
    """When the first draft came, or, if none did, the Final."""
    finished: float
    acknowledged: float
    drafts: int


@dataclass(frozen=True, slots=True)
class Talk:
    """One conversation of one person."""

    stub: "stubs.ConversationServiceAsyncStub"
    metadata: tuple[tuple[str, str], ...]
    number: int

    async def go_on(self, plan: Plan) -> list[Seen]:
        words = random.Random(self.number)
        return [await self._turn(f"{says(words)} {plan.ending}".rstrip(), plan) for _ in range(plan.turns)]

    async def _turn(self, text: str, plan: Plan) -> Seen:
        asked = time.time()
        drafted, drafts = 0.0, 0
        delivery = None
        request = self._request(text, f"{asked:.6f}")
        async for frame in self.stub.Converse(request, metadata=self.metadata, timeout=PATIENCE):
            match frame.WhichOneof("outcome"):
                case "draft":
                    drafted = drafted or time.time()
                    drafts += 1
                case "final":
                    delivery = frame.final.delivery
        finished = time.time()
        if delivery is None:
            raise SystemExit("a turn ended without its Final")
        await asyncio.sleep(plan.rest)
        sent = pb.Delivered(message_ids=[f"{asked:.6f}-reply"])
        taken = pb.AcknowledgeRequest(delivery_id=delivery.delivery_id, place=delivery.place, delivered=sent)
        await self.stub.Acknowledge(taken, metadata=self.metadata, timeout=PATIENCE)
        return Seen(asked, drafted or finished, finished, time.time(), drafts)

    def _request(self, text: str, message_id: str) -> pb.ConverseRequest:
        person = str(self.number)
        place = pb.Place(
            platform=pb.PLATFORM_BENCHMARK,
            bot_id="speed",
            chat_id=person,
            chat_kind=pb.CHAT_KIND_DIRECT,
        )
        request = pb.ConverseRequest(
            idempotency_key=f"benchmark:speed:{person}:{message_id}",
            place=place,
            author=pb.Author(user_id=person, display_name=f"Person {person}"),
            addressed=True,
            message=pb.MessageEvent(message_id=message_id, text=text),
        )
        request.sent_at.GetCurrentTime()
        return request


def says(words: random.Random) -> str:
    """Something a person might say, or ask."""
    subject, deed, thing = words.choice(_SUBJECTS), words.choice(_DEEDS), words.choice(_THINGS)
    if words.random() < 0.3:
        return f"Do you remember where {subject} {deed} {thing}?"
    return f"You know, {subject} {deed} {thing} {words.choice(_PLACES)} {words.choice(_TIMES)}."


async def carry_out(address: str, token: str, plan: Plan) -> list[Seen]:
    """What was seen of every turn, conversation by conversation."""
    metadata = (("authorization", f"Bearer {token}"),)
    async with grpc.aio.insecure_channel(address) as channel:
        await asyncio.wait_for(channel.channel_ready(), PATIENCE)
        stub = stubs.ConversationServiceStub(channel)
        talks = [Talk(stub, metadata, plan.first + each) for each in range(plan.conversations)]
        seen = await asyncio.gather(*(talk.go_on(plan) for talk in talks))
    return [turn for turns in seen for turn in turns]


if __name__ == "__main__":
    _, to, key, wanted = sys.argv
    for turn in uvloop.run(carry_out(to, key, Plan(**json.loads(wanted)))):
        print(json.dumps(asdict(turn)))

"""The instant model: the fake OpenAI endpoint as a process of its own. Prints its address, then serves.

The last words of the newest message choose the answer: PAUSED waits before it begins, LONG has many pieces.
"""

import asyncio
import json

import uvloop

from fakes.openai import Body, FakeOpenAI, Step

PAUSED = "Take your time."
LONG = "Tell it at length."
PAUSE = 0.1
"""Seconds before a PAUSED answer begins."""
LONG_PIECES = 100

ANSWER = "Noted: I will remember that, and tell you whenever you ask me for it."
# No usage is told: counting tokens would be most of the fake's work.
_INSTANT = Step(text=ANSWER, usage=False)
_LONG = Step(text=" ".join([ANSWER] * 20), pieces=LONG_PIECES, usage=False)


def reply(body: Body) -> Step:
    """The answer to a turn; to a call of the memory model, that there is nothing to learn."""
    form = body.get("response_format")
    if form is not None:
        properties = form["json_schema"]["schema"]["properties"]
        return Step(text=json.dumps({name: [] for name in properties}), usage=False)
    asked = body["messages"][-1]["content"]
    if asked.endswith(PAUSED):
        gate = asyncio.Event()
        asyncio.get_running_loop().call_later(PAUSE, gate.set)
        return Step(text=ANSWER, usage=False, gate=gate)
    return _LONG if asked.endswith(LONG) else _INSTANT


async def serve() -> None:
    """Serve until the process is ended."""
    async with FakeOpenAI(reply=reply) as fake:
        print(fake.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())

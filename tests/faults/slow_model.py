"""A model that takes two seconds to begin its answer, as a process of its own."""

import asyncio

import uvloop

from fakes.openai import Body, FakeOpenAI, Step

SECONDS = 2.0


def reply(_: Body) -> Step:
    gate = asyncio.Event()
    asyncio.get_running_loop().call_later(SECONDS, gate.set)
    return Step(text="Noted.", pieces=1, usage=False, gate=gate)


async def serve() -> None:
    """Serve until the process is ended."""
    async with FakeOpenAI(reply=reply) as fake:
        print(fake.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(serve())

"""A file from the platform into the memory of a place, and what to say of it."""

from collections.abc import AsyncIterator

import grpc
import structlog

from services.errors import InvalidEvent, NotAllowed, NotFound, Unavailable
from services.gateway.client import Client, permanent
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.stubs.assistant.v1 import assistant_pb2_grpc as stubs

IMPORT_SECONDS = 600
_CHUNK_BYTES = 1024 * 1024

_log = structlog.get_logger()


async def whole(chunks: AsyncIterator[bytes], most: int) -> bytes:
    """What comes piece by piece, as one. Raises NotFound beyond so many bytes."""
    content = bytearray()
    async for chunk in chunks:
        content += chunk
        if len(content) > most:
            raise NotFound(f"the file is too large: larger than {most:,} bytes")
    return bytes(content)


async def bring(client: Client, delivery: pb.Delivery, content: bytes) -> str:
    """Hand over what a delivery wanted fetched; a sentence for whoever asked for it.

    Without effect a second time. Raises Unavailable while the assistant is away, and SettingsError where it
    refuses the token.
    """
    actor = pb.Actor(place=delivery.place, author=delivery.fetch.author)

    async def requests() -> AsyncIterator[pb.ImportRequest]:
        yield pb.ImportRequest(actor=actor, find_later=True)
        for start in range(0, len(content), _CHUNK_BYTES):
            yield pb.ImportRequest(chunk=content[start : start + _CHUNK_BYTES])

    memory = stubs.MemoryServiceStub(client.channel)
    try:
        done = await memory.Import(requests(), metadata=client.metadata, timeout=IMPORT_SECONDS)
    except grpc.aio.AioRpcError as error:
        match permanent(error):
            case InvalidEvent(problem=problem):
                return f"I can't take that file in: {problem}."
            case NotAllowed():
                return "I may not take a file in here."
            case None if error.code() is grpc.StatusCode.UNAVAILABLE:
                raise Unavailable("the assistant is away") from None
            case None:
                # The same file would fail again, and again.
                _log.error("file not taken in", delivery=delivery.delivery_id, code=error.code().name)
                return "Something went wrong as I took that file in. Please try again later."
            case refused:
                raise refused from None
    return done.summary

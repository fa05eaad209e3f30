"""The floor: the bytes of a turn through bare grpc.aio, with one read and one committed insert.

    python -m bench.floor DSN ADDRESS

`DSN` is an owner's; the insert goes to a database of its own beside the assistant's. Prints a line when it
serves.
"""

import asyncio
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any, TypeAlias

import asyncpg
import grpc
import uvloop

from bench.model import ANSWER
from services.stubs.assistant.v1 import assistant_pb2 as pb

_Context: TypeAlias = grpc.aio.ServicerContext[Any, Any]

DATABASE = "floor"
_ID = "00000000-0000-0000-0000-000000000000"


@dataclass(frozen=True, slots=True)
class Floor:
    """Answers every event the same, as fast as a service with a database can."""

    pool: asyncpg.Pool

    async def converse(self, request: pb.ConverseRequest, _: _Context) -> AsyncIterator[pb.ConverseResponse]:
        async with self.pool.acquire() as connection:
            await connection.fetchval("SELECT 1")
            await connection.execute("INSERT INTO said (text) VALUES ($1)", request.message.text)
        yield pb.ConverseResponse(accepted=pb.Accepted(reply_expected=True, turn_id=_ID))
        yield pb.ConverseResponse(draft=pb.Draft(turn_id=_ID, revision=1, text=ANSWER))
        delivery = pb.Delivery(delivery_id=f"{_ID}/{_ID}", place=request.place, text=ANSWER, turn_id=_ID)
        yield pb.ConverseResponse(final=pb.Final(delivery=delivery))

    async def acknowledge(self, _request: pb.AcknowledgeRequest, _: _Context) -> pb.AcknowledgeResponse:
        return pb.AcknowledgeResponse()


async def serve(dsn: str, address: str) -> None:
    """Serve until the process is ended."""
    connection = await asyncpg.connect(dsn)
    await connection.execute(f"CREATE DATABASE {DATABASE}")
    await connection.close()
    pool = await asyncpg.create_pool(dsn.replace("/postgres?", f"/{DATABASE}?"))
    await pool.execute("CREATE TABLE said (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, text text)")
    server = grpc.aio.server()
    handlers = grpc.method_handlers_generic_handler(
        "assistant.v1.ConversationService", _handlers(Floor(pool))
    )
    server.add_generic_rpc_handlers((handlers,))
    server.add_insecure_port(address)
    await server.start()
    print("serving", flush=True)
    await asyncio.Event().wait()


def _handlers(floor: Floor) -> dict[str, Any]:
    return {
        "Converse": grpc.unary_stream_rpc_method_handler(
            floor.converse, pb.ConverseRequest.FromString, pb.ConverseResponse.SerializeToString
        ),
        "Acknowledge": grpc.unary_unary_rpc_method_handler(
            floor.acknowledge, pb.AcknowledgeRequest.FromString, pb.AcknowledgeResponse.SerializeToString
        ),
    }


if __name__ == "__main__":
    uvloop.run(serve(*sys.argv[1:]))

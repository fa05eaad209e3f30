"""What the assistant knows of Discord's channels, and is told of them beside their events."""

import asyncio
from collections.abc import Mapping, Sequence

import grpc
import structlog

from services.gateway.backoff import delays
from services.gateway.client import Client
from services.stubs.assistant.v1 import assistant_pb2 as pb

CALL_SECONDS = 10
_FOR_GOOD = {
    grpc.StatusCode.INVALID_ARGUMENT,
    grpc.StatusCode.PERMISSION_DENIED,
    grpc.StatusCode.UNAUTHENTICATED,
    # An assistant of an earlier version.
    grpc.StatusCode.UNIMPLEMENTED,
}

_log = structlog.get_logger()


class Known:
    """Asks and tells the assistant about places."""

    def __init__(self, client: Client) -> None:
        self._client = client

    async def kept(self, place: pb.Place, user_id: str) -> Mapping[int, bytes]:
        """The newest messages kept in a place, each with the SHA-256 of its text.

        `user_id`: whom a direct talk is with. Asked for as long as the assistant is away.
        """
        request = pb.ListKeptRequest(place=place, user_id=user_id)
        for delay in delays():
            try:
                answer = await self._client.conversation.ListKept(
                    request, metadata=self._client.metadata, timeout=CALL_SECONDS
                )
                return {int(each.message_id): each.text_digest for each in answer.messages}
            except grpc.aio.AioRpcError as error:
                _log.warning("what is kept is not known", code=error.code().name)
                if error.code() in _FOR_GOOD:
                    break
            await asyncio.sleep(delay)
        return {}

    async def seen(self, cursors: Sequence[pb.Cursor]) -> bool:
        """Up to here everything was seen; whether the assistant has taken it."""
        request = pb.MoveCursorsRequest(cursors=cursors)
        try:
            await self._client.conversation.MoveCursors(
                request, metadata=self._client.metadata, timeout=CALL_SECONDS
            )
        except grpc.aio.AioRpcError as error:
            _log.warning("cursors not moved", code=error.code().name)
            return False
        return True

"""The edge of every gRPC call: which gateway is calling, and which status an error becomes."""

import hmac
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import grpc
import structlog

from services.assistant.domain import Platform
from services.errors import InvalidEvent, NotAllowed, NotFound, RemiError, Unavailable

log = structlog.get_logger()

Context = grpc.aio.ServicerContext[Any, Any]


@dataclass(frozen=True, slots=True)
class Edge:
    """Knows which token speaks for which platform."""

    tokens: Mapping[str, Platform]

    @asynccontextmanager
    async def call(self, context: Context) -> AsyncIterator[Platform]:
        """The caller's platform; errors of the block end the call with a status and a sentence.

        A wrong or missing token is UNAUTHENTICATED.
        """
        platform = self._caller(context)
        if platform is None:
            await context.abort(grpc.StatusCode.UNAUTHENTICATED, "this token speaks for no gateway")
            raise AssertionError("abort raises")
        try:
            yield platform
        except RemiError as error:
            await context.abort(_status(error), str(error))
        except (grpc.aio.AbortError, GeneratorExit):
            raise
        except Exception as error:
            log.error("call_failed", platform=platform, exc_info=error)
            await context.abort(grpc.StatusCode.INTERNAL, "something went wrong here; the log says what")

    def _caller(self, context: Context) -> Platform | None:
        metadata = dict(context.invocation_metadata() or ())
        offered = str(metadata.get("authorization", "")).removeprefix("Bearer ").encode()
        matches = [
            platform
            for token, platform in self.tokens.items()
            if hmac.compare_digest(token.encode(), offered)
        ]
        return matches[0] if matches else None


def own(platform: Platform, claimed: Platform | None) -> None:
    """Raises NotAllowed when a gateway speaks for a platform that is not its own."""
    if claimed is not platform:
        raise NotAllowed(f"this token speaks for {platform} only")


def _status(error: RemiError) -> grpc.StatusCode:
    match error:
        case InvalidEvent():
            return grpc.StatusCode.INVALID_ARGUMENT
        case NotAllowed():
            return grpc.StatusCode.PERMISSION_DENIED
        case NotFound():
            return grpc.StatusCode.NOT_FOUND
        case Unavailable():
            return grpc.StatusCode.UNAVAILABLE
        case _:
            return grpc.StatusCode.INTERNAL

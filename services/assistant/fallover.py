"""One chat model out of one or two endpoints: tried again, left to rest, fallen over from.

Waits between tries are drawn at random up to a limit that doubles ("full jitter": Marc Brooker, Exponential
Backoff And Jitter, AWS Architecture Blog, 2015): callers who failed together must not come back together.
An endpoint that keeps failing rests for a while, and is then tried by one caller first (a circuit breaker:
Michael Nygard, Release It!, 2007).
"""

import asyncio
import random
import time
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass

import structlog

from services.assistant.domain import Usage
from services.assistant.model import Begun, Chat, ChatMessage, Completion, JsonSchema
from services.errors import EmptyAnswer, ModelMisconfigured, ModelRefused, ModelUnavailable

TRIES = 3
"""Of one endpoint, for one call."""
FIRST_WAIT = 0.5
"""Seconds; the longest wait before the second try, doubled for each further one."""
LONGEST_WAIT = 10.0
"""Seconds that an endpoint may ask to be left alone before the next try; for more, it rests."""
FAILURES = 5
"""In a row, after which an endpoint rests."""
REST = 5.0
"""Seconds; doubled with every failure of the one who tries it out, up to LONGEST_REST."""
LONGEST_REST = 60.0

log = structlog.get_logger()


@dataclass(slots=True)
class Breaker:
    """Whether an endpoint is worth a call. While it rests, nobody calls it; then one caller tries it out."""

    endpoint: str
    clock: Callable[[], float] = time.monotonic
    failures: int = 0
    rests_until: float = 0

    def allows(self) -> bool:
        """Whether to call now. After a rest, only the first to ask may, for as long as another rest."""
        if self.clock() < self.rests_until:
            return False
        if self.failures >= FAILURES:
            self.rests_until = self.clock() + REST
        return True

    def succeeded(self) -> None:
        if self.failures >= FAILURES:
            log.info("endpoint_is_back", endpoint=self.endpoint)
        self.failures = 0
        self.rests_until = 0

    def failed(self, retry_after: float = 0) -> None:
        """The endpoint may say for how long it wants to be left alone, in seconds."""
        self.failures += 1
        if self.failures == FAILURES:
            log.warning("endpoint_rests", endpoint=self.endpoint, failures=self.failures)
        if self.failures >= FAILURES:
            further = min(self.failures - FAILURES, 10)
            self.rests_until = self.clock() + max(min(LONGEST_REST, REST * 2**further), retry_after)
        elif retry_after > LONGEST_WAIT:
            self.rests_until = self.clock() + retry_after


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A chat model at an endpoint. Models of one endpoint share its breaker."""

    chat: Chat
    breaker: Breaker


@dataclass(frozen=True, slots=True)
class Fallover:
    """A Chat of several endpoints, in the order in which they are asked."""

    endpoints: Sequence[Endpoint]
    wait: Callable[[float], float] = lambda longest: random.uniform(0, longest)
    """How long to wait before the next try, of at most so many seconds."""

    @property
    def name(self) -> str:
        return self.endpoints[0].chat.name

    async def stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str | Begun | Usage, None]:
        """As Chat.stream; after a Begun that is not the first, what came before it is void."""
        async with aclosing(self._tries()) as tries:
            async for one in tries:
                async with one.judged():
                    yield Begun(one.endpoint.chat.name)
                    async with aclosing(one.endpoint.chat.stream(messages)) as pieces:
                        async for piece in pieces:
                            yield piece

    async def complete(self, messages: Sequence[ChatMessage], schema: JsonSchema | None = None) -> Completion:
        done: Completion | None = None
        async with aclosing(self._tries()) as tries:
            async for one in tries:
                async with one.judged():
                    done = await one.endpoint.chat.complete(messages, schema)
        assert done is not None
        return done

    async def _tries(self) -> AsyncGenerator["_Try", None]:
        """Who is to be asked next, until one has answered. Raises ModelUnavailable when none did."""
        last: ModelUnavailable | None = None
        for endpoint in self.endpoints:
            for number in range(TRIES):
                if not endpoint.breaker.allows():
                    break
                one = _Try(endpoint)
                yield one
                if one.failure is None:
                    return
                last = one.failure
                log.warning("model_failed", model=endpoint.chat.name, attempt=number + 1, error=str(last))
                if not last.is_passing or last.retry_after > LONGEST_WAIT or number == TRIES - 1:
                    break
                await asyncio.sleep(max(last.retry_after, self.wait(FIRST_WAIT * 2**number)))
        raise last or ModelUnavailable(f"{self.name}: rests after too many failures")


@dataclass(slots=True)
class _Try:
    endpoint: Endpoint
    failure: ModelUnavailable | None = None

    @asynccontextmanager
    async def judged(self) -> AsyncIterator[None]:
        """What becomes of a call is told to the breaker; a failure that another try may mend is kept."""
        try:
            yield
        except EmptyAnswer as error:
            # It is there; one message that it has nothing to say to must not cut off all others.
            self.failure = error
            self.endpoint.breaker.succeeded()
        except ModelMisconfigured as error:
            # It answers at once; and what is wrong for one model need not be for another one behind it.
            self.failure = error
        except ModelUnavailable as error:
            self.failure = error
            self.endpoint.breaker.failed(error.retry_after)
        except ModelRefused:
            # It is there, and says no.
            self.endpoint.breaker.succeeded()
            raise
        else:
            self.endpoint.breaker.succeeded()

"""Models behind any OpenAI-compatible endpoint.

Endpoints differ in what they know. What one turns out to lack (streaming, usage in streams, structured
output, a choice of dimensions) its adapter remembers and does without.
"""

import asyncio
import json
import math
import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, TypeAlias

import aiohttp
import openai
from openai import AsyncOpenAI, AsyncStream

from services.assistant.domain import Usage
from services.assistant.endpoint_text import Pieces, text_of
from services.assistant.model import PATIENCE, Begun, ChatMessage, Completion, JsonSchema, Meter, Patience
from services.errors import (
    ContextTooLong,
    EmptyAnswer,
    ModelMisconfigured,
    ModelRefused,
    ModelUnavailable,
    RemiError,
)

Json: TypeAlias = dict[str, Any]

_CHAT = "/chat/completions"
_TOO_LONG = re.compile(
    r"context[ _](?:length|window|size)|maximum context|(?:prompt|input) is too long"
    r"|too many (?:input )?tokens|maximum number of tokens|maximum prompt length|less than \d+ tokens",
    re.IGNORECASE,
)


def connect(base_url: str, api_key: str, patience: Patience = PATIENCE) -> AsyncOpenAI:
    """One client for all adapters: they share its connections. Close it at the end.

    It does not try again by itself: who calls knows better when, and counts.

    Servers of one's own often want no key, but the client wants one to send.
    """
    return AsyncOpenAI(
        base_url=base_url or None,
        api_key=api_key or "none",
        timeout=openai.Timeout(patience.first_token, connect=patience.connect),
        max_retries=0,
        http_client=openai.DefaultAioHttpClient(),
    )


@dataclass(slots=True)
class Bill:
    """What a call costs: as the endpoint says, else a quarter of the bytes."""

    prompt_bytes: int
    completion_bytes: int = 0
    reported: Usage | None = None
    began: bool = False

    @property
    def usage(self) -> Usage:
        return self.reported or Usage(math.ceil(self.prompt_bytes / 4), math.ceil(self.completion_bytes / 4))

    def count(self, text: str) -> None:
        """Count what was said."""
        self.completion_bytes += len(text.encode(errors="surrogatepass"))

    def take(self, answer: object) -> None:
        """Believe the usage that an answer or a chunk reports, if it does."""
        prompt, completion = at(answer, "usage", "prompt_tokens"), at(answer, "usage", "completion_tokens")
        if isinstance(prompt, int):
            self.reported = Usage(prompt, completion if isinstance(completion, int) else 0)


@contextmanager
def billed(model: str, bill: Bill, meter: Meter) -> Iterator[None]:
    """Meter a call, and put its failure in our words.

    Free is what the endpoint turned down, or was too far away for, before it began to answer.
    """
    free = False
    try:
        yield
    except openai.OpenAIError as error:
        free = not bill.began
        raise _failure(model, error) from error
    except TimeoutError as error:
        # It was waited for long enough.
        raise ModelUnavailable(f"{model}: TimeoutError", is_passing=False) from error
    except ValueError as error:
        # A body that is not what the API promises: a proxy's page, for one.
        raise ModelUnavailable(f"{model}: {type(error).__name__}") from error
    finally:
        if not free:
            meter(model, bill.usage)


def _failure(model: str, error: openai.OpenAIError) -> RemiError:
    """The endpoint's own words are left out: they may quote the prompt."""
    if isinstance(error, openai.APIError) and _is_too_long(error):
        return ContextTooLong(f"{model}: the call is longer than its context")
    if not isinstance(error, openai.APIStatusError):
        kind = openai.APIConnectionError if _is_broken(error) else type(error)
        is_passing = kind is not openai.APITimeoutError
        return ModelUnavailable(f"{model}: {kind.__name__}", is_passing=is_passing)
    told = str(error.code or "")  # a number at some endpoints
    code = told if re.fullmatch(r"[\w.-]{1,60}", told) else type(error).__name__
    what = f"{model}: HTTP {error.status_code}, {code}"
    # The key, the credit or the model's name: nothing that another message would change.
    if error.status_code in {401, 402, 403, 404}:
        return ModelMisconfigured(what)
    passing = error.status_code >= 500 or error.status_code in {408, 409, 425, 429}
    return ModelUnavailable(what, _retry_after(error.response.headers)) if passing else ModelRefused(what)


def _is_broken(error: openai.OpenAIError) -> bool:
    """Whether a connection was refused or broke, which the client's transport calls a time-out as well."""
    cause = error.__cause__.__cause__ if error.__cause__ else None
    return isinstance(cause, aiohttp.ClientConnectionError) and not isinstance(cause, TimeoutError)


def _is_too_long(error: openai.APIError) -> bool:
    """Whether an endpoint finds a call too long for the model; each has its own words for it."""
    if isinstance(error, openai.RateLimitError):
        return False
    status = error.status_code if isinstance(error, openai.APIStatusError) else None
    return status == 413 or _TOO_LONG.search(f"{error.code} {error.type} {error.message}") is not None


def _retry_after(headers: Mapping[str, str]) -> float:
    """For how many seconds an endpoint wants to be left alone: as a number, or until a date."""
    told = headers.get("retry-after", "")
    try:
        return max(0.0, float(told))
    except ValueError:
        pass
    try:
        return max(0.0, (parsedate_to_datetime(told) - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError):
        return 0.0


def is_refusal(error: openai.APIStatusError) -> bool:
    """Whether the endpoint says that it doesn't know or want a parameter."""
    return error.status_code in {400, 404, 415, 422, 501}


def at(body: Any, *path: str | int) -> Any:
    """What stands at this path in an endpoint's JSON; None where it isn't there."""
    for step in path:
        try:
            body = body[step]
        except (LookupError, TypeError):
            return None
    return body


@dataclass(slots=True)
class _Ending:
    """How an answer ends, by the endpoint's own words."""

    finish: str | None = None
    is_refused: bool = False

    def take(self, answer: object, of: str) -> None:
        """Note what an answer says of its end, or a chunk; what it says else is `of` "message" or "delta"."""
        finish = at(answer, "choices", 0, "finish_reason")
        if finish is not None:
            self.finish = str(finish) or self.finish or ""
        self.is_refused = self.is_refused or bool(at(answer, "choices", 0, of, "refusal"))

    def explain(self, model: str) -> None:
        """Raise what explains that an answer has no text, where the endpoint says so: another try is no help.

        Raises ModelRefused, and of this ContextTooLong.
        """
        if self.is_refused or self.finish == "content_filter":
            raise ModelRefused(f"{model}: it does not answer this")
        if self.finish == "length":
            raise ContextTooLong(f"{model}: the context has no room for an answer")


class EndpointChat:
    """The chat completions of one model.

    Bodies are plain dicts through `client.post`: the typed methods spend milliseconds on a call with a few
    dozen messages (docs/decisions/0131).
    """

    def __init__(self, client: AsyncOpenAI, name: str, meter: Meter, patience: Patience = PATIENCE) -> None:
        self.name = name
        self._client = client
        self._meter = meter
        self._patience = patience
        self._streams = True
        self._tells_usage = True
        self._takes_schemas = True

    async def stream(self, messages: Sequence[ChatMessage]) -> AsyncGenerator[str | Begun | Usage, None]:
        bill = Bill(_size(messages))
        ending = _Ending()
        pieces = Pieces()
        is_empty = True
        with billed(self.name, bill, self._meter):
            async with aclosing(self._deltas(messages, bill, ending)) as deltas:
                async for delta in deltas:
                    bill.count(delta)
                    if text := pieces.feed(delta):
                        is_empty = False
                        yield text
        if text := pieces.rest():
            yield text
        elif is_empty:
            ending.explain(self.name)
            raise EmptyAnswer(f"{self.name}: the answer is empty")
        yield bill.usage

    async def complete(self, messages: Sequence[ChatMessage], schema: JsonSchema | None = None) -> Completion:
        bill = Bill(_size(messages))
        with billed(self.name, bill, self._meter):
            async with asyncio.timeout(self._patience.whole):
                answer = await self._ask(messages, schema)
            ending = _Ending()
            said = self._text(answer, bill, ending)
            bill.count(said)
        pieces = Pieces()
        text = pieces.feed(said) + pieces.rest()
        if not text:
            ending.explain(self.name)
        return Completion(_json_in(text) if schema else text, bill.usage)

    async def _deltas(
        self, messages: Sequence[ChatMessage], bill: Bill, ending: _Ending
    ) -> AsyncGenerator[str, None]:
        now = asyncio.get_running_loop().time
        last = now() + self._patience.whole
        limit = now() + self._patience.first_token if self._streams else last
        async with asyncio.timeout_at(limit):
            answer = await self._open(messages)
        bill.began = True
        if not isinstance(answer, AsyncStream):
            yield self._text(answer, bill, ending)
            return
        async with answer:
            if answer.response.headers.get("content-type", "").startswith("application/json"):
                async with asyncio.timeout_at(last):
                    whole = json.loads(await answer.response.aread())
                text = self._text(whole, bill, ending)
                self._streams = False
                yield text
                return
            while True:
                async with asyncio.timeout_at(min(limit, last)):
                    chunk = await anext(answer, None)
                if chunk is None:
                    break
                limit = now() + self._patience.between_tokens
                bill.take(chunk)
                ending.take(chunk, "delta")
                if delta := text_of(at(chunk, "choices", 0, "delta", "content")):
                    yield delta
        if ending.finish is None:
            raise ModelUnavailable(f"{self.name}: the stream broke off")

    async def _open(self, messages: Sequence[ChatMessage]) -> AsyncStream[object] | object:
        """A stream, or the whole answer of an endpoint that can't stream."""
        if not self._streams:
            return await self._post(messages)
        body: Json = {"model": self.name, "messages": _params(messages), "stream": True}
        if self._tells_usage:
            body["stream_options"] = {"include_usage": True}
        try:
            return await self._client.post(
                _CHAT, cast_to=object, body=body, stream=True, stream_cls=AsyncStream[object]
            )
        except openai.APIStatusError as error:
            if not self._can_do_without(error):
                raise
        return await self._open(messages)

    def _can_do_without(self, error: openai.APIStatusError) -> bool:
        """Give up the part of streaming that this refusal names, if it names one."""
        complaint = f"{error.param} {error.message}"
        if not is_refusal(error):
            return False
        if self._tells_usage and ("stream_options" in complaint or "include_usage" in complaint):
            self._tells_usage = False
            return True
        if self._streams and re.search(r"\bstream", complaint):
            self._streams = False
            return True
        return False

    async def _ask(self, messages: Sequence[ChatMessage], schema: JsonSchema | None) -> object:
        if schema is None:
            return await self._post(messages)
        if self._takes_schemas:
            wanted = {"name": schema.name, "schema": schema.schema, "strict": True}
            try:
                return await self._post(
                    messages, response_format={"type": "json_schema", "json_schema": wanted}
                )
            except openai.APIStatusError as error:
                if not is_refusal(error) or _is_too_long(error):
                    raise
        answer = await self._post(_spelled_out(messages, schema))
        self._takes_schemas = False
        return answer

    async def _post(self, messages: Sequence[ChatMessage], **more: object) -> object:
        timeout = openai.Timeout(self._patience.whole, connect=self._patience.connect)
        body: Json = {"model": self.name, "messages": _params(messages), **more}
        return await self._client.post(_CHAT, cast_to=object, body=body, options={"timeout": timeout})

    def _text(self, answer: object, bill: Bill, ending: _Ending) -> str:
        message = at(answer, "choices", 0, "message")
        if not isinstance(message, dict):
            raise ModelUnavailable(f"{self.name}: the answer holds no message")
        bill.began = True
        bill.take(answer)
        ending.take(answer, "message")
        return text_of(message.get("content"))


class EndpointTranscriber:
    def __init__(self, client: AsyncOpenAI, name: str, meter: Meter, patience: Patience = PATIENCE) -> None:
        self._client = client
        self._name = name
        self._meter = meter
        self._patience = patience

    async def transcribe(self, audio: bytes, file_name: str) -> str:
        bill = Bill(0)
        with billed(self._name, bill, self._meter):
            async with asyncio.timeout(self._patience.whole):
                answer = await self._client.audio.transcriptions.create(
                    model=self._name, file=(file_name, audio), timeout=self._patience.whole
                )
            bill.began = True
            bill.completion_bytes = len(answer.text.encode())
        return answer.text


def _params(messages: Sequence[ChatMessage]) -> list[Json]:
    return [{"role": message.role, "content": message.content} for message in messages]


def _size(messages: Sequence[ChatMessage]) -> int:
    return sum(len(message.content.encode()) for message in messages)


def _spelled_out(messages: Sequence[ChatMessage], schema: JsonSchema) -> list[ChatMessage]:
    """The same request to a model whose endpoint can't be told a schema."""
    *before, last = messages
    wish = "Answer with one JSON object that fits this JSON Schema, and with nothing else:"
    content = f"{last.content}\n\n{wish}\n{json.dumps(schema.schema)}"
    return [*before, ChatMessage(last.role, content)]


def _json_in(text: str) -> str:
    """The JSON without the fence or the words that models put around it: an object, or several, or a list."""
    opening, end = re.search(r"[\[{]", text), max(text.rfind("]"), text.rfind("}")) + 1
    return text[opening.start() : end] if opening and opening.start() < end else text

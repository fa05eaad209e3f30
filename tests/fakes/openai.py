"""A model endpoint on loopback that speaks OpenAI's API to the real `openai` client, with faults on order.

    async with FakeOpenAI() as fake:
        fake.script(Step(status=429, retry_after=0.01), Step(text="Hello"))
        client = AsyncOpenAI(base_url=fake.base_url, api_key=fake.api_key)

Chat and transcription calls take the scripted steps one by one, then `fake.reply` for ever. Embeddings take
only `fake.embedding_faults`: texts that share words get vectors that lie near each other.
`python -m fakes.openai` (with tests/ on the path) prints its address and serves the instant default until it
is interrupted.
"""

import asyncio
import base64
import json
import math
import re
import zlib
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, Self

import numpy as np
from aiohttp import web

Body = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCall:
    name: str
    arguments: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One answer of the endpoint. `…_after` counts the chunks that are sent before the fault (0: none)."""

    text: str = "Noted."
    pieces: int = 3
    tool_calls: tuple[ToolCall, ...] = ()
    finish: str = "stop"
    """The finish reason; empty for an endpoint that never says one."""
    refusal: str | None = None
    """What the model says in the place of an answer."""
    in_parts: bool = False
    """The content is a list of parts, after one of another kind, as of models that think."""
    usage: bool = True
    gate: asyncio.Event | None = None
    """Nothing is sent before this is set."""
    status: int = 200
    """Any other status is sent at once, as an error object."""
    code: str | int | None = None
    message: str = "the fake was told to refuse"
    retry_after: float | str | None = None
    """Seconds, or an HTTP date."""
    cut_after: int | None = None
    """Drop the connection."""
    hang_after: int | None = None
    """Keep the connection open and say nothing more."""
    error_after: int | None = None
    """Send an error object inside the stream."""
    raw: str | None = None
    """Send this and nothing else, as a proxy in between would."""
    raw_type: str = "text/html"


@dataclass(frozen=True, slots=True)
class Recorded:
    """A request as it arrived. A form's file stands in `body` as bytes."""

    path: str
    body: Body
    headers: dict[str, str]


class Refusal(Exception):
    """What the endpoint will not take, as an HTTP status and a message."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.param = param
        self.code = code


@dataclass(slots=True)
class FakeOpenAI:
    reply: Step | Callable[[Body], Step] = field(default_factory=Step)
    """What every chat call gets for which no step is scripted."""
    api_key: str = "sk-fake"
    context: int | None = None
    """Most tokens of a prompt that it takes; None for any."""
    streams: Literal["yes", "refused", "ignored"] = "yes"
    stream_options: bool = True
    """Whether it knows `stream_options`."""
    json_schema: bool = True
    dimensions: int = 1536
    """Length of the vectors it makes by itself."""
    takes_dimensions: bool = True
    base64: bool = True
    """Whether it honours `encoding_format: base64`."""
    embedding_faults: deque[Step] = field(default_factory=deque)
    """Each for one call: its `status`, `gate` or `hang_after`."""
    damage: Literal["", "none", "zero"] = ""
    """What is wrong with the embeddings: none come, or they are all zero."""
    unembeddable: str = ""
    """Embeddings of texts with this in them are refused, together with whatever is asked for beside them."""
    requests: list[Recorded] = field(default_factory=list)
    hung_up: asyncio.Event = field(default_factory=asyncio.Event)
    """Set when a client went away before its answer was whole."""
    _steps: deque[Step | Callable[[Body], Step]] = field(default_factory=deque)
    _runner: web.AppRunner | None = None
    _port: int = 0
    _closing: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    def script(self, *steps: Step | Callable[[Body], Step]) -> None:
        """Add steps, each for one call; a function makes its step from the request's body."""
        self._steps.extend(steps)

    def bodies(self, path: str = "/v1/chat/completions") -> list[Body]:
        return [request.body for request in self.requests if request.path == path]

    def takes(self, body: Body) -> bool:
        """Whether a call is within the context."""
        return self.context is None or _length(body) <= self.context

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=32 * 1024 * 1024)
        app.router.add_post("/v1/chat/completions", self._chat)
        app.router.add_post("/v1/embeddings", self._embeddings)
        app.router.add_post("/v1/audio/transcriptions", self._transcription)
        app.router.add_get("/v1/models", self._models)
        self._runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        if self._runner is not None:
            await self._runner.cleanup()

    async def _chat(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await self._read(request)
            self._check_chat(body)
        except Refusal as refusal:
            return _error(refusal.status, str(refusal), refusal.code, refusal.param)
        async with self._noticing_hang_ups():
            step = self._next(body)
            if step.gate is not None:
                await step.gate.wait()
            if step.status != 200:
                return _refused(step)
            if step.raw is not None:
                return web.Response(text=step.raw, content_type=step.raw_type)
            if body.get("stream") and self.streams == "yes":
                return await self._stream(request, body, step)
            if step.hang_after is not None:
                await self._closing.wait()
            if step.cut_after is not None:
                _drop(request)
            return web.json_response(_completion(body, step))

    async def _stream(self, request: web.Request, body: Body, step: Step) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        await response.prepare(request)
        for sent, chunk in enumerate([*_chunks(body, step), None]):
            if sent == step.cut_after:
                _drop(request)
            if sent == step.hang_after:
                await self._closing.wait()
            if sent == step.error_after:
                await response.write(_event({"error": _problem(step.message, step.code or "server_error")}))
                return response
            if chunk is not None:
                await response.write(_event(chunk))
        await response.write(b"data: [DONE]\n\n")
        await response.write_eof()
        return response

    async def _embeddings(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await self._read(request)
            given = body.get("input")
            texts: list[str] = given if isinstance(given, list) else [given or ""]
            if not texts or not all(isinstance(text, str) and text for text in texts):
                raise Refusal(400, "input must be text or a list of text", "input")
            if "dimensions" in body and not self.takes_dimensions:
                raise Refusal(400, "this model does not support the dimensions parameter", "dimensions")
            if self.unembeddable and any(self.unembeddable in text for text in texts):
                raise Refusal(400, "the input is refused", "input")
        except Refusal as refusal:
            return _error(refusal.status, str(refusal), param=refusal.param)
        step = self.embedding_faults.popleft() if self.embedding_faults else Step()
        async with self._noticing_hang_ups():
            if step.gate is not None:
                await step.gate.wait()
            if step.hang_after is not None:
                await self._closing.wait()
            if step.status != 200:
                return _refused(step)
            size = body.get("dimensions", self.dimensions)
            as_base64 = self.base64 and body.get("encoding_format") == "base64"
            rows = [
                embedding(text, size) * (self.damage != "zero") for text in texts if self.damage != "none"
            ]
            data = [
                {"object": "embedding", "index": i, "embedding": _base64(row) if as_base64 else row.tolist()}
                for i, row in enumerate(rows)
            ]
            tokens = sum(_tokens(text) for text in texts)
            usage = {"prompt_tokens": tokens, "total_tokens": tokens}
            return web.json_response({"object": "list", "data": data, "model": body["model"], "usage": usage})

    async def _transcription(self, request: web.Request) -> web.StreamResponse:
        try:
            body = await self._read(request)
            if not isinstance(body.get("file"), bytes) or not body["file"]:
                raise Refusal(400, "file is missing", "file")
        except Refusal as refusal:
            return _error(refusal.status, str(refusal), param=refusal.param)
        step = self._next(body)
        return _refused(step) if step.status != 200 else web.json_response({"text": step.text})

    async def _models(self, request: web.Request) -> web.StreamResponse:
        try:
            await self._read(request)
        except Refusal as refusal:
            return _error(refusal.status, str(refusal))
        model = {"id": "fake", "object": "model", "created": 0, "owned_by": "fake"}
        return web.json_response({"object": "list", "data": [model]})

    async def _read(self, request: web.Request) -> Body:
        body: Body = {}
        if request.content_type == "multipart/form-data":
            form = await request.post()
            body = {k: v.file.read() if isinstance(v, web.FileField) else v for k, v in form.items()}
        elif request.can_read_body:
            try:
                body = json.loads(await request.read())
            except ValueError:
                raise Refusal(400, "the body is not JSON") from None
        self.requests.append(Recorded(request.path, body, dict(request.headers)))
        if request.headers.get("Authorization") != f"Bearer {self.api_key}":
            raise Refusal(401, "incorrect API key")
        if request.method == "POST" and not (isinstance(body.get("model"), str) and body["model"]):
            raise Refusal(400, "you must provide a model", "model")
        return body

    def _check_chat(self, body: Body) -> None:
        messages = body.get("messages")
        if not isinstance(messages, list) or not messages:
            raise Refusal(400, "messages must not be empty", "messages")
        for i, message in enumerate(messages):
            if message.get("role") not in {"system", "developer", "user", "assistant", "tool"}:
                raise Refusal(400, "unknown role", f"messages[{i}].role")
            if not isinstance(message.get("content"), str):
                raise Refusal(400, "content must be text", f"messages[{i}].content")
            if not re.fullmatch(r"[^\s<|\\/>]{1,64}", message.get("name", "x")):
                raise Refusal(400, "bad name", f"messages[{i}].name")
        if not self.takes(body):
            words = f"the maximum context length is {self.context} tokens, and this has {_length(body)}"
            raise Refusal(400, words, "messages", "context_length_exceeded")
        if "stream_options" in body and not (body.get("stream") and self.stream_options):
            raise Refusal(400, "stream_options is not supported here", "stream_options")
        if body.get("stream") and self.streams == "refused":
            raise Refusal(400, "streaming is not supported", "stream")
        wanted = body.get("response_format")
        if wanted is not None:
            if not self.json_schema:
                raise Refusal(400, "response_format is not supported", "response_format")
            if wanted.get("type") == "json_schema" and not {"name", "schema"} <= set(wanted["json_schema"]):
                raise Refusal(400, "a schema needs a name", "response_format.json_schema")

    def _next(self, body: Body) -> Step:
        step = self._steps.popleft() if self._steps else self.reply
        return step if isinstance(step, Step) else step(body)

    @asynccontextmanager
    async def _noticing_hang_ups(self) -> AsyncIterator[None]:
        try:
            yield
        except (asyncio.CancelledError, ConnectionResetError):
            if not self._closing.is_set():
                self.hung_up.set()
            raise


def embedding(text: str, size: int) -> np.ndarray[Any, np.dtype[np.float32]]:
    """A vector of unit length from hashed words."""
    vector = np.zeros(size, np.float32)
    for word in re.findall(r"\w+", text.lower()) or [text]:
        vector[zlib.crc32(word.encode()) % size] += 1
    return vector / np.float32(np.linalg.norm(vector))


def _completion(body: Body, step: Step) -> Body:
    message: Body = {"role": "assistant", "content": None if step.tool_calls else _content(step, step.text)}
    if step.refusal is not None:
        message |= {"content": None, "refusal": step.refusal}
    if step.tool_calls:
        message["tool_calls"] = [_tool_call(i, call) for i, call in enumerate(step.tool_calls)]
    choice = {"index": 0, "message": message, "finish_reason": _finish(step), "logprobs": None}
    answer = _head(body, "chat.completion") | {"choices": [choice]}
    return answer | {"usage": _usage(body, step)} if step.usage else answer


def _chunks(body: Body, step: Step) -> list[Body]:
    head = _head(body, "chat.completion.chunk")
    size = max(1, math.ceil(len(step.text) / step.pieces))
    texts = [step.text[at : at + size] for at in range(0, len(step.text), size)]
    deltas: list[Body] = [{"content": _content(step, text)} for text in texts]
    if step.refusal is not None:
        deltas = [{"content": None, "refusal": step.refusal}]
    if step.tool_calls:
        deltas = [{"tool_calls": [{"index": i} | _tool_call(i, c)]} for i, c in enumerate(step.tool_calls)]
    deltas.insert(0, {"role": "assistant", "content": ""})
    chunks = [head | {"choices": [{"index": 0, "delta": d, "finish_reason": None}]} for d in deltas]
    if step.finish:
        chunks.append(head | {"choices": [{"index": 0, "delta": {}, "finish_reason": _finish(step)}]})
    if step.usage and (body.get("stream_options") or {}).get("include_usage"):
        chunks.append(head | {"choices": [], "usage": _usage(body, step)})
    return chunks


def _content(step: Step, text: str) -> object:
    return (
        [{"type": "thinking", "thinking": "Hm."}, {"type": "text", "text": text}] if step.in_parts else text
    )


def _head(body: Body, kind: str) -> Body:
    return {"id": "chatcmpl-fake", "object": kind, "created": 0, "model": body["model"]}


def _finish(step: Step) -> str | None:
    return "tool_calls" if step.tool_calls else step.finish or None


def _tool_call(index: int, call: ToolCall) -> Body:
    function = {"name": call.name, "arguments": call.arguments}
    return {"id": f"call_{index}", "type": "function", "function": function}


def _usage(body: Body, step: Step) -> Body:
    prompt = _length(body)
    completion = _tokens(step.text)
    return {"prompt_tokens": prompt, "completion_tokens": completion, "total_tokens": prompt + completion}


def _length(body: Body) -> int:
    return sum(_tokens(message["content"]) for message in body["messages"])


def _tokens(text: str) -> int:
    return len(re.findall(r"\w+|\S", text))


def _base64(row: np.ndarray[Any, np.dtype[np.float32]]) -> str:
    return base64.b64encode(row.astype("<f4").tobytes()).decode()


def _event(data: Body) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


def _problem(message: str, code: str | int | None, param: str | None = None) -> Body:
    return {"message": message, "type": "invalid_request_error", "param": param, "code": code}


def _error(
    status: int, message: str, code: str | int | None = None, param: str | None = None
) -> web.StreamResponse:
    return web.json_response({"error": _problem(message, code, param)}, status=status)


def _refused(step: Step) -> web.StreamResponse:
    response = _error(step.status, step.message, step.code)
    if step.retry_after is not None:
        response.headers["Retry-After"] = str(step.retry_after)
    return response


def _drop(request: web.Request) -> None:
    assert request.transport is not None
    request.transport.abort()
    raise ConnectionResetError("the fake dropped the connection")


async def _serve() -> None:
    async with FakeOpenAI() as fake:
        print(fake.base_url, flush=True)
        await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(_serve())

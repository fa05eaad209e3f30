"""The fake's HTTP side: every request and every answer is checked against the tables."""

import asyncio
import json
from collections import defaultdict, deque
from collections.abc import Callable
from typing import Any

from aiohttp import web

from fakes.discord import tables
from fakes.discord.faults import Banned, Cut, Failed, Fault, Hangs, RateLimited, Redirected, Refused
from fakes.discord.routes import INVALID_FORM, Refusal, Request, Routes

Json = Any

BASE = "/api/v10"
# On Discord another host serves these, without a token.
FILES = "GET /ephemeral-attachments/{application_id}/{attachment_id}/{file_name}"


class Rest:
    """Serves the routes, with the faults that a test has asked for."""

    def __init__(self, routes: Routes, token: str, changed: Callable[[], None]) -> None:
        self._routes = routes
        self._token = token
        self._changed = changed
        self._closing = asyncio.Event()
        self.faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.requests: list[Request] = []
        self.violations: list[str] = []

    def close(self) -> None:
        """Let go of requests that hang."""
        self._closing.set()

    def add_to(self, app: web.Application) -> None:
        """Put the routes, and a refusal of all others, into the application."""
        for route, handle in self._routes.handlers().items():
            method, path = route.split()
            app.router.add_route(method, BASE + path, self._served(route, handle))
        app.router.add_get(FILES.split()[1], self._serve_file)
        app.router.add_route("*", "/{path:.*}", self._unknown)

    def _served(
        self, route: str, handle: Callable[[Request], tuple[int, Json]]
    ) -> Callable[[web.Request], Any]:
        async def serve(http: web.Request) -> web.StreamResponse:
            request = await self._read(route, http)
            return await self._answer(request, http, lambda: self._carry_out(request, handle, http))

        return serve

    async def _serve_file(self, http: web.Request) -> web.StreamResponse:
        request = Request(FILES, dict(http.match_info), dict(http.query), None)
        return await self._answer(request, http, lambda: self._file(request))

    async def _answer(
        self, request: Request, http: web.Request, carry_out: Callable[[], web.Response]
    ) -> web.StreamResponse:
        """What comes of carrying it out, or of the fault that is next on its route."""
        self.requests.append(request)
        faults = self.faults[request.route]
        fault = faults.popleft() if faults else None
        carried_out = fault is None or (isinstance(fault, Cut | Failed) and fault.processed)
        answer = carry_out() if carried_out else web.Response()
        self._changed()
        match fault:
            case None:
                return answer
            case RateLimited(seconds):
                return _rate_limited(seconds)
            case Banned():
                return web.Response(status=429, text="error code: 1015")
            case Failed(status):
                return web.Response(status=status, text="upstream error")
            case Refused(status, code):
                return _error(status, code, "refused")
            case Redirected(address):
                return web.Response(status=302, headers={"Location": address})
            case Cut():
                assert http.transport is not None
                http.transport.close()
            case Hangs():
                await self._closing.wait()
        return web.Response(status=500)

    async def _read(self, route: str, http: web.Request) -> Request:
        body: Json = None
        files: dict[str, bytes] = {}
        if http.content_type == "multipart/form-data" and tables.takes_files(route):
            form = await http.post()
            for name, value in form.items():
                if isinstance(value, web.FileField):
                    files[name] = value.file.read()
                elif name == "payload_json" and isinstance(value, str):
                    body = json.loads(value)
                else:
                    self.violations.append(f"{route}: form field {name}")
        elif raw := await http.read():
            if http.headers.get("Content-Type") != "application/json":
                self.violations.append(f"{route}: Content-Type {http.headers.get('Content-Type')}")
            body = json.loads(raw)
        return Request(route, dict(http.match_info), dict(http.query), body, files)

    def _carry_out(
        self, request: Request, handle: Callable[[Request], tuple[int, Json]], http: web.Request
    ) -> web.Response:
        if found := tables.request_problem(request.route, request.path, request.query, request.body):
            self.violations.append(f"{request.route}: {found}")
            return _error(400, INVALID_FORM, "Invalid Form Body")
        public = request.route.split()[1].startswith(("/interactions", "/webhooks"))
        if not public and http.headers.get("Authorization") != f"Bot {self._token}":
            return _error(401, 0, "401: Unauthorized")
        try:
            status, body = handle(request)
        except Refusal as refusal:
            return _error(refusal.status, refusal.code, str(refusal))
        if found := tables.response_problem(request.route, status, body):
            self.violations.append(f"the fake's own answer to {request.route}: {found}")
        return _json(status, body)

    def _file(self, request: Request) -> web.Response:
        content = self._routes.file(request)
        if content is None:
            return web.Response(status=404, text="This content is no longer available.")
        return web.Response(body=content)

    async def _unknown(self, http: web.Request) -> web.Response:
        self.violations.append(f"no such route: {http.method} {http.path}")
        return _error(404, 0, "404: Not Found")


def _json(status: int, body: Json) -> web.Response:
    if body is None:
        return web.Response(status=status)
    # Exactly this type, without a charset: discord.py takes nothing else for JSON.
    return web.Response(
        status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )


def _error(status: int, code: int, message: str) -> web.Response:
    return _json(status, {"code": code, "message": message})


def _rate_limited(seconds: float) -> web.Response:
    body = {"message": "You are being rate limited.", "retry_after": seconds, "global": False}
    assert not tables.problem("RatelimitedResponse", body)
    answer = _json(429, body)
    answer.headers.update({"Via": "1.1 google", "Retry-After": str(max(1, round(seconds)))})
    return answer

"""The fake's side of Discord's gateway: sessions that outlive their connection, and events in order."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from fakes.discord.tables import event_problem, payload_problem
from fakes.discord.world import World, guild_object, user

Json = Any

DISPATCH, HEARTBEAT, IDENTIFY, RESUME, RECONNECT, INVALID_SESSION, HELLO, ACKNOWLEDGED = (
    0,
    1,
    2,
    6,
    7,
    9,
    10,
    11,
)
UNKNOWN_PAYLOAD, BAD_TOKEN, DISALLOWED_INTENTS, GOING_AWAY = 4002, 4004, 4014, 1001
GUILDS, GUILD_MESSAGES, GUILD_REACTIONS = 1 << 0, 1 << 9, 1 << 10
DIRECT_MESSAGES, DIRECT_REACTIONS, MESSAGE_CONTENT = 1 << 12, 1 << 13, 1 << 15


@dataclass(slots=True)
class Session:
    id: str
    intents: int
    sequence: int = 0
    log: list[Json] = field(default_factory=list)


class Gateway:
    """One bot's connection. Events that come while it is away wait in its session, if it has one."""

    def __init__(self, world: World, token: str, changed: Callable[[], None]) -> None:
        self._world = world
        self.token = token
        self._changed = changed
        self._ids = itertools.count(1)
        self._socket: web.WebSocketResponse | None = None
        self._outbox: asyncio.Queue[Json] = asyncio.Queue()
        self.session: Session | None = None
        self.url = ""
        self.offline = False
        self.content_allowed = True
        self.violations: list[str] = []
        self.connections = 0
        self.heartbeats = 0

    @property
    def ready(self) -> bool:
        """The bot is connected and has its session."""
        return self._socket is not None and self.session is not None

    def dispatch(self, event: str, data: Json) -> None:
        """Send an event, or keep it for the session's return; without a session it is lost, as on Discord."""
        assert not (found := event_problem(event, data)), f"the fake's own {event}: {found}"
        if self.session is None or not self.session.intents & _intent(event, data):
            return
        if event in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}:
            data = self._as_seen(data)
        self.session.sequence += 1
        payload = {"op": DISPATCH, "t": event, "s": self.session.sequence, "d": data}
        self.session.log.append(payload)
        if self._socket is not None:
            self._outbox.put_nowait(payload)

    def repeat(self) -> None:
        """Send the newest event once more."""
        assert self.session is not None
        newest = self.session.log[-1]
        self.dispatch(newest["t"], newest["d"])

    def request_reconnect(self) -> None:
        self._send(RECONNECT, None)

    def request_heartbeat(self) -> None:
        self._send(HEARTBEAT, None)

    def invalidate(self) -> None:
        """The session is gone, and the connection stands; the bot has to begin anew."""
        self.session = None
        self._send(INVALID_SESSION, False)

    async def drop(self) -> None:
        """Close the connection; the session can be resumed."""
        if self._socket is not None:
            socket, self._socket = self._socket, None
            await socket.close(code=GOING_AWAY)

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One websocket connection of the bot."""
        if self.offline:
            return web.Response(status=503)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        self.connections += 1
        self._outbox = asyncio.Queue()
        writer = asyncio.create_task(self._write(socket, self._outbox))
        try:
            self._send(HELLO, {"heartbeat_interval": 41_250})
            async for frame in socket:
                if frame.type is WSMsgType.TEXT and not await self._take(socket, frame.json()):
                    break
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await writer
            if self._socket is socket:
                self._socket = None
            self._changed()
        return socket

    async def _write(self, socket: web.WebSocketResponse, outbox: asyncio.Queue[Json]) -> None:
        while True:
            payload = await outbox.get()
            with contextlib.suppress(ConnectionError):
                await socket.send_json(payload)

    async def _take(self, socket: web.WebSocketResponse, payload: Json) -> bool:
        """Act on one payload of the bot's; whether the connection lives on."""
        opcode, data = payload["op"], payload["d"]
        served = opcode in (HEARTBEAT, IDENTIFY, RESUME)
        if found := payload_problem("received", opcode, data) if served else "not served":
            self.violations.append(f"gateway opcode {opcode}: {found}")
            await socket.close(code=UNKNOWN_PAYLOAD)
            return False
        if opcode == HEARTBEAT:
            self.heartbeats += 1
            self._send(ACKNOWLEDGED, None)
        elif data["token"] != self.token:
            await socket.close(code=BAD_TOKEN)
        elif opcode == IDENTIFY:
            if data["intents"] & MESSAGE_CONTENT and not self.content_allowed:
                await socket.close(code=DISALLOWED_INTENTS)
                return False
            self._socket = socket
            self._identify(data["intents"])
        elif self.session is None or self.session.id != data["session_id"]:
            self._send(INVALID_SESSION, False)
        else:
            self._socket = socket
            self._resume(self.session, data["seq"])
        self._changed()
        return not socket.closed

    def _identify(self, intents: int) -> None:
        self.session = Session(f"session-{next(self._ids)}", intents)
        self.dispatch(
            "READY",
            {
                "v": 10,
                "user": user(self._world.bot),
                "guilds": [{"id": str(guild), "unavailable": True} for guild in self._world.guilds],
                "session_id": self.session.id,
                "resume_gateway_url": self.url,
                "application": {"id": str(self._world.application_id), "flags": 1 << 18},
            },
        )
        for guild in self._world.guilds.values():
            self.dispatch("GUILD_CREATE", guild_object(guild, self._world.bot))

    def _resume(self, session: Session, sequence: int) -> None:
        for payload in session.log:
            if payload["s"] > sequence:
                self._outbox.put_nowait(payload)
        self.dispatch("RESUMED", {})

    def _send(self, opcode: int, data: Json) -> None:
        assert not (found := payload_problem("sent", opcode, data)), (
            f"the fake's own opcode {opcode}: {found}"
        )
        self._outbox.put_nowait({"op": opcode, "t": None, "s": None, "d": data})

    def _as_seen(self, message: Json) -> Json:
        """Without the message content intent, what isn't meant for the bot comes without content."""
        assert self.session is not None
        own = str(self._world.bot.id)
        meant = (
            "guild_id" not in message
            or message["author"]["id"] == own
            or any(mentioned["id"] == own for mentioned in message["mentions"])
        )
        if meant or self.session.intents & MESSAGE_CONTENT:
            return message
        return {**message, "content": "", "attachments": [], "embeds": [], "components": []}


def _intent(event: str, data: Json) -> int:
    in_guild = "guild_id" in data
    if event.startswith("MESSAGE_REACTION"):
        return GUILD_REACTIONS if in_guild else DIRECT_REACTIONS
    if event.startswith("MESSAGE"):
        return GUILD_MESSAGES if in_guild else DIRECT_MESSAGES
    return GUILDS if event.startswith(("GUILD", "THREAD")) else -1

"""What each route of the fake's HTTP API does to its world."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from discord.app_commands.commands import validate_name

from fakes.discord.world import (
    COMMAND_ANSWER,
    LOADING,
    SUPPRESS_EMBEDS,
    Channel,
    Person,
    World,
    channel_object,
    timestamp,
    user,
)

Json = Any

UNKNOWN_CHANNEL, UNKNOWN_MESSAGE, NOT_THE_AUTHOR = 10003, 10008, 50005
UNKNOWN_INTERACTION, ANSWERED_ALREADY, UNKNOWN_WEBHOOK = 10062, 40060, 10015
EMPTY_MESSAGE, INVALID_FORM = 50006, 50035
DEFERRED_ANSWER, DEFERRED_UPDATE = 5, 6


@dataclass(slots=True, eq=False)
class Interaction:
    id: int
    token: str
    person: Person
    channel: Channel
    asked_at: float
    button_message: Json | None = None
    answered: bool = False
    original: int | None = None


@dataclass(slots=True)
class Request:
    """One request as it came, for tests to look at."""

    route: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    body: Json
    files: Mapping[str, bytes] = field(default_factory=dict)


class Refusal(Exception):
    def __init__(self, status: int, code: int, message: str = "refused") -> None:
        super().__init__(message)
        self.status = status
        self.code = code


class Routes:
    """Handlers over one world; each gives a status and a body, or raises Refusal."""

    def __init__(self, world: World, dispatch: Callable[[str, Json], None]) -> None:
        self._world = world
        self._dispatch = dispatch
        self._nonces: dict[tuple[int, str], int] = {}
        self.commands: list[Json] = []
        self.interactions: dict[str, Interaction] = {}
        # Seconds in which an interaction wants its first answer.
        self.patience = 3.0
        self.gateway_url = ""

    def forget_nonces(self) -> None:
        """As Discord does after some minutes."""
        self._nonces.clear()

    def handlers(self) -> dict[str, Callable[[Request], tuple[int, Json]]]:
        """The handler of each route, by its name in discord.json."""
        original = "/webhooks/{webhook_id}/{webhook_token}/messages/@original"
        message = "/channels/{channel_id}/messages/{message_id}"
        return {
            "GET /users/@me": self._me,
            "POST /users/@me/channels": self._open_direct,
            "GET /oauth2/applications/@me": self._application,
            "GET /gateway": lambda _: (200, {"url": self.gateway_url}),
            "GET /gateway/bot": self._gateway_bot,
            "PUT /applications/{application_id}/commands": self._register,
            "GET /channels/{channel_id}": lambda request: (200, channel_object(self._channel(request))),
            "GET /channels/{channel_id}/messages": self._history,
            "POST /channels/{channel_id}/messages": self._create,
            f"GET {message}": lambda request: (200, self._message(request)),
            f"PATCH {message}": self._edit,
            f"DELETE {message}": self._delete,
            "POST /channels/{channel_id}/typing": self._typing,
            "POST /interactions/{interaction_id}/{interaction_token}/callback": self._answer,
            f"GET {original}": lambda request: (200, self._original(request)),
            f"PATCH {original}": self._edit_original,
            f"DELETE {original}": self._delete_original,
        }

    def file(self, request: Request) -> bytes | None:
        """What stands at a signed address; None where the signature is wrong or the file is gone."""
        file = self._world.files.get(int(request.path["attachment_id"]))
        if file is None or request.query.get("hm") != file.signature:
            return None
        return file.content

    def _me(self, _request: Request) -> tuple[int, Json]:
        return 200, user(self._world.bot) | {"mfa_enabled": False, "locale": "en-US", "verified": True}

    def _open_direct(self, request: Request) -> tuple[int, Json]:
        person = self._world.people[int(request.body["recipient_id"])]
        return 200, channel_object(self._world.direct(person))

    def _application(self, _request: Request) -> tuple[int, Json]:
        nothing = ("icon", "interactions_endpoint_url", "role_connections_verification_url", "type", "team")
        return 200, {
            **dict.fromkeys(nothing),
            "id": str(self._world.application_id),
            "name": self._world.bot.name,
            "description": "",
            "verify_key": "0" * 64,
            "flags": 1 << 18,
            "flags_new": str(1 << 18),
            "redirect_uris": [],
            "owner": user(self._world.bot),
            "approximate_guild_count": len(self._world.guilds),
            "approximate_user_install_count": 0,
            "approximate_user_authorization_count": 0,
            "explicit_content_filter": 0,
            "eligible_oauth2_scopes": [],
            "bot_public": True,
            "bot_require_code_grant": False,
            "rpc_origins": [],
        }

    def _gateway_bot(self, _request: Request) -> tuple[int, Json]:
        limit = {"total": 1000, "remaining": 999, "reset_after": 0, "max_concurrency": 1}
        return 200, {"url": self.gateway_url, "shards": 1, "session_start_limit": limit}

    def _register(self, request: Request) -> tuple[int, Json]:
        names = [command["name"] for command in request.body]
        if len(set(names)) < len(names):
            raise Refusal(400, INVALID_FORM, "APPLICATION_COMMANDS_DUPLICATE_NAME")
        options = [option["name"] for command in request.body for option in command.get("options", ())]
        if bad := [name for name in names + options if not _is_name(name)]:
            raise Refusal(400, INVALID_FORM, f"APPLICATION_COMMAND_INVALID_NAME: {bad}")
        fixed = {
            "application_id": request.path["application_id"],
            "default_member_permissions": None,
            "type": 1,
        }
        self.commands = [
            {**fixed, **command, "id": str(self._world.new_id()), "version": str(self._world.new_id())}
            for command in request.body
        ]
        return 200, self.commands

    def _history(self, request: Request) -> tuple[int, Json]:
        messages = self._channel(request).messages
        after, before = int(request.query.get("after", 0)), int(request.query.get("before", 1 << 63))
        ids = sorted(found for found in messages if after < found < before)
        limit = int(request.query.get("limit", 50))
        page = ids[:limit] if "after" in request.query else ids[-limit:]
        return 200, [messages[found] for found in reversed(page)]

    def _create(self, request: Request) -> tuple[int, Json]:
        channel, body = self._channel(request), request.body
        if not (body.get("content") or request.files):
            raise Refusal(400, EMPTY_MESSAGE, "Cannot send an empty message")
        self._check_buttons(body.get("components") or [])
        nonce = body.get("nonce")
        if nonce is not None and body.get("enforce_nonce") and (channel.id, str(nonce)) in self._nonces:
            return 200, channel.messages[self._nonces[channel.id, str(nonce)]]
        reply_to = self._replied(channel, body.get("message_reference"))
        fields = {
            "attachments": self._uploaded(channel, request),
            "components": _numbered(body.get("components") or []),
            "flags": body.get("flags", 0),
        }
        if body.get("allowed_mentions") == {"parse": []}:
            fields["mentions"] = []
        if nonce is not None:
            fields["nonce"] = nonce
        message = self._world.new_message(
            self._world.bot, channel, body.get("content") or "", reply_to, **fields
        )
        if nonce is not None and body.get("enforce_nonce"):
            self._nonces[channel.id, str(nonce)] = int(message["id"])
        self._dispatch("MESSAGE_CREATE", self._world.in_event(message))
        return 200, message

    def _edit(self, request: Request) -> tuple[int, Json]:
        message = self._message(request)
        if message["author"]["id"] != str(self._world.bot.id):
            raise Refusal(403, NOT_THE_AUTHOR, "Cannot edit a message authored by another user")
        return 200, self._change(message, request)

    def _delete(self, request: Request) -> tuple[int, Json]:
        return self._remove(self._channel(request), self._message(request))

    def _typing(self, request: Request) -> tuple[int, Json]:
        self._channel(request).typing += 1
        return 204, None

    def _answer(self, request: Request) -> tuple[int, Json]:
        interaction = self.interactions.get(request.path["interaction_token"])
        if interaction is None or time.monotonic() - interaction.asked_at > self.patience:
            raise Refusal(404, UNKNOWN_INTERACTION, "Unknown interaction")
        if interaction.answered:
            raise Refusal(400, ANSWERED_ALREADY, "Interaction has already been acknowledged.")
        kind = request.body["type"]
        if kind not in (DEFERRED_ANSWER, DEFERRED_UPDATE):
            raise Refusal(400, INVALID_FORM, "this fake takes deferred answers only")
        if (kind == DEFERRED_UPDATE) != (interaction.button_message is not None):
            raise Refusal(400, INVALID_FORM, "this kind of answer belongs to the other kind of interaction")
        interaction.answered = True
        shown: Json = {"id": str(interaction.id), "type": 3 if interaction.button_message else 2}
        if kind == DEFERRED_UPDATE:
            assert interaction.button_message is not None
            interaction.original = int(interaction.button_message["id"])
            return 200, {"interaction": shown}
        message = self._world.new_message(
            self._world.bot, interaction.channel, "", flags=LOADING, type=COMMAND_ANSWER
        )
        interaction.original = int(message["id"])
        self._dispatch("MESSAGE_CREATE", self._world.in_event(message))
        shown |= {"response_message_id": message["id"], "response_message_loading": True}
        return 200, {"interaction": shown}

    def _edit_original(self, request: Request) -> tuple[int, Json]:
        message = self._original(request)
        message["flags"] &= ~LOADING
        return 200, self._change(message, request)

    def _delete_original(self, request: Request) -> tuple[int, Json]:
        return self._remove(self._channel_of(self._original(request)), self._original(request))

    # What several routes need.

    def _channel(self, request: Request) -> Channel:
        channel = self._world.channels.get(int(request.path["channel_id"]))
        if channel is None:
            raise Refusal(404, UNKNOWN_CHANNEL, "Unknown Channel")
        if channel.refused:
            raise Refusal(*channel.refused)
        return channel

    def _channel_of(self, message: Json) -> Channel:
        return self._world.channels[int(message["channel_id"])]

    def _message(self, request: Request) -> Json:
        message = self._channel(request).messages.get(int(request.path["message_id"]))
        if message is None:
            raise Refusal(404, UNKNOWN_MESSAGE, "Unknown Message")
        return message

    def _original(self, request: Request) -> Json:
        interaction = self.interactions.get(request.path["webhook_token"])
        if interaction is None or not interaction.answered:
            raise Refusal(404, UNKNOWN_WEBHOOK, "Unknown Webhook")
        message = interaction.channel.messages.get(interaction.original or 0)
        if message is None:
            raise Refusal(404, UNKNOWN_MESSAGE, "Unknown Message")
        return message

    def _replied(self, channel: Channel, given: Json) -> Json | None:
        if given is None:
            return None
        message: Json | None = channel.messages.get(int(given["message_id"]))
        if message is None and given.get("fail_if_not_exists", True):
            raise Refusal(400, INVALID_FORM, "Unknown message")
        return message

    def _change(self, message: Json, request: Request) -> Json:
        body = request.body
        self._check_buttons(body.get("components") or [])
        if "content" in body:
            message["content"] = body["content"] or ""
        if "flags" in body:
            message["flags"] = message["flags"] & ~SUPPRESS_EMBEDS | body["flags"] & SUPPRESS_EMBEDS
        if "components" in body:
            message["components"] = _numbered(body["components"] or [])
        if "attachments" in body:
            message["attachments"] = self._uploaded(self._channel_of(message), request)
        message["edited_timestamp"] = timestamp(self._world.new_id())
        self._dispatch("MESSAGE_UPDATE", self._world.in_event(message))
        return message

    def _remove(self, channel: Channel, message: Json) -> tuple[int, Json]:
        del channel.messages[int(message["id"])]
        place = {"guild_id": str(channel.guild.id)} if channel.guild else {}
        self._dispatch("MESSAGE_DELETE", {"id": message["id"], "channel_id": str(channel.id), **place})
        return 204, None

    def _uploaded(self, channel: Channel, request: Request) -> list[Json]:
        listed = [item["id"] for item in request.body.get("attachments") or []]
        if [f"files[{number}]" for number in listed] != list(request.files):
            raise Refusal(400, INVALID_FORM, "attachments and files differ")
        return [
            {
                "id": str(self._world.new_id()),
                "filename": item["filename"],
                "size": len(request.files[f"files[{item['id']}]"]),
                "url": f"https://cdn.discordapp.com/attachments/{channel.id}/0/{item['filename']}",
                "proxy_url": f"https://media.discordapp.net/attachments/{channel.id}/0/{item['filename']}",
            }
            for item in request.body.get("attachments") or []
        ]

    def _check_buttons(self, rows: Json) -> None:
        names = [button.get("custom_id") for row in rows for button in row["components"]]
        if len(rows) > 5 or len(set(names)) < len(names):
            raise Refusal(400, INVALID_FORM, "COMPONENT_CUSTOM_ID_DUPLICATED or too many rows")


def _is_name(name: str) -> bool:
    """Whether a command or an option may be called so: the description of the API leaves the pattern out."""
    try:
        return validate_name(name) == name
    except ValueError:
        return False


def _numbered(rows: Json) -> Json:
    """Components as Discord shows them: each with its number."""
    numbers = iter(range(1, 1000))
    return [
        {
            **row,
            "id": next(numbers),
            "components": [{**item, "id": next(numbers)} for item in row["components"]],
        }
        for row in rows
    ]

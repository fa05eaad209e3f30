"""Makes discord.json from Discord's OpenAPI description of its HTTP API (version 10).

    python tests/fakes/tables/make_discord.py path/to/openapi.json

The table keeps what the fake needs in order to check itself and its callers: of the routes it serves, the
query, request and response shapes; of each shape the names, types, required flags and limits. A shape is JSON
Schema and closed: a field that the description doesn't name is refused. Shapes that Remi has no use for stand
in the table as `false`, which accepts nothing.
"""

import json
import re
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

TABLE = Path(__file__).with_name("discord.json")

ROUTES = (
    "GET /users/@me",
    "POST /users/@me/channels",
    "GET /oauth2/applications/@me",
    "GET /gateway",
    "GET /gateway/bot",
    "PUT /applications/{application_id}/commands",
    "GET /channels/{channel_id}",
    "GET /channels/{channel_id}/messages",
    "POST /channels/{channel_id}/messages",
    "GET /channels/{channel_id}/messages/{message_id}",
    "PATCH /channels/{channel_id}/messages/{message_id}",
    "DELETE /channels/{channel_id}/messages/{message_id}",
    "POST /channels/{channel_id}/typing",
    "POST /interactions/{interaction_id}/{interaction_token}/callback",
    "POST /webhooks/{webhook_id}/{webhook_token}",
    "GET /webhooks/{webhook_id}/{webhook_token}/messages/@original",
    "PATCH /webhooks/{webhook_id}/{webhook_token}/messages/@original",
    "DELETE /webhooks/{webhook_id}/{webhook_token}/messages/@original",
)
# Shapes that no route of ours carries, but events of the gateway do.
EVENT_SHAPES = ("GuildResponse", "GuildMemberResponse", "GuildRoleResponse", "ThreadResponse", "Error")
# Shapes that neither Remi nor its tests have a use for.
LEFT_OUT = re.compile(
    r"Modal|Select|Container|Gallery|Section|Separator|Thumbnail|TextDisplay|TextInput|FileComponent|Launch"
    r"|Activity|Lobby|SocialLayer|Autocomplete|Theme|PollCreate|RichEmbed$|Team(Member)?Response|Purchase"
    r"|Collectibles|AvatarDecoration|PrimaryGuild|OAuth2InstallParams|IntegrationTypeConfiguration"
    r"|(Integer|Number|Boolean|Mentionable|Channel|Role|User|Subcommand|SubcommandGroup)Option"
    r"|SoundboardSound|IncomingWebhookRequestPartial"
)
KEPT = {
    "$ref",
    "const",
    "enum",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "required",
    "type",
}
REFERENCE = "#/components/schemas/"

Json = Any


def shape(schema: Json) -> Json:
    """The schema without prose; what it holds is made the same way. Closed where it names fields."""
    out = {key: value for key, value in schema.items() if key in KEPT}
    if "$ref" in out:
        return {"$ref": "#/$defs/" + out["$ref"].removeprefix(REFERENCE)}
    if "items" in out:
        out["items"] = shape(out["items"])
    if "properties" in schema:
        out["properties"] = {name: shape(field) for name, field in schema["properties"].items()}
        out["additionalProperties"] = False
    elif isinstance(schema.get("additionalProperties"), dict):
        out["additionalProperties"] = shape(schema["additionalProperties"])
    choices = schema.get("oneOf") or schema.get("anyOf")
    if choices and all("const" in choice for choice in choices):
        out["enum"] = [choice["const"] for choice in choices]
    elif choices:
        out["anyOf"] = [shape(choice) for choice in choices]
    if "allOf" in schema and "enum" not in out:
        out["allOf"] = [shape(part) for part in schema["allOf"]]
    return out


def references(node: Json) -> set[str]:
    if isinstance(node, dict):
        here = {node["$ref"].rsplit("/", 1)[1]} if "$ref" in node else set()
        return here.union(*map(references, node.values()))
    return set[str]().union(*map(references, node)) if isinstance(node, list) else set()


def route(description: Json, name: str) -> Json:
    method, path = name.split()
    operation = description["paths"][path][method.lower()]
    parameters = description["paths"][path].get("parameters", []) + operation.get("parameters", [])
    content = operation.get("requestBody", {}).get("content", {})
    answers = {
        int(status): answer.get("content", {}).get("application/json", {}).get("schema")
        for status, answer in operation["responses"].items()
        if status.startswith("2")
    }
    return {
        "path": {p["name"]: shape(p["schema"]) for p in parameters if p["in"] == "path"},
        "query": {p["name"]: shape(p["schema"]) for p in parameters if p["in"] == "query"},
        "request": shape(content["application/json"]["schema"]) if content else None,
        "multipart": "multipart/form-data" in content,
        "responses": {status: schema and shape(schema) for status, schema in answers.items()},
    }


def make(description: Json, names: Iterable[str], event_shapes: Iterable[str]) -> Json:
    """The table: the routes named, and every shape that they or the gateway's events lead to."""
    schemas = description["components"]["schemas"]
    routes = {name: route(description, name) for name in names}
    shapes: dict[str, Json] = {}
    wanted = references(routes) | set(event_shapes)
    while wanted:
        name = wanted.pop()
        shapes[name] = False if LEFT_OUT.search(name) else shape(schemas[name])
        wanted |= references(shapes[name]) - shapes.keys()
    return {"routes": routes, "shapes": dict(sorted(shapes.items()))}


def write(table: Json) -> None:
    """One entry a line, so that a newer description gives a readable difference."""
    blocks = []
    for section, entries in table.items():
        lines = [f"  {json.dumps(name)}: {json.dumps(entry)}" for name, entry in entries.items()]
        blocks.append(f"{json.dumps(section)}: {{\n" + ",\n".join(lines) + "\n}")
    TABLE.write_text("{\n" + ",\n".join(blocks) + "\n}\n")


if __name__ == "__main__":
    write(make(json.loads(Path(sys.argv[1]).read_text()), ROUTES, EVENT_SHAPES))

"""What Discord takes and what it sends, as tables: discord.json (made) and discord_gateway.json (by hand)."""

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

Json = Any

_TABLES = Path(__file__).parents[1] / "tables"


def problem(shape: str, value: Json) -> str:
    """What first keeps `value` from being a `shape`; empty where nothing does."""
    return _first(_validator(shape), value)


def event_problem(name: str, value: Json) -> str:
    """The same for the payload of a gateway event."""
    return problem(f"event {name}", value)


def payload_problem(direction: str, opcode: int, value: Json) -> str:
    """The same for the payload of another opcode; `direction` is "received" (from the bot) or "sent"."""
    return problem(f"{direction} {opcode}", value)


def request_problem(route: str, path: Mapping[str, str], query: Mapping[str, str], body: Json) -> str:
    """What is wrong with a request to one of the routes of discord.json; empty where nothing is."""
    entry = _routes()[route]
    for where, given in (("path", path), ("query", query)):
        for name, value in given.items():
            if name not in entry[where]:
                return f"{where}: {name} is unknown"
            schema = entry[where][name]
            if found := _first(_closed(json.dumps(schema)), _typed(schema, value)):
                return f"{where}: {name}: {found}"
    if entry["request"] is None:
        return "" if body is None else "a body where none belongs"
    return _first(_closed(json.dumps(entry["request"])), body)


def response_problem(route: str, status: int, body: Json) -> str:
    """What is wrong with an answer of the fake's own."""
    responses = _routes()[route]["responses"]
    if str(status) not in responses:
        return f"{route} never answers {status}"
    schema = responses[str(status)]
    if schema is None:
        return "" if body is None else "a body where none belongs"
    return _first(_closed(json.dumps(schema)), body)


def takes_files(route: str) -> bool:
    """Whether the route takes multipart/form-data."""
    return bool(_routes()[route]["multipart"])


def _typed(schema: Json, value: str) -> Json:
    """A query parameter as the type that its shape names."""
    match schema.get("type"):
        case "integer":
            return int(value) if value.lstrip("-").isdigit() else value
        case "boolean":
            return {"1": True, "true": True, "0": False, "false": False}.get(value.lower(), value)
    return value


def _first(validator: Draft202012Validator, value: Json) -> str:
    error = best_match(validator.iter_errors(value))
    return "" if error is None else f"{error.json_path}: {error.message[:300]}"


@cache
def _validator(shape: str) -> Draft202012Validator:
    return _closed(json.dumps({"$ref": f"#/$defs/{shape.replace(' ', '-')}"}))


@cache
def _closed(schema: str) -> Draft202012Validator:
    return Draft202012Validator({**json.loads(schema), "$defs": _shapes()})


@cache
def _routes() -> dict[str, Json]:
    routes: dict[str, Json] = _read("discord.json")["routes"]
    return routes


@cache
def _shapes() -> dict[str, Json]:
    by_hand = _read("discord_gateway.json")
    shapes: dict[str, Json] = _read("discord.json")["shapes"]
    entries = by_hand["shapes"] | {
        f"{section}-{name}": entry
        for section, names in (("event", "events"), ("received", "received"), ("sent", "sent"))
        for name, entry in by_hand[names].items()
    }
    for name, entry in entries.items():
        shapes[name] = _merged(shapes, entry)
    return shapes


def _merged(shapes: dict[str, Json], entry: Json) -> Json:
    base = shapes[entry["extends"]] if "extends" in entry else {}
    without = set(entry.get("without", ()))
    out = {
        **base,
        **{key: value for key, value in entry.items() if key not in {"source", "extends", "without"}},
    }
    if base or "properties" in entry:
        fields = base.get("properties", {}) | entry.get("properties", {})
        out["properties"] = {name: field for name, field in fields.items() if name not in without}
        out["required"] = [
            name for name in (*base.get("required", ()), *entry.get("required", ())) if name not in without
        ]
        out["additionalProperties"] = False
    return out


def _read(name: str) -> dict[str, Json]:
    table: dict[str, Json] = json.loads((_TABLES / name).read_text())
    return table

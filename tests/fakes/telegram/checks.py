"""What Telegram would refuse, after the tables made from its machine-readable description."""

import json
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

TABLES = Path(__file__).parent.parent / "tables"
PLAIN = {"Integer": int, "String": str, "Boolean": bool}


class Refusal(Exception):
    """An answer with ok=false."""

    def __init__(
        self, code: int, description: str, *, retry_after: int | None = None, moved_to: int | None = None
    ) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.retry_after = retry_after
        self.moved_to = moved_to

    def body(self) -> dict[str, Any]:
        """The answer as Telegram words it."""
        body: dict[str, Any] = {"ok": False, "error_code": self.code, "description": self.description}
        if self.retry_after is not None:
            body["parameters"] = {"retry_after": self.retry_after}
        if self.moved_to is not None:
            body["parameters"] = {"migrate_to_chat_id": self.moved_to}
        return body


def bad_request(problem: str) -> Refusal:
    """A 400 in Telegram's words."""
    return Refusal(400, f"Bad Request: {problem}")


@cache
def tables() -> dict[str, Any]:
    """The table of the description, with what is newer laid over it."""
    made: dict[str, Any] = json.loads((TABLES / "telegram.json").read_text("utf-8"))
    newer = json.loads((TABLES / "telegram_newer.json").read_text("utf-8"))
    for section in ("methods", "types"):
        for name, fields in newer[section].items():
            made[section].setdefault(name, {}).update(fields)
    made["rich"] = newer["rich"]
    return made


def utf16_length(text: str) -> int:
    """Telegram's unit of length."""
    return len(text.encode("utf-16-le")) // 2


def check_request(method: str, form: dict[str, str], files: set[str]) -> dict[str, Any]:
    """The parameters of a request, decoded. `files` names the uploaded parts. Raises Refusal."""
    parameters = tables()["methods"].get(method)
    if parameters is None:
        raise Refusal(404, "Not Found")
    uploads = {name for name in files if name not in parameters}
    decoded = {name: _decode(name, text, parameters) for name, text in form.items()}
    decoded |= {name: f"attach://{name}" for name in files - uploads}
    if missing := [name for name, rule in parameters.items() if rule.get("required") and name not in decoded]:
        raise bad_request(f"parameter {missing[0]} is required")
    for name, value in decoded.items():
        _check_field(name, value, parameters[name])
        if isinstance(value, str) and value.startswith("attach://") and value[9:] not in files:
            raise bad_request(f"file of {name} is not attached")
    return decoded


def check_value(what: str, value: Any, types: list[str]) -> None:
    """Raise Refusal unless the value is of one of the types."""
    problems = []
    for name in types:
        try:
            _check_type(what, value, name)
        except Refusal as refusal:
            problems.append(refusal.description)
        else:
            return
    raise Refusal(400, problems[0])


def check_entities(text: str, entities: list[dict[str, Any]]) -> None:
    """Raise Refusal for an entity that lies outside its text."""
    length = utf16_length(text)
    for entity in entities:
        if entity["offset"] < 0 or entity["length"] <= 0 or entity["offset"] + entity["length"] > length:
            raise bad_request(f"can't parse entities: entity {entity['type']} is out of bounds")


def check_rich(message: dict[str, Any]) -> str:
    """The words of a rich message. Raises Refusal where Telegram could not parse it."""
    if len({"html", "markdown"} & message.keys()) != 1:
        raise bad_request("exactly one of html and markdown must be used")
    if "markdown" in message:
        words = str(message["markdown"])
    else:
        parser = _RichHtml()
        parser.feed(message["html"])
        parser.close()
        words = parser.finished()
    if len(words) > tables()["rich"]["characters"]:
        raise bad_request("rich message is too long")
    if not words.strip():
        raise bad_request("rich message is empty")
    return words


def _decode(name: str, text: str, parameters: dict[str, Any]) -> Any:
    if name not in parameters:
        raise bad_request(f"unknown parameter {name}")
    types = parameters[name]["types"]
    if "Integer" in types and text.removeprefix("-").isdigit():
        return int(text)
    if "String" in types:
        return text
    try:
        return json.loads(text)
    except ValueError:
        raise bad_request(f"can't parse {name}") from None


def _check_field(what: str, value: Any, rule: dict[str, Any]) -> None:
    check_value(what, value, rule["types"])
    if "length" not in rule:
        return
    least, most, unit = rule["length"]
    if unit == "characters":
        length = utf16_length(value)
    else:
        length = len(value.encode()) if unit == "bytes" else len(value)
    if length > most:
        raise bad_request("message is too long" if what == "text" else f"{what} is too long")
    if length < least:
        raise bad_request("message text is empty" if what == "text" else f"{what} is too short")


def _check_type(what: str, value: Any, name: str) -> None:
    known = tables()
    if name.startswith("Array of "):
        if not isinstance(value, list):
            raise bad_request(f"{what} must be an array")
        for number, each in enumerate(value):
            check_value(f"{what}[{number}]", each, [name.removeprefix("Array of ")])
    elif name in PLAIN:
        if not isinstance(value, PLAIN[name]) or (name == "Integer" and isinstance(value, bool)):
            raise bad_request(f"{what} must be of type {name}")
    elif name == "Float":
        if not isinstance(value, int | float):
            raise bad_request(f"{what} must be a number")
    elif name == "InputFile":
        if not (isinstance(value, str) and value.startswith("attach://")):
            raise bad_request(f"{what} must be a file")
    elif name in known["unions"]:
        check_value(what, value, known["unions"][name])
    else:
        _check_object(what, value, known["types"][name])


def _check_object(what: str, value: Any, fields: dict[str, Any]) -> None:
    if not isinstance(value, dict):
        raise bad_request(f"{what} must be an object")
    if unknown := value.keys() - fields.keys():
        raise bad_request(f"unknown field {what}.{min(unknown)}")
    for name, rule in fields.items():
        if name in value:
            _check_field(f"{what}.{name}", value[name], rule)
        elif rule.get("required"):
            raise bad_request(f"field {what}.{name} is required")


class _RichHtml(HTMLParser):
    """Reads rich HTML, refusing tags that Telegram doesn't know or that are not closed in order."""

    def __init__(self) -> None:
        super().__init__()
        self.words: list[str] = []
        self.open: list[str] = []
        self.blocks = 0
        self.cells = 0

    def handle_starttag(self, tag: str, attrs: object) -> None:
        rich = tables()["rich"]
        if tag in rich["media_tags"]:
            raise bad_request("failed to get HTTP URL content")
        if tag not in rich["block_tags"] and tag not in rich["inline_tags"]:
            raise bad_request(f'can\'t parse rich message: unsupported start tag "{tag}"')
        self.blocks += tag in rich["block_tags"]
        self.cells = 0 if tag == "tr" else self.cells + (tag in {"td", "th"})
        if self.blocks > rich["blocks"]:
            raise bad_request("too many blocks in the rich message")
        if self.cells > rich["columns"]:
            raise bad_request("too many columns in a table")
        if tag not in {"br", "hr"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            raise bad_request(f'can\'t parse rich message: unexpected end tag "{tag}"')
        if tag in tables()["rich"]["block_tags"]:
            self.words.append("\n")

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def finished(self) -> str:
        """All words; raises Refusal where a tag was left open."""
        if self.open:
            raise bad_request(f"can't parse rich message: can't find end tag for \"{self.open[-1]}\"")
        return "".join(self.words).strip()

"""Make telegram.json: what the fake Telegram holds requests and updates against.

    python tests/fakes/tables/make_telegram.py telegram-bot-api-10.1.json

The description it reads is that of PaulSonOfLars/telegram-bot-api-spec (MIT). Names, types, required flags
and length limits are kept; of the prose nothing is. What is newer stands in telegram_newer.json, by hand.
"""

import json
import re
import sys
from pathlib import Path
from typing import Any

METHODS = (
    "answerCallbackQuery",
    "deleteMessage",
    "deleteWebhook",
    "editMessageText",
    "getChat",
    "getChatAdministrators",
    "getFile",
    "getMe",
    "getUpdates",
    "sendChatAction",
    "sendDocument",
    "sendMessage",
    "sendMessageDraft",
    "sendRichMessage",
    "sendRichMessageDraft",
    "setMyCommands",
    "setWebhook",
)
LENGTH = re.compile(r"(\d+)-(\d+) (characters|bytes)")
COUNT = re.compile(r"At most (\d+) \w+ can be specified")


def field(description: dict[str, Any]) -> dict[str, Any]:
    """One parameter or field, in the table's form."""
    row: dict[str, Any] = {"types": description["types"]}
    if description["required"]:
        row["required"] = True
    if found := LENGTH.search(description["description"]):
        row["length"] = [int(found[1]), int(found[2]), found[3]]
    elif found := COUNT.search(description["description"]):
        row["length"] = [0, int(found[1]), "items"]
    return row


def fields(description: dict[str, Any]) -> dict[str, Any]:
    """All fields of a method or a type, by name."""
    return {each["name"]: field(each) for each in description.get("fields", ())}


def reachable(methods: dict[str, Any], types: dict[str, Any]) -> set[str]:
    """The types that a request, an answer or an update can hold."""
    todo = ["Update", "ResponseParameters"]
    for method in methods.values():
        todo += method["returns"]
        todo += (name for each in method.get("fields", ()) for name in each["types"])
    seen = set()
    while todo:
        name = todo.pop().replace("Array of ", "")
        if name in types and name not in seen:
            seen.add(name)
            todo += types[name].get("subtypes", ())
            todo += (inner for each in types[name].get("fields", ()) for inner in each["types"])
    return seen


def table(api: dict[str, Any]) -> dict[str, Any]:
    """The compact form of the description of the whole API."""
    methods = {name: api["methods"][name] for name in METHODS}
    types = {name: api["types"][name] for name in sorted(reachable(methods, api["types"]))}
    return {
        "version": api["version"],
        "methods": {name: fields(method) for name, method in methods.items()},
        "types": {name: fields(each) for name, each in types.items() if "subtypes" not in each},
        "unions": {name: each["subtypes"] for name, each in types.items() if "subtypes" in each},
    }


def lines(made: dict[str, Any]) -> str:
    """JSON with one method or type a line, so that a diff names what changed."""
    parts = [f'"version": {json.dumps(made["version"])}']
    for section in ("methods", "types", "unions"):
        rows = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in made[section].items())
        parts.append(f'"{section}": {{\n{rows}\n}}')
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    source = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    Path(__file__).with_name("telegram.json").write_text(lines(table(source)), "utf-8")

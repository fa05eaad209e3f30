"""A model that goes by a script: it answers with the newest fitting line that it is shown, and cites it.

As a memory model it knows two sentences, and ends what was known of the same matter.
"""

import json
import re
from collections.abc import Iterator

from fakes.openai import Body, Step

CHAT, MEMORY = "fake-chat", "fake-memory"

_SHOWN = re.compile(r"^\[(m\d+)\] \S+ \S+ [^:]+: (?!\(no longer holds\))(.+)$", re.MULTILINE)
_SAID = re.compile(r"^#(\d+) \S+ \S+ ([^:]+): (.*)$", re.MULTILINE)
_KNOWN = re.compile(r"^(k\d+) \w+: (.*)$", re.MULTILINE)
_RULES = (
    (re.compile(r"I (?:now )?live in (\w+)\."), "{name} lives in {}."),
    (re.compile(r"My (\w+) is called (\w+)\."), "{name}'s {} is called {}."),
)
_EMPTY = frozenset(["called", "do", "how", "i", "in", "is", "my", "now", "what", "where"])


def thinking(body: Body) -> Step:
    """The step for any chat call."""
    messages = [message["content"] for message in body["messages"][1:] if message["role"] == "user"]
    if body["model"] == MEMORY:
        return Step(text=json.dumps({"memories": list(_notes(messages[-1]))}))
    asked = messages[-1].splitlines()[-1].split(": ", 1)[1]
    return Step(text=_answer(asked, "\n".join(messages)) if asked.endswith("?") else "I see.")


def _answer(asked: str, shown: str) -> str:
    lines = [(handle, said) for handle, said in _SHOWN.findall(shown) if not said.endswith("?")]
    fitting = [(handle, said) for handle, said in lines if _words(said) & _words(asked)]
    if not fitting:
        return "I don't know that."
    handle, said = fitting[0]
    return f"You told me: {said} [{handle}]"


def _notes(talk: str) -> Iterator[Body]:
    for number, name, said in _SAID.findall(talk):
        for pattern, form in _RULES:
            if found := pattern.search(said):
                *matter, _ = found.groups()
                text = form.format(*found.groups(), name=name)
                before = form.format(*matter, "", name=name).rstrip(".")
                handle = next(
                    (handle for handle, known in _KNOWN.findall(talk) if known.startswith(before)), ""
                )
                yield {
                    "op": "supersede" if handle else "add",
                    "kind": "fact",
                    "text": text,
                    "message": int(number),
                    "quote": found.group(),
                    "handle": handle,
                }


def _words(text: str) -> set[str]:
    """What a text is about: "lives" and "live" are the same."""
    return {word.removesuffix("s") for word in re.findall(r"\w+", text.lower())} - _EMPTY

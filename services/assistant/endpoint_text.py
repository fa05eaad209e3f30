"""The text of an endpoint's answer, as it can be shown and kept."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

_OPENS, _CLOSES = "<think>", "</think>"
_SURROGATE = re.compile("[\ud800-\udfff]")


def text_of(content: object) -> str:
    """What a content says: a string, or parts, of which those of the type text count."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    texts = [part.get("text") for part in parts if isinstance(part, Mapping) and part.get("type") == "text"]
    return "".join(text for text in texts if isinstance(text, str))


@dataclass(slots=True)
class Pieces:
    """A text that comes in pieces. What comes out of each is to be shown; `rest` is what the last held back.

    Left out are NULs, which Postgres can't keep, and the thoughts between <think> and </think> with which an
    answer begins where the server doesn't tell them apart. A surrogate pair may come in two pieces.
    """

    held: str = ""
    has_thought: bool = False
    is_thinking: bool = False
    has_begun: bool = False

    def feed(self, piece: str) -> str:
        text, self.held = self.held + piece.replace("\0", ""), ""
        if not self.has_begun:
            text = self._behind_thoughts(text)
        if text and "\ud800" <= text[-1] <= "\udbff":
            text, self.held = text[:-1], text[-1]
        return _paired(text)

    def rest(self) -> str:
        return "" if self.is_thinking else _paired(self.held.lstrip() if self.has_thought else self.held)

    def _behind_thoughts(self, text: str) -> str:
        """What is no thought any more; what can't be told yet is held back."""
        if not self.is_thinking:
            start = text.lstrip()
            if not start.startswith(_OPENS):
                if _OPENS.startswith(start):
                    self.held = text
                    return ""
                self.has_begun = True
                return start if self.has_thought else text
            self.has_thought = self.is_thinking = True
            text = start.removeprefix(_OPENS)
        thought, closed, answer = text.partition(_CLOSES)
        if not closed:
            self.held = thought[1 - len(_CLOSES) :]
            return ""
        self.is_thinking = False
        return self._behind_thoughts(answer)


def _paired(text: str) -> str:
    """With halves of surrogate pairs put together; one that stands alone can't be encoded."""
    if not _SURROGATE.search(text):
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

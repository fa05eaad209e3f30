"""Cutting what was said into passages: the stretches that recall finds and shows."""

import re
from dataclasses import dataclass
from datetime import datetime

SIZE = 600
"""UTF-8 bytes of a passage, about: 150 tokens. The last of a text may be a quarter longer."""

REACH = 2
"""Passages on each side that share in one: their words are found in it, and the nearest one's meaning."""

_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"'”’)\]]*\s+|\s*\n\s*|(?<=[。！？])")
_SPACE = re.compile(r"\s")


@dataclass(frozen=True, slots=True)
class Stretch:
    """The code points [starts, ends) of a text."""

    starts: int
    ends: int


def cut(text: str, size: int = SIZE) -> list[Stretch]:
    """Stretches of about `size` bytes that end where sentences or lines end, in order.

    Only a sentence longer than that is cut at a blank, and only a word longer than that inside. Blanks
    between and around stretches are left out; a blank text has none.
    """
    length = max(1, size * len(text) // max(1, len(text.encode())))
    stretches: list[Stretch] = []
    starts = _skip_blanks(text, 0)
    while starts < len(text):
        ends = _end(text, starts, length)
        stretches.append(Stretch(starts, starts + len(text[starts:ends].rstrip())))
        starts = _skip_blanks(text, ends)
    return stretches


def tokens(text: str) -> int:
    """What a text counts against a budget: ceil(UTF-8 bytes / 4)."""
    return -(-len(text.encode()) // 4)


def label(author_name: str, said_at: datetime) -> str:
    """What stands before something said; `said_at` in the reader's zone."""
    return f"{said_at.isoformat(' ')[:16]} {author_name}: "


def line(
    author_name: str, said_at: datetime, text: str, handle: str = "", *, superseded: bool = False
) -> str:
    """Something said, as the model sees it; `said_at` in the reader's zone.

    The name stands on one line whatever a platform lets people put into it, and further lines of the text are
    set in, so that nothing said can pass for another thing said.
    """
    mark = f"[{handle}] " if handle else ""
    name = " ".join(author_name.split())[:64] or "somebody"
    old = "(no longer holds) " if superseded else ""
    return f"{mark}{label(name, said_at)}{old}" + "\n  ".join(text.splitlines())


def _end(text: str, starts: int, length: int) -> int:
    if len(text) - starts <= length * 5 // 4:
        return len(text)
    limit = starts + length
    for boundary in (_SENTENCE_END, _SPACE):
        ends = [found.end() for found in boundary.finditer(text, starts, limit) if found.end() > starts]
        if ends:
            return ends[-1]
    return limit


def _skip_blanks(text: str, starts: int) -> int:
    while starts < len(text) and text[starts].isspace():
        starts += 1
    return starts

"""Cutting a long text into messages that a platform takes."""

import re
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import takewhile
from unicodedata import category

Measure = Callable[[str], int]

_BLANK_LINES = re.compile(r"\A(?:[^\S\n]*\n)+")
# A fence may stand in quotes and behind the marks of lists.
_FENCE = re.compile(
    r"^(?P<margin>(?:[ \t]*(?:>|(?:[-*+]|\d{1,9}[.)])(?=[ \t])))*[ \t]*)"
    r"(?P<marker>`{3,}(?=[^`\n]*$)|~{3,})[^\n]*(?:\n|\Z)",
    re.MULTILINE,
)
_LIST_MARK = re.compile(r"[-*+]|\d+[.)]")
# Where a part may end, best first.
_BREAKS = (
    re.compile(r"(?=\n[^\S\n]*\n)"),
    re.compile(r"(?=\n)"),
    re.compile(r"(?<=[.!?…])(?=\s)|(?<=[.!?…][\"'”\u2019)\]])(?=\s)|(?<=[。\uff01\uff1f])"),
    re.compile(r"(?=\s)"),
)
_JOINER = "\u200d"


@dataclass(frozen=True, slots=True)
class _Block:
    """A fenced code block: where it stands, its first line, and what its last line is."""

    start: int
    end: int
    opening: str
    # What a line of it begins with below the first: quote marks, and blanks below the marks of lists.
    margin: str
    marker: str

    @property
    def is_quoted(self) -> bool:
        return ">" in self.margin

    @property
    def closing(self) -> str:
        return self.margin + self.marker

    @property
    def opening_again(self) -> str:
        return self.margin + self.opening[len(self.margin) :]

    def holds(self, position: int) -> bool:
        return self.start < position < self.end


def utf16_length(text: str) -> int:
    """Length in UTF-16 code units."""
    return len(text) + sum(character > "\uffff" for character in text)


def quoted(text: str) -> str:
    """CommonMark that shows a text, forwarded, as somebody else's."""
    return "\n".join(f"> {line}" for line in text.splitlines())


def split(text: str, limit: int, measure: Measure = len) -> list[str]:
    """Cut CommonMark into parts of at most `limit` units, none empty; a blank text has no parts.

    A part ends at a paragraph, else a line, a sentence, a word. A fenced code block stays whole where it fits
    one part; else it is closed at the end of a part and opened again, with the same fence and info string, in
    the next. Nothing but white space around the cuts is lost. `measure` counts at least one unit a code point
    (`len`, `utf16_length`); `limit` is at least 64.
    """
    parts = []
    rest = _BLANK_LINES.sub("", text).rstrip()
    while rest:
        if len(rest) <= limit and measure(rest) <= limit:
            parts.append(rest)
            break
        part, rest = _first(rest, limit, measure)
        if part.strip():
            parts.append(part)
    return parts


def _first(text: str, limit: int, measure: Measure) -> tuple[str, str]:
    """The first part of a text that is too long, and the rest."""
    # No further than this can a block reach that begins within the limit and fits it.
    head = text[: 2 * limit + 2]
    widest = _widest(head, limit, measure)
    blocks = list(_blocks(head, limit, measure))
    for block in blocks:
        if block.start <= widest < block.end:
            if block.start == 0:
                return _first_of_block(text, block, limit, measure)
            return text[: block.start].rstrip(), text[block.start :]
    end = _best_end(head, widest, blocks)
    rest = _BLANK_LINES.sub("", text[end:])
    return text[:end].rstrip(), rest if text[end] == "\n" else rest.lstrip()


def _widest(text: str, limit: int, measure: Measure) -> int:
    """How many code points from the start fit the limit."""
    most = min(len(text), limit)
    return bisect_right(range(most + 1), limit, key=lambda end: measure(text[:end])) - 1


def _best_end(text: str, widest: int, blocks: list[_Block]) -> int:
    """Where the first part ends: the last of the best breaks that leaves a fair size and code whole."""
    for pattern in _BREAKS:
        ends = takewhile(lambda end: end <= widest, (found.start() for found in pattern.finditer(text)))
        end = max((end for end in ends if not any(block.holds(end) for block in blocks)), default=0)
        if end > widest // 3:
            return end
    return _between_characters(text, widest)


def _between_characters(text: str, end: int) -> int:
    """`end`, or a little before, so that no mark or joined emoji is parted from what it belongs to."""
    for candidate in range(end, max(end - 16, 0), -1):
        before, after = text[candidate - 1], text[candidate]
        if before != _JOINER and after != _JOINER and category(after) not in {"Mn", "Me", "Sk"}:
            return candidate
    return end


def _blocks(text: str, limit: int, measure: Measure) -> Iterator[_Block]:
    position = 0
    while found := _FENCE.search(text, position):
        opening, marker = found[0], found["marker"]
        margin = _LIST_MARK.sub(lambda mark: " " * len(mark[0]), found["margin"])
        closing_line = rf"{marker[0]}{{{len(marker)},}}[ \t]*$"
        # Where a quote ends, the code in it does.
        end_line = (
            rf"^[ \t>]*{closing_line}|(?=\n(?![ \t]*>))" if ">" in margin else rf"^[ \t]*{closing_line}"
        )
        closed = re.compile(end_line, re.MULTILINE).search(text, found.end() - 1)
        position = closed.end() if closed else len(text)
        # A fence as long as half a message is no fence that anybody could repeat in each part.
        if opening.endswith("\n") and measure(opening + margin + marker) < limit // 2:
            yield _Block(found.start(), position, opening, margin, marker)


def _first_of_block(text: str, block: _Block, limit: int, measure: Measure) -> tuple[str, str]:
    """The first part of a block that fits no message, closed; and the rest, opened again."""
    body_start = len(block.opening)
    widest = _widest(text, limit - measure("\n" + block.closing), measure)
    end = text.rfind("\n", body_start + 1, widest + 1)
    if end == -1:
        end = _between_characters(text, widest)
    body, rest = text[body_start:end], text[end:].removeprefix("\n")
    part = f"{block.opening}{body}\n{block.closing}" if body.strip() else ""
    at_line = text[end] == "\n"
    closing_line = rf"[\s{'>' if block.is_quoted else ''}]*{block.marker}[`~]*[ \t]*(?:\n|\Z)"
    if at_line and (closed := re.match(closing_line, rest)):
        return part, _BLANK_LINES.sub("", rest[closed.end() :])
    begun = block.margin if block.is_quoted and not at_line else ""
    return part, block.opening_again + begun + rest

"""What was said, in other words' company: shown on one line and plain, or found where it stands."""

import re

_MARKUP = re.compile(r"[\\`*_\[\]<>~|]")


def quote(text: str, length: int = 120) -> str:
    """At most `length` code points of a text on one line, in quotation marks; Markdown in it stays plain."""
    return f"“{plain(text, length)}”"


def plain(text: str, length: int = 120) -> str:
    """As `quote`, without the marks."""
    line = " ".join(text.split())
    if len(line) > length:
        line = line[: length - 1].rstrip() + "…"
    return _MARKUP.sub(r"\\\g<0>", line)


def find_quote(quote: str, text: str) -> str | None:
    """The stretch of `text` that reads like `quote`, but for blanks and letter case, as it stands there."""
    words = quote.split()
    if not words:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text, re.IGNORECASE)
    return found.group() if found else None

"""Showing people what was said: on one line, cut short, and plain, whatever Markdown it holds."""

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

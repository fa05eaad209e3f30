"""What was said, in other words' company: shown on one line and plain, or found where it stands."""

import re
import unicodedata

_MARKUP = re.compile(r"[\\`*_\[\]<>~|]")
_EMPHASIS = "[*_~`]*"
_PIECE = re.compile(r"\s+|\.{3}|[^\W_]+|[^*_~`]")
_QUOTATION = "\"“”„‟«»'‘’‚ʼ´"
_VARIANTS = {
    sign: f"[{re.escape(signs)}]" for signs in ("'‘’‚ʼ´", '"“”„‟«»', "-‐‑‒–—−") for sign in signs
} | dict.fromkeys(("…", "..."), r"(?:…|\.{3})")


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
    """The stretch of `text` that reads like `quote`, but for blanks and letter case, as it stands there.

    If there is none, one may also differ in how quotation marks, dashes and accents are encoded, in emphasis,
    and in marks and full stops at the ends of the quote.
    """
    words = quote.split()
    if not words:
        return None
    found = re.search(r"\s+".join(map(re.escape, words)), text, re.IGNORECASE)
    return found.group() if found else _find_variant(unicodedata.normalize("NFC", quote), text)


def _find_variant(quote: str, text: str) -> str | None:
    core = quote.strip(f"{_QUOTATION}.!… \t\n")
    if not _pattern(core):
        return None
    before, _, after = quote.partition(core)
    begin = f"(?<![^\\W_]){_any(before)}" if before else ""
    end = f"{_any(after)}(?![^\\W_])" if after else ""
    found = re.search(f"{begin}{_pattern(core)}{end}", text, re.IGNORECASE)
    return found.group() if found else None


def _any(signs: str) -> str:
    """What finds as many as there are of what may stand for these signs."""
    marks = _QUOTATION if set(signs) & set(_QUOTATION) else ""
    return f"[*_~`.!…{re.escape(marks)}]*"


def _pattern(text: str) -> str:
    """What finds a text in any variant of its signs, with or without emphasis."""
    return _EMPHASIS.join(map(_variants, _PIECE.findall(text)))


def _variants(piece: str) -> str:
    if piece.isspace():
        return r"\s+"
    return _VARIANTS.get(piece) or "".join(map(_encodings, piece))


def _encodings(character: str) -> str:
    """A letter with an accent may be one character or two."""
    decomposed = unicodedata.normalize("NFD", character)
    whole = re.escape(character)
    return whole if decomposed == character else f"(?:{whole}|{re.escape(decomposed)})"

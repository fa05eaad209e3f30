"""CommonMark into what Telegram shows: one text into the forms to try, best first."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

import pyromark
import telegramify_markdown as markdown
from aiogram.types import InputRichMessage, MessageEntity

from services.gateway.text import utf16_length

# Longest text of a plain message, in UTF-16 units.
MAX_LENGTH = 4096

_OPTIONS = pyromark.Options.ENABLE_TABLES | pyromark.Options.ENABLE_STRIKETHROUGH
# What the renderers take for spoilers and formulas, and CommonMark for ordinary text.
_OTHER_DIALECTS = re.compile(rb"\|\||(?<!\$)\$(?!\$)")


def _plain_symbols() -> markdown.RenderConfig:
    config = markdown.RenderConfig.isolated()
    symbols = config.markdown_symbol
    symbols.heading_level_1 = symbols.heading_level_2 = symbols.heading_level_3 = symbols.heading_level_4 = ""
    symbols.unordered_list_item = "•"
    symbols.task_uncompleted = "☐"
    return config


_SYMBOLS = _plain_symbols()


@dataclass(frozen=True, slots=True)
class Styled:
    """A plain message: its text, and which stretches of it are bold, links, code and so on."""

    text: str
    entities: tuple[MessageEntity, ...] = ()


Form = InputRichMessage | Styled


def forms(text: str) -> list[Form]:
    """What to send for CommonMark of at most MAX_LENGTH units, each form where the one before was refused.

    A rich message if there are headings, tables or formulas, which a plain one can't show; then a plain one
    with entities; last the text as it is written, which is never refused for its form.
    """
    tidied, structured = _tidy(text)
    found: list[Form] = [InputRichMessage(html=markdown.richify(tidied).html)] if structured else []
    return [*found, *_styled(tidied), Styled(text)]


def preview(text: str) -> Styled:
    """The form of a reply that is still being written, of at most MAX_LENGTH units of CommonMark."""
    return next(_styled(_tidy(text)[0]), Styled(text))


def _styled(tidied: str) -> Iterator[Styled]:
    """The text with entities, unless nothing to see is left of it or it grew too long."""
    shown, entities = markdown.convert(tidied, latex_escape=False, config=_SYMBOLS)
    if shown.strip() and utf16_length(shown) <= MAX_LENGTH:
        yield Styled(shown, tuple(MessageEntity(**entity.to_dict()) for entity in entities))


def _tidy(text: str) -> tuple[str, bool]:
    """The text such that the renderers lose nothing of it, and whether it has structure for a rich message.

    Markup of other dialects is escaped, HTML too. Images become links: Telegram would fetch them, and so tell
    their host what a conversation is about. In a link, which holds no other, they become words.
    """
    text = _apart(text)
    source = text.encode()
    pieces = []
    position = alt_end = 0
    structured = b"$$" in source
    in_code = in_link = False
    for event, span in pyromark.events_with_range(text, options=_OPTIONS):
        start, end = span["start"], span["end"]
        match event:
            case {"Start": {"Link": _}} | {"End": "Link"}:
                in_link = "Start" in event
                continue
            case {"Start": {"Image": _}}:
                end = start + 2
                new = b"" if in_link else b"["
                new += b"image" if source[end : end + 1] == b"]" else b""
            case {"End": "Image"} if in_link:
                start, new = alt_end, b""
            case {"Start": {"CodeBlock": _}} | {"End": "CodeBlock"}:
                in_code = "Start" in event
                continue
            case {"Text": _} if not in_code:
                escaped_already = source[start - 1 : start] == b"\\"
                new = _escape(source[start:end], first=not escaped_already)
            case {"Html": _} | {"InlineHtml": _}:
                new = source[start:end].replace(b"<", rb"\<")
            case {"Start": {"Heading": _} | {"Table": _}}:
                structured = True
                continue
            case _:
                alt_end = end
                continue
        alt_end = end
        pieces += [source[position:start], new]
        position = end
    return b"".join([*pieces, source[position:]]).decode(), structured


def _apart(text: str) -> str:
    """The text with a new line between words and blocks in the items of lists, where the renderer makes none.

    Only there do words stand in no paragraph: so a blank line goes before a block that follows them. After
    code a hard break does it.
    """
    source = text.encode()
    pieces = []
    position = items = 0
    before: object = None
    for event, span in pyromark.events_with_range(text, options=_OPTIONS):
        start = span["start"]
        line = source.rfind(b"\n", 0, start) + 1
        margin = source[line:start]
        match before, event:
            case _, {"Start": "Item"}:
                items += 1
            case _, {"End": "Item"}:
                items -= 1
            case _, {"Start": {"CodeBlock": _} | {"BlockQuote": _} | {"Table": _}} if _end_words(before):
                pieces += [source[position:line], margin.rstrip() + b"\n"]
                position = line
            case {"End": "CodeBlock"}, _ if items and _begin_words(event):
                pieces += [source[position:start], b"\\\n", margin]
                position = start
        before = event
    return b"".join([*pieces, source[position:]]).decode()


def _begin_words(event: object) -> bool:
    match event:
        case {"Start": "Paragraph" | "Strong" | "Emphasis" | "Strikethrough" | {"Link": _} | {"Image": _}}:
            return True
    return isinstance(event, dict) and not {"Text", "Code", "InlineHtml"}.isdisjoint(event)


def _end_words(event: object) -> bool:
    match event:
        case {"End": "Strong" | "Emphasis" | "Strikethrough" | "Link" | "Image"}:
            return True
    return isinstance(event, dict) and not {"Text", "Code", "InlineHtml"}.isdisjoint(event)


def _escape(text: bytes, *, first: bool) -> bytes:
    """Backslashes before the markup of other dialects; before the first byte only where none stands yet."""

    def backslashes(found: re.Match[bytes]) -> bytes:
        escaped = b"".join(b"\\%c" % byte for byte in found[0])
        return escaped if first or found.start() > 0 else escaped[1:]

    return _OTHER_DIALECTS.sub(backslashes, text)

"""A context as the lines that were said: who, when and what, whatever labels an agent gave them."""

import html
import re
from dataclasses import dataclass, replace
from datetime import UTC, datetime

_QUOTES = str.maketrans({"‘": "'", "’": "'", "‚": "'", "´": "'", "“": '"', "”": '"', "„": '"'})
_BEFORE = re.compile(r"\s*(?:[-*•>]\s+)?(?:\[(?P<handle>\w{1,12})\]\s*)?")
_MOMENT = r"(?P<moment>\d{4}-\d\d-\d\d[ T]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z| ?UTC|[+-]\d\d:\d\d)?)"
_NAME = r"[^\s:,()\[\]]+(?: [^\s:,()\[\]]+){0,3}"
# "2026-01-31 09:30 Ann: ...", "[2026-01-31T09:30:00] Ann: ...", "2026-01-31 09:30: ..."
_DATE_FIRST = re.compile(rf"[(\[]?{_MOMENT}[)\]]?[,:]?\s*(?:(?P<author>{_NAME}): )?(?P<text>.*)", re.DOTALL)
# "Ann, 2026-01-31 09:30: ...", "Ann (2026-01-31 09:30): ..."
_NAME_FIRST = re.compile(rf"(?P<author>{_NAME})\s*[,(\[]?\s*{_MOMENT}[)\]]?:?\s*(?P<text>.*)", re.DOTALL)
_ROLE = re.compile(
    r"\W{0,2}(?P<author>user|human|person|me|tester|assistant|agent|ai|bot|model|remi)\W{0,2}:\s+(?P<text>.*)",
    re.DOTALL | re.IGNORECASE,
)
_AGENTS = frozenset({"assistant", "agent", "ai", "bot", "model", "remi", "you", "system"})
_SUPERSEDED = "(no longer holds) "


@dataclass(frozen=True, slots=True)
class Line:
    """Something said. `moment` is naive, in UTC where a label tells an offset; None if no label tells one."""

    text: str
    author: str = ""
    moment: datetime | None = None
    handle: str = ""
    begins: bool = True
    """Whether a message begins with it: it has a label, or none has."""

    @property
    def is_reply(self) -> bool:
        """Whether the agent said it."""
        return self.author.casefold() in _AGENTS

    @property
    def minute(self) -> datetime | None:
        return self.moment.replace(second=0, microsecond=0) if self.moment else None


def lines(context: str) -> list[Line]:
    """What people and the agent said, oldest first as far as labels tell, each message once.

    A line without a label has the author and the moment of the line before, and still is a line of its own.
    """
    read: list[Line] = []
    for written in plain(context).splitlines():
        line = _line(written)
        if line.moment is None and read:
            before = read[-1]
            author, handle = (line.author, "") if line.author else (before.author, before.handle)
            begins = bool(line.author) or not (before.author or before.moment)
            line = replace(line, author=author, moment=before.moment, handle=handle, begins=begins)
        if line.text:
            read.append(line)
    read.sort(key=lambda line: line.moment or datetime.min)
    return _once(read)


def plain(text: str) -> str:
    """Text with plain quotes, and without the entities that some definitions hold."""
    return html.unescape(text).translate(_QUOTES)


def _line(written: str) -> Line:
    before = _BEFORE.match(written)
    handle, rest = (before["handle"] or "", written[before.end() :]) if before else ("", written)
    labelled = _DATE_FIRST.fullmatch(rest) or _NAME_FIRST.fullmatch(rest)
    moment = _moment(labelled["moment"]) if labelled else None
    labelled = labelled if moment else _ROLE.fullmatch(rest)
    author, text = (labelled["author"] or "", labelled["text"]) if labelled else ("", rest)
    return Line(text.removeprefix(_SUPERSEDED).strip(), author, moment, handle)


def _moment(written: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(written.removesuffix("UTC").strip())
    except ValueError:
        return None
    return moment.astimezone(UTC).replace(tzinfo=None) if moment.tzinfo else moment


def _once(read: list[Line]) -> list[Line]:
    """Without lines that repeat one which has a handle: an agent may show a message in two places."""
    handled = {(line.text, line.minute) for line in read if line.handle}
    shown: set[tuple[str, str]] = set()
    kept: list[Line] = []
    for line in read:
        if not line.handle and (line.text, line.minute) in handled:
            continue
        if line.handle and (line.handle, line.text) in shown:
            continue
        shown.add((line.handle, line.text))
        kept.append(line)
    return kept

"""What the datasets' scorers share: reading replies as models really write them."""

import html
import json
import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Any

import yaml

from services.benchmark.definition import Definition, Exchange, Score

GRADED = 20_000
"""Characters of a reply that are graded; no fair answer is longer."""
ATTEMPTS = 50
_LENIENT = 5_000
"""Characters of a stretch in brackets that is not quite JSON, up to which it is read nevertheless."""

_ALIKE = str.maketrans({"‘": "'", "’": "'", "‚": "'", "´": "'", "“": '"', "”": '"', "„": '"'})
_OPENING = re.compile(r"[\[{]")
_DECODER = json.JSONDecoder()
_NUMBERS = (
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty",
)  # fmt: skip


def graded(definition: Definition, exchanges: Sequence[Exchange]) -> list[tuple[str, Any]]:
    """For each question the reply to it, empty where there is none, and what was expected."""
    replies = [each.reply for each in exchanges if each.said.is_question]
    replies += [""] * (len(definition.expected) - len(replies))
    return list(zip(replies, definition.expected, strict=False))


def total(points: Iterable[tuple[float, str]]) -> Score:
    """A point at most for each thing that was graded, with a line on it."""
    each = list(points)
    return Score(sum(point for point, _ in each), float(len(each)), tuple(note for _, note in each))


def plain(text: str) -> str:
    """Text without case, markup and typographer's quotes, its lines kept."""
    text = unicodedata.normalize("NFKC", html.unescape(text[:GRADED]))[:GRADED].translate(_ALIKE).casefold()
    return re.sub(r"[^\S\n]+", " ", re.sub(r"[*`#]+", "", text).replace("_", " ")).strip()


def words(text: str) -> list[str]:
    """The words of a text; what stands between letters and digits parts them, but for an apostrophe."""
    return re.findall(r"[^\W_]+(?:'[^\W_]+)*", plain(text))


def says(text: str, phrase: str) -> bool:
    """Whether these words stand in the text side by side, in any case and punctuation."""
    return bool(words(phrase)) and _spoken(phrase) in _spoken(text)


def _spoken(text: str) -> str:
    return f" {' '.join(words(text))} "


def final(reply: str) -> str:
    """What stands after the last "answer:", where a reply has one; else all of it."""
    return re.split(r"(?i)\banswer\W{0,4}(?::|\bis\b)", reply[:GRADED])[-1]


def closeness(phrase: str, text: str) -> float:
    """The largest share of the phrase's words, 0 to 1, that stand in its order in a stretch of its length."""
    wanted, said = words(phrase), words(text)
    if not wanted:
        return 0.0
    starts = range(max(1, len(said) - len(wanted) + 1))
    return max(_in_order(wanted, said[at : at + len(wanted)]) for at in starts) / len(wanted)


def _in_order(wanted: Sequence[str], said: Sequence[str]) -> int:
    """The length of their longest common subsequence."""
    before = [0] * (len(said) + 1)
    for word in wanted:
        row = [0]
        for place, other in enumerate(said):
            row.append(before[place] + 1 if word == other else max(row[place], before[place + 1]))
        before = row
    return before[-1]


def singular(word: str) -> str:
    """An English noun's singular, or something that its singular also becomes."""
    if word.endswith("ies") and len(word) > 4:
        return word[:-3] + "y"
    if word.endswith(("oes", "ches", "shes", "sses", "xes")):
        return word[:-2]
    return word[:-1] if word.endswith("s") and not word.endswith(("ss", "us", "is")) else word


def number(value: object) -> float | None:
    """A number, or the first one in a text, in digits or as a word up to twenty; None where there is none."""
    if isinstance(value, bool) or value is None:
        return None
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e15 else None
    text = plain(str(value))
    if found := re.search(r"\d+(?:,\d{3})*(?:\.\d+)?", text):
        return float(found[0].replace(",", ""))
    return next((float(_NUMBERS.index(word)) for word in words(text) if word in _NUMBERS), None)


class _Loader(yaml.BaseLoader):
    """YAML of texts, lists and objects without aliases: what is read is as large as it looks."""

    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("an alias")
        return super().compose_node(parent, index)


def values(reply: str) -> Iterator[Any]:
    """The JSON lists and objects in a reply, in order, between prose or in code fences.

    Single quotes, trailing commas and bare words, as models write them, are read as well. After ATTEMPTS
    brackets that open nothing the rest is left.
    """
    text, at, failed = reply[:GRADED].translate(_ALIKE), 0, 0
    while failed < ATTEMPTS and (opening := _OPENING.search(text, at)):
        at = opening.start()
        try:
            value, at = _DECODER.raw_decode(text, at)
        except (ValueError, RecursionError):
            value, at = _lenient(text, at)
        if isinstance(value, list | dict):
            yield value
        else:
            failed += 1


def _lenient(text: str, at: int) -> tuple[Any, int]:
    """What stands in the brackets that open here, and where to go on."""
    depth = 0
    for end in range(at, min(len(text), at + _LENIENT)):
        depth += (text[end] in "[{") - (text[end] in "]}")
        if not depth:
            try:
                return yaml.load(text[at : end + 1], _Loader), end + 1
            except (yaml.YAMLError, ValueError, RecursionError):
                break
    return None, at + 1


_SENTENCES = re.compile(
    r"(?<=\?)\s|[;\n()]|[.!](?!\d)|—|–| - |\b(?:but|although|though|while|whereas|however)\b"
    r"|\band\b(?=,? (?:now|currently|today|lately|later|most|more|finally|you|it|that|i)\b)"
)
_CLAUSES = re.compile(
    r",(?!\d)|\s(?=instead of\b|rather than\b|replacing\b)"
    r"|(?<!\bis)(?<!\bwas)(?<!\bare)(?<!\bwere)\s(?=not\b|no longer\b)"
)
_CHANGE = re.compile(r"\bfrom\b([^.;\n]{0,80}?)\b(?:to|into)\b")
_CHANGE_ON = re.compile(r"; now +(\S+(?: \S+)?) (?:to|into)\b")
_ARROW = re.compile(r"\b(\w+(?: \w+)?) ?(?:→|->)")
_DENIED = re.compile(
    r"\b(?:not|no(?! doubt| question| problem) \w+|no longer|never|\w+n't|instead of|rather than|replacing"
    r"|unlike|used to be|anymore|any more)\b"
)
_HOLDS = re.compile(
    r"\b(?:now|current|currently|latest|most recent|recently|today|these days|at the moment|final|finally"
    r"|last(?! (?:week|month|year|night))|(?:chang|switch|updat)ed (?:it |this |that )?to|as of)\b"
)
_HELD = re.compile(
    r"\b(?:was|were|had|previous|previously|former|formerly|earlier|original|originally|initial|initially"
    r"|first|once|before|old|past|ago)\b"
)
_SHORT = 3
"""Words of a clause that says nothing by itself: "previously", "then Brown", "and Cream"."""


class Standing(IntEnum):
    """How a clause puts what it names."""

    DENIED = 0
    PAST = 1
    SAID = 2
    NOW = 3


def clauses(reply: str) -> Iterator[tuple[str, Standing]]:
    """The clauses of a reply, in plain text, and how each puts what it names.

    Marks are words such as "not" and "instead of", "was" and "earlier", "now" and "changed to". A clause
    without a mark stands as the one before it in the sentence does, if either is SHORT; a denial does not go
    on.
    """
    text = _CHANGE.sub(r"; earlier \1; now ", _ARROW.sub(r"; earlier \1; now ", plain(reply)))
    while (further := _CHANGE_ON.sub(r"; earlier \1; now", text)) != text:
        text = further
    for sentence in _SENTENCES.split(text):
        standing, is_short = Standing.SAID, False
        for clause in filter(None, _CLAUSES.split(sentence or "")):
            was_short, is_short = is_short, len(words(clause)) <= _SHORT
            own = _standing(clause)
            if own is Standing.SAID and standing is not Standing.DENIED and (is_short or was_short):
                own = standing
            standing = own
            yield clause, standing


def _standing(clause: str) -> Standing:
    if _DENIED.search(clause):
        return Standing.DENIED
    if _HOLDS.search(clause):
        return Standing.NOW
    return Standing.PAST if _HELD.search(clause) else Standing.SAID


def stated(reply: str, candidates: Iterable[str]) -> set[str]:
    """Which of the candidates a reply says to hold.

    What is denied or asked does not count. What holds now goes before what is just said, and that before what
    is told of the past (`clauses`): so an old value may be named beside the new one.
    """
    phrases = {each: _spoken(each) for each in candidates}
    named: dict[Standing, set[str]] = {standing: set() for standing in Standing}
    for clause, standing in clauses(reply):
        if not clause.rstrip().endswith("?"):
            spoken = _spoken(clause)
            named[standing] |= longest({each for each, phrase in phrases.items() if phrase in spoken})
    return named[Standing.NOW] or named[Standing.SAID] or named[Standing.PAST]


def longest(named: set[str]) -> set[str]:
    """These, without what was named only as a part of something longer."""
    return {each for each in named if not any(each != other and says(other, each) for other in named)}

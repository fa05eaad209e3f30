"""What a note of the memory model has to stand up to before it is believed. No model, no I/O."""

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise

from services.assistant.domain import Memory, MemoryKind, Message, Role
from services.assistant.happens import Days, settled
from services.assistant.notes import Note, Operation
from services.assistant.quotes import find_quote
from services.assistant.words import stems, words


@dataclass(frozen=True, slots=True)
class Proven:
    """A note that stands. `quote` is the stretch as it really stands in the message, a person's.

    `target` is the memory it confirms, supersedes or retracts: one that was shown, and is the same person's.
    """

    op: Operation
    kind: MemoryKind
    text: str
    message: Message
    quote: str
    target: Memory | None = None
    days: Days | None = None
    replies: tuple[int, int] | None = None


def prove(
    notes: Sequence[Note],
    messages: Sequence[Message],
    shown: Mapping[str, Memory],
    owners: Mapping[str, object],
) -> tuple[list[Proven], Counter[str]]:
    """The notes that stand, and how many don't, by reason.

    `shown` are the memories that the model saw, by handle; `owners` says by handle whose words each rests on.
    """
    dropped: Counter[str] = Counter()
    proven = []
    for note in notes:
        found = _look(note, messages, shown, owners)
        if isinstance(found, str):
            dropped[found] += 1
        else:
            proven.append(found)
    return proven, dropped


def _look(
    note: Note, messages: Sequence[Message], shown: Mapping[str, Memory], owners: Mapping[str, object]
) -> Proven | str:
    if not 1 <= note.message <= len(messages):
        return "no_such_message"
    message = messages[note.message - 1]
    if message.role is not Role.PERSON:
        return "not_a_person"
    quote = find_quote(note.quote, own_words(message.text))
    if quote is None:
        return "quoted" if find_quote(note.quote, message.text) else "no_quote"
    quote = _told(quote)
    text = note.text.strip()
    if reason := _junk(note, text, quote, message):
        return reason
    handle = note.handle.strip().strip("[]")
    target = shown.get(handle)
    if target is not None and owners.get(handle) != message.person_id:
        target = None
    op = note.op
    if op is Operation.RETRACT:
        return (
            "nothing_to_retract"
            if target is None
            else Proven(op, target.kind, target.text, message, quote, target)
        )
    if op is Operation.ADD or target is None:
        op, target = Operation.ADD, None
    claimed = None if note.days is None else (note.days[0], note.days[1] + timedelta(days=1))
    days = settled(claimed, quote, message.sent_at, is_event=note.kind is MemoryKind.EVENT)
    if days is not None and note.kind is MemoryKind.EVENT:
        text = _dated(text, days)
    replies = note.replies if note.kind is MemoryKind.INSTRUCTION else None
    return Proven(op, note.kind, text, message, quote, target, days, replies)


_SAYING = 12
"""Least characters between quotation marks that are somebody's words; fewer are a name or a title."""
_FOREIGN = re.compile(
    r"""^\s*(?:```|~~~).*?(?:^\s*(?:```|~~~)|\Z)            # a fenced block
      | ^\s*>.*?$                                           # a quoted line
      | ^\s*[-_]{2,}\s*(?:original\ message|forwarded\ message|ursprüngliche\ nachricht)\b.*\Z
      | ^\s*(?:forwarded\ from|weitergeleitet\ von)\b.*\Z
      | ^[^\n]{1,120}\b(?:wrote|writes|schrieb|a\ écrit)\s*:\s*$.*\Z
      | (?<!\d)["“”„«] (?=[^\w"“”„«»\n]*\w)               # what stands between marks, of which 55" is none
        (?P<said>[^"“”„«»\n]*) ["”“»]
    """,
    re.IGNORECASE | re.VERBOSE | re.MULTILINE | re.DOTALL,
)


def own_words(text: str) -> str:
    """A message without what it quotes from somebody else, as far as can be told; the rest keeps its place.

    What is left out becomes a character that stands in no quote.
    """
    return _FOREIGN.sub(_left_out, text)


def _left_out(found: re.Match[str]) -> str:
    is_name = found["said"] is not None and len(found["said"]) < _SAYING
    return found.group() if is_name else "\x00" * len(found.group())


_SMALL_TALK = frozenset(
    [
        "hi",
        "hello",
        "hey",
        "thanks",
        "thank",
        "you",
        "ok",
        "okay",
        "yes",
        "no",
        "sure",
        "please",
        "bye",
        "good",
        "morning",
        "night",
        "evening",
        "great",
        "nice",
        "cool",
        "lol",
        "hallo",
        "danke",
        "bitte",
        "ja",
        "nein",
        "gut",
        "guten",
        "morgen",
        "abend",
        "tschüss",
        "super",
        "merci",
        "bonjour",
        "hola",
        "gracias",
    ]
)
_SECRET = re.compile(
    r"""\b(?:pass(?:word|wort|code|phrase)|kennwort|api[\s_-]?key|private\s+key|(?P<weak>pin|cvv|tan|secret|token))
        (?:\s+(?:for|of|to|von|für|zu|zum)\s+[^.!?\n]{1,30}?)?\s*(?::|=|\bis\b|\bist\b|\blautet\b)\s*
        (?(weak)\S*\d|\S)
      | -----BEGIN | \bAKIA[0-9A-Z]{16}\b | \b(?:sk|pk|ghp|gho|xox[abp])[-_][\w-]{16,}
      | \beyJ[\w-]{10,}\.[\w-]{10,}""",
    re.IGNORECASE | re.VERBOSE,
)
_TOKEN = re.compile(r"[A-Za-z0-9+/_=-]{20,}")
_CARD = re.compile(r"\b(?:\d[ -]?){13,19}\b")
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|\S+@\S+", re.IGNORECASE)


def is_secret(text: str) -> bool:
    """Whether a text seems to hold a password, a key or the number of a card."""
    if _SECRET.search(text):
        return True
    if any(_is_jumble(found.group()) for found in _TOKEN.finditer(text)):
        return True
    return any(_is_card(found.group()) for found in _CARD.finditer(text))


def _is_jumble(token: str) -> bool:
    """Letters and digits mixed, as in a key: a word or a number changes seldom between the two."""
    kinds = ["d" if each.isdigit() else "u" if each.isupper() else "l" for each in token if each.isalnum()]
    changes = sum(before != after for before, after in pairwise(kinds))
    return {"d", "l"} <= set(kinds) and changes >= len(kinds) // 4


def _is_card(text: str) -> bool:
    """Whether the check digit is right (Luhn)."""
    digits = [int(each) for each in reversed(text) if each.isdigit()]
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(doubled)) % 10 == 0


def _junk(note: Note, text: str, quote: str, message: Message) -> str:
    """Why a note isn't worth keeping; empty if it is."""
    if note.op is not Operation.RETRACT:
        if len(words(text)) < 2:
            return "too_little"
        if note.kind is not MemoryKind.INSTRUCTION and words(text)[:1] == ["remi"]:
            return "about_remi"
        scripts = {_script(quote), _script(message.text)} - {""}
        if scripts and _script(text) not in scripts:
            return "other_script"
    if "\x00" in text or "\x00" in quote:
        return "quoted"
    if _ASKS.search(quote) or _asked(quote, message.text):
        return "question"
    if set(words(quote)) <= _SMALL_TALK:
        return "small_talk"
    return "secret" if is_secret(text) or is_secret(quote) else ""


_SENTENCE = 3
"""Least words of a sentence that tells something."""
_ASKS = re.compile(r"[?？؟][\s\"'”’)]*\Z")
_FULL_STOP = re.compile(
    r"""(?<!\b\w)(?<!\b(?:mr|ms|dr|st|vs|jr|sr|nr|ca))(?<!\b(?:mrs|usw|bzw))(?<!\bprof) [.!…]+ (?=\s)
        (?!(?<=\d\.)\s+(?:jan|feb|m[aä]r|apr|ma[iy]|jun|jul|aug|sep|o[ck]t|nov|de[cz]))
      | [。！] | \n""",
    re.IGNORECASE | re.VERBOSE,
)
_PAUSE = re.compile(r"[.!?？。！؟\n,;:–—()…\u2600-\u27bf\U0001f000-\U0001faff]|\s-+\s")


def _told(quote: str) -> str:
    """The sentences of a quote before the question that it ends in; all of it, if they are but a "Wow!"."""
    ends = [found.end() for found in _FULL_STOP.finditer(quote)] if _ASKS.search(quote) else []
    told = quote[: ends[-1]].rstrip() if ends else ""
    return told if len(words(told)) >= _SENTENCE else quote


def _asked(quote: str, text: str) -> bool:
    """Whether what is said without a pause where a quote ends is a question, of which it is a mere piece."""
    quote = quote.rstrip()
    end = _PAUSE.search(text, text.find(quote) + len(quote) - 1)
    return end is not None and end.group() in "?？؟"


def _script(text: str) -> str:
    """The script that most letters of a text are of, addresses aside; those of East Asia count as one."""
    letters = (each for each in _ADDRESS.sub("", text) if each.isalpha())
    scripts = Counter(unicodedata.name(each, "?").split()[0].split("-")[0] for each in letters)
    if not scripts:
        return ""
    most = scripts.most_common(1)[0][0]
    return "CJK" if most in ("CJK", "HIRAGANA", "KATAKANA", "HANGUL") else most


def _dated(text: str, days: Days) -> str:
    """The text with its date, if it doesn't name it: so it is found by it, and seen."""
    first, last = days[0], days[1] - timedelta(days=1)
    if first.isoformat() in text:
        return text
    when = first.isoformat() if first == last else f"{first.isoformat()} – {last.isoformat()}"
    return f"{text} ({when})"


# -- The same in other words

_NEGATION = frozenset(
    [
        "no",
        "not",
        "never",
        "none",
        "nobody",
        "nothing",
        "nor",
        "without",
        "cannot",
        "isn",
        "aren",
        "wasn",
        "weren",
        "don",
        "doesn",
        "didn",
        "won",
        "wouldn",
        "can",
        "couldn",
        "shouldn",
        "hasn",
        "haven",
        "hadn",
        "longer",
        "stopped",
        "quit",
        "former",
        "formerly",
        "ex",
        "used",
        "nicht",
        "nie",
        "niemals",
        "kein",
        "keine",
        "keinen",
        "keiner",
        "ohne",
        "pas",
        "jamais",
        "plus",
        "sans",
        "non",
        "ni",
        "sin",
    ]
)
_TENSE = dict.fromkeys(
    ["was", "were", "had", "did", "lived", "worked", "war", "waren", "hatte", "hatten", "était", "avait"],
    "past",
) | dict.fromkeys(["will", "ll", "going", "wird", "werden", "werde", "sera"], "future")
_COUNTS = {
    "2": "two zwei deux dos",
    "3": "three drei trois tres",
    "4": "four vier quatre cuatro",
    "5": "five fünf cinq cinco",
    "6": "six sechs seis",
    "7": "seven sieben sept siete",
    "8": "eight acht huit ocho",
    "9": "nine neun neuf nueve",
    "10": "ten zehn dix diez",
    "11": "eleven elf onze",
    "12": "twelve zwölf douze doce",
    "15": "fifteen fünfzehn quinze quince",
    "20": "twenty zwanzig vingt veinte",
    "30": "thirty dreißig trente treinta",
    "40": "forty vierzig quarante cuarenta",
    "50": "fifty fünfzig cinquante cincuenta",
    "100": "hundred hundert cent cien",
}
_NUMBERS = {name: digits for digits, names in _COUNTS.items() for name in names.casefold().split()}
_SIDES = (
    "left right before after morning noon afternoon evening night north south east west brother sister mother"
    " father mum mom dad son daughter husband wife first second last daily weekly monthly yearly more less"
    " long short links rechts vor nach morgens mittags abends nachts norden süden osten westen bruder"
    " schwester mutter vater sohn tochter gauche droite avant après matin midi soir frère sœur mère père fils"
    " fille"
)
_OPPOSED = frozenset(_SIDES.split())
_ARTICLES = frozenset(
    ["a", "an", "the", "der", "die", "das", "ein", "eine", "le", "la", "les", "un", "une", "el", "los"]
)
_FILLERS = frozenset(stems("he she him his her hers who whom also still really very too called named"))
ALIKE = 0.95
"""Cosine of two texts that may say the same."""
RELATED = 0.4
"""Cosine, or share of words, of two texts that say the same if they also rest on the same quote."""


def reads_alike(one: str, other: str) -> bool:
    """Whether two texts have the same words, but for articles, case and punctuation."""
    return _content(one) == _content(other)


def may_mean_the_same(one: str, other: str) -> bool:
    """Whether two texts have in common what turns a meaning: negation, tense, numbers, sides, names."""
    if _turning(one) != _turning(other):
        return False
    return _names(one) <= set(words(other)) and _names(other) <= set(words(one))


def _content(text: str) -> list[str]:
    return [word for word in words(text) if word not in _ARTICLES]


def shared(one: str, other: str) -> float:
    """Of the words of two texts the share that both have."""
    mine, theirs = set(_content(one)), set(_content(other))
    return len(mine & theirs) / max(1, len(mine | theirs))


def names_only(quote: str, one: str, other: str) -> bool:
    """Whether a quote has words of one text that the other lacks."""
    return not set(stems(quote)).isdisjoint(set(stems(one)) - set(stems(other)))


def part_ways(one: str, other: str, quote: str) -> bool:
    """Whether each of two texts names what neither the other does nor the quote that both rest on."""
    mine, theirs = (set(stems(text)) - _FILLERS for text in (one, other))
    said = set(stems(quote))
    return bool(mine - theirs - said) and bool(theirs - mine - said)


def _turning(text: str) -> frozenset[str]:
    said = words(text)
    turned = {word for word in said if word in _NEGATION or word in _OPPOSED or any(map(str.isdigit, word))}
    return frozenset(turned | {means[word] for means in (_TENSE, _NUMBERS) for word in said if word in means})


def _names(text: str) -> set[str]:
    """What is spelled with a capital, but for the first word, which always is."""
    capitalised = (word for word in re.findall(r"[^\W_]+", text)[1:] if word[:1].isupper())
    return {name for word in capitalised for name in words(word)[:1]}

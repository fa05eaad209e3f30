"""The responder for want of a chat model: it answers by quoting what was said.

It picks the sentences that hold most of the question's words, rare ones counting more, as extractive methods
do since Luhn, "The Automatic Creation of Literature Abstracts" (1958), and says who said them, and when.
"""

import math
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from services.assistant.domain import Question, Role
from services.assistant.quotes import plain, quote
from services.assistant.words import stems

NAME = "offline"
NOTE = "I run without a language model: I keep what you tell me, and answer by quoting it."
NOTED = "Noted."
NOTHING = "I don't know: I remember nothing about that."
NEAREST = "I'm not sure. The nearest that I remember:"

_SENTENCE_END = re.compile(r"(?<=[.!?…؟।])[\"'”’)\]]*\s+|(?<=[。！？])|\s*\n\s*")
# A full stop behind one of these seldom ends a sentence.
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Hr|Fr|Sr|Sra|Mme|vs|approx)\.\Z")
# Question marks of the world's scripts; the Greek one looks like a semicolon.
_QUESTION_MARKS = frozenset("?？؟\u037e՞፧⁇⁈⁉‽⸮꘏᥅")
_FULL_STOPS = frozenset(".!。！।")
_ENDING = re.compile(r"\W*\Z")
# What a question begins with that has no question mark.
_ASKING = re.compile(
    r"(?:what|who|whom|whose|which|when|where|why|how"
    r"|(?:do|does|did|is|are|was|were|can|could|has|have|had|should)"
    r" (?:i|you|we|they|he|she|it|my|your|our|their|his|her|the|there|any\w*)"
    r"|wer|wen|wem|wann|warum|wieso|welche\w?|wie|wanneer|waar|waarom|hoe"
    r"|qui|quand|pourquoi|comment|combien|quel\w*|chi|dove|perché|quale|quem|quando|onde|qual"
    r"|qué|quién\w*|cuándo|dónde|cómo|cuál\w*|cuánt\w+|что|кто|где|когда|почему|сколько|как\w*)\b",
    re.IGNORECASE,
)
_ORDERING = re.compile(
    r"(?:please |can you |could you )?"
    r"(?:tell me|show me|give me|list|find|look up|summari[sz]e|"
    r"remind me (?:who|what|when|where|why|how|of|about))\b",
    re.IGNORECASE,
)
# Who asks like this means what they said themselves.
_MYSELF = re.compile(
    r"\b(?:i|my|me|mine|ich|mein\w*|je|mon|ma|mes|mi|mis|meu|minha|io|mio|mia|mijn)\b", re.IGNORECASE
)
# Words that questions to Remi are made of, beside the stop words.
_FILLER = frozenset(
    stems(
        "i me my mine you your yours we us our he him she her hers they it its about tell remind show give"
        " list find please know remember recall say said again ever just some any can could would should"
    )
)

_MOST_SENTENCES = 3
"""Sentences in a row that one quote may take in."""
_ANOTHER_SENTENCE = 0.1
_MYSELF_BONUS = 0.15
_EQUALLY_GOOD = 0.1
_FITTING = 0.5
"""Share of the question's words, by weight, that a quote must hold to answer it."""
_NEAR = 0.2
_NEAR_IN_MEANING = 0.35
"""Cosine of MiniLM's vectors, the only ones there are without an endpoint; strangers stay below 0.3."""
_SAME_MATTER = 0.4
"""Share of their words that two statements about one thing have in common."""
_MOST_QUOTES = 4
_QUOTE_LENGTH = 400
_END_LENGTH = 2000
"""Of a longer message only the two ends are read; a question stands there."""


@dataclass(frozen=True, slots=True)
class _Saying:
    """What somebody said, without what they asked. `handle` is empty if it was not recalled."""

    sentences: tuple[str, ...]
    author: str
    role: Role
    said_at: datetime
    handle: str = ""
    superseded: bool = False
    meaning: float = 0.0
    """How near recall found it to the question, as a cosine."""
    is_own: bool = False
    """Said by who asks, maybe under another name."""
    is_new: bool = False
    """Said in this very turn."""


@dataclass(frozen=True, slots=True)
class _Quote:
    text: str
    saying: _Saying
    score: float


def reply(question: Question) -> tuple[str, tuple[str, ...]]:
    """The text of the reply, and the handles of what it quotes."""
    told = [sentence for message in question.messages for sentence in _sentences(message.text)]
    asked = [sentence for sentence in told if is_question(sentence)]
    sayings = list(_sayings(question))
    text, quotes = _look_up(asked, sayings, question) if asked else _take_note(told, sayings, question)
    recent = question.recollection.recent
    if not any(message.role is Role.REMI and NOTE in message.text for message in recent):
        text = f"{text}\n\n{NOTE}"
    return text, tuple(dict.fromkeys(quote.saying.handle for quote in quotes if quote.saying.handle))


def is_question(sentence: str) -> bool:
    """Whether a sentence asks: by its mark, or by how it begins where no full stop ends it."""
    ending = _ENDING.search(sentence)
    marks = set(ending.group() if ending else "")
    if marks & _QUESTION_MARKS or _ORDERING.match(sentence):
        return True
    return not marks & _FULL_STOPS and _ASKING.match(sentence) is not None


def _look_up(
    asked: Sequence[str], sayings: Sequence[_Saying], question: Question
) -> tuple[str, Sequence[_Quote]]:
    """What answers the question: the newest first, since it overrides the older."""
    of_myself = any(_MYSELF.search(sentence) for sentence in asked)
    wanted = _words(" ".join(asked))
    ranked = _ranked(wanted, [saying for saying in sayings if saying.role is Role.PERSON], of_myself)
    if not ranked or ranked[0].score < _FITTING:
        ranked = _ranked(wanted, sayings, of_myself)
    if not ranked or ranked[0].score < _FITTING:
        nearest = max(ranked, key=lambda quote: quote.score + quote.saying.meaning, default=None)
        if nearest is None or (nearest.score < _NEAR and nearest.saying.meaning < _NEAR_IN_MEANING):
            return NOTHING, ()
        return f"{NEAREST}\n\n{_told(nearest, question)}", (nearest,)
    good = [quote for quote in ranked if quote.score >= ranked[0].score - _EQUALLY_GOOD]
    good.sort(key=lambda quote: (not quote.saying.superseded, quote.saying.said_at), reverse=True)
    first, *others = good[:_MOST_QUOTES]
    parts = [_told(first, question), *(_told(other, question, "Before that, on") for other in others)]
    return "\n\n".join(parts), (first, *others)


def _take_note(
    told: Sequence[str], sayings: Sequence[_Saying], question: Question
) -> tuple[str, Sequence[_Quote]]:
    """A line, with what the person said of the same matter before, so that they see what changed."""
    own = [saying for saying in sayings if saying.is_own and not saying.is_new]
    closest: _Quote | None = None
    for words in filter(None, map(_words, told)):
        for saying in own:
            for sentence in saying.sentences:
                before = _words(sentence)
                shared = len(words & before)
                likeness = shared / len(words | before) if shared > 1 else 0
                if likeness >= _SAME_MATTER and (closest is None or likeness > closest.score):
                    closest = _Quote(sentence, saying, likeness)
    if closest is None:
        return NOTED, ()
    if closest.score == 1:
        return f"{NOTED} You said so on {_date(closest, question)}, too.", (closest,)
    return f"{NOTED} {_told(closest, question, 'Before, on')}", (closest,)


def _sayings(question: Question) -> Iterator[_Saying]:
    """All that a quote may come from."""
    recollection = question.recollection
    shown = [item for item in recollection.recalled if item.shown]
    for item in shown:
        # A quote of a quote helps nobody.
        if item.role is Role.PERSON or "“" not in item.text:
            yield _Saying(
                _statements(item.text),
                item.author_name,
                item.role,
                item.said_at,
                item.handle,
                item.superseded,
                item.vector_score,
                question.is_own(item.role, item.author_name, item.space_id),
            )
    recalled = {item.message_id for item in shown}
    for message in recollection.recent:
        if message.role is Role.PERSON and message.message_id not in recalled:
            yield _Saying(
                _statements(message.text),
                message.author_name,
                message.role,
                message.sent_at,
                is_own=question.is_own(message.role, message.author_name),
            )
    for memory in recollection.instructions:
        author = memory.sources[0].author_name if memory.sources else ""
        yield _Saying(
            _statements(memory.text),
            author,
            Role.PERSON,
            memory.learned_at,
            is_own=question.is_own(Role.PERSON, author, memory.space_id),
        )
    for message in question.messages:
        statements = _statements(message.text)
        is_own = question.is_own(message.role, message.author_name)
        yield _Saying(
            statements, message.author_name, message.role, message.sent_at, is_own=is_own, is_new=True
        )


def _ranked(wanted: frozenset[str], sayings: Sequence[_Saying], of_myself: bool) -> list[_Quote]:
    """The best quote of each saying, best first; what was said again counts where it was said last."""
    counts = Counter(word for saying in sayings for sentence in saying.sentences for word in _words(sentence))
    total = sum(len(saying.sentences) for saying in sayings)
    weights = {word: math.log(1 + (total + 1) / (counts[word] + 0.5)) for word in wanted}
    most = sum(weights.values())
    best: dict[str, _Quote] = {}
    for saying in sorted(sayings, key=lambda saying: saying.said_at):
        quotes = [_Quote(" ".join(saying.sentences[:_MOST_SENTENCES]), saying, 0.0)]
        by_author = _words(saying.author)
        for span in _spans(saying.sentences):
            text = " ".join(span)
            held = sum(weights[word] for word in wanted & (_words(text) | by_author))
            if held:
                score = held / most - _ANOTHER_SENTENCE * (len(span) - 1)
                quotes.append(_Quote(text, saying, score + _MYSELF_BONUS * (of_myself and saying.is_own)))
        quote = max(quotes, key=lambda quote: quote.score)
        if quote.text:
            best[quote.text.casefold()] = quote
    return sorted(best.values(), key=lambda quote: quote.score, reverse=True)


def _spans(sentences: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(len(sentences)):
        for end in range(start + 1, min(start + _MOST_SENTENCES, len(sentences)) + 1):
            yield sentences[start:end]


def _sentences(text: str) -> list[str]:
    if len(text) > 2 * _END_LENGTH:
        text = f"{text[:_END_LENGTH]}\n{text[-_END_LENGTH:]}"
    sentences: list[str] = []
    for part in filter(None, map(str.strip, _SENTENCE_END.split(text))):
        if sentences and _ABBREVIATION.search(sentences[-1]):
            sentences[-1] = f"{sentences[-1]} {part}"
        else:
            sentences.append(part)
    return sentences


def _statements(text: str) -> tuple[str, ...]:
    return tuple(sentence for sentence in _sentences(text) if not is_question(sentence))


def _words(text: str) -> frozenset[str]:
    return frozenset(stems(text)) - _FILLER


def _told(told: _Quote, question: Question, on: str = "On") -> str:
    """Who said it, when, and in which words."""
    saying = told.saying
    text = quote(told.text, _QUOTE_LENGTH)
    if saying.is_new:
        return f"You just said: {text}"
    who = plain(saying.author, 64) or "somebody"
    if saying.role is Role.REMI:
        who = "I"
    elif saying.is_own:
        who = "you"
    comma = "," if on != "On" else ""
    since = " (This no longer holds.)" if saying.superseded else ""
    return f"{on} {_date(told, question)}{comma} {who} said: {text}{since}"


def _date(told: _Quote, question: Question) -> str:
    return f"{told.saying.said_at.astimezone(question.now.tzinfo):%Y-%m-%d}"

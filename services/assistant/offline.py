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
HELLO = (
    "Hello! Tell me what I should keep in mind, and ask me about it later. /help lists what else I can do."
)
ASK_ME = (
    "Ask me about something, and I quote what I remember of it. /memory shows what there is, and with some "
    "words searches in it; /help lists what else I can do."
)
NOT_ERASED = (
    "That erases and cancels nothing. /forget with some words erases, and asks first; /reminders cancels "
    "what I would remind you of."
)
_SAID_SO = "You said so on"

_SET_PHRASES = re.compile(
    "|".join(map(re.escape, (NOTE, NOTED, NOTHING, NEAREST, HELLO, ASK_ME, NOT_ERASED)))
    + rf"|{_SAID_SO} [\d-]+, too\."
)
_OFFLINE = re.compile(rf"{_SET_PHRASES.pattern}|said: “")
"""What every reply made here holds."""

_SENTENCE_END = re.compile(r"(?<=[.!?…؟।])[\"'”’)\]]*\s+|(?<=[。！？])|\s*\n\s*")
# A full stop behind one of these seldom ends a sentence.
_ABBREVIATION = re.compile(r"\b(?:[A-Z]|Dr|Mr|Mrs|Ms|Prof|St|No|Nr|Hr|Fr|Sr|Sra|Mme|vs|approx)\.\Z")
# Question marks of the world's scripts; the Greek one looks like a semicolon.
_QUESTION_MARKS = frozenset("?？؟\u037e՞፧⁇⁈⁉‽⸮꘏᥅")
_FULL_STOPS = frozenset(".!。！।")
_ENDING = re.compile(r"\W*\Z")
# What a question begins with that has no question mark.
_ASKING = re.compile(
    r"\A[¿¡\s]*(?:what|who|whom|whose|which|when|where|why|how"
    r"|(?:do|does|did|is|are|was|were|can|could|has|have|had|should)"
    r" (?:i|you|we|they|he|she|it|my|your|our|their|his|her|the|there|any\w*)"
    r"|wer|wen|wem|wann|wo|woher|wohin|warum|wieso|welche\w?|wie|wanneer|waar|waarom|hoe"
    r"|qui|où|quand|pourquoi|comment|combien|quel\w*|chi|dove|perché|quale|quem|quando|onde|qual"
    r"|qué|quién\w*|cuándo|dónde|cómo|cuál\w*|cuánt\w+|что|кто|где|когда|почему|сколько|как\w*)\b",
    re.IGNORECASE,
)
_POLITELY = (
    r"(?:(?:please|ok|okay|just|(?:can|could|would|will) you|i want you to|remi"
    r"|bitte|s['’]il (?:te|vous) pla[iî]t|por favor|per favore|пожалуйста)\b\W*)*"
)
_ORDERING = re.compile(
    rf"{_POLITELY}"
    r"(?:tell me|show me|give me|list|find|look up|summari[sz]e|"
    r"remind me (?:who|what|when|where|why|how|of|about))\b",
    re.IGNORECASE,
)
# Orders that talk does not obey, in some languages; "Vergiss nicht" is none of them.
_UNDOING = re.compile(
    rf"{_POLITELY}"
    r"(?:forget|delete|erase|cancel|vergiss|lösche?|storniere?|oublie[rz]?|efface[rz]?|supprime[rz]?|annule[rz]?"
    r"|olvida|borra|elimina|cancela|dimentica|cancella|annulla|esque[cç][ae]|apag[ae]|vergeet|verwijder|annuleer"
    r"|забудь|удали|сотри|отмени)\b(?!-|\W+(?:not|nicht|niet|pas)\b)",
    re.IGNORECASE,
)
_GREETING = re.compile(
    r"\A(?:\W*\b(?:hello|hi|hey|hiya|good (?:morning|afternoon|evening|day)|how are you(?: doing)?(?: today)?"
    r"|how(?: i|['’])s it going|how do you do|what['’]s up"
    r"|hallo|moin|servus|guten (?:morgen|tag|abend)|wie geht(?: e|['’])s(?: dir| ihnen)?"
    r"|bonjour|bonsoir|salut|(?:comment )?(?:ça va|vas-tu|allez-vous)"
    r"|hola|buenos días|buenas (?:tardes|noches)|qué tal|cómo estás?"
    r"|ciao|buongiorno|buonasera|come (?:stai|va)|olá|bom dia|boa (?:tarde|noite)|tudo bem"
    r"|hoi|goede(?:morgen|middag|navond)|hoe gaat het(?: met je)?|hej|cześć|merhaba"
    r"|привет|здравствуйте?|добр(?:ый день|ое утро|ый вечер)|как дела|مرحبا|नमस्ते|안녕(?:하세요)?"
    r"|こんにちは|こんばんは|おはよう(?:ございます)?|你好吗?|您好)(?!\w)"
    r"(?:\W+(?:there|again|all|every(?:one|body)|remi)\b)*)+\W*",
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
        " list find please know remember recall memory say said told again ever just some any anything"
        " everything all can could would should am"
    )
)
# What the stop words are in other languages: in a few sentences their rarity can't tell.
_FUNCTION_WORDS = frozenset(
    stems(
        "ich mich mir mein meine meinen meinem meiner du dich dir dein deine er sie es wir uns unser unsere"
        " ist sind bist der das dem ein eine einen einem einer"
        " je j mon ma mes tu te ta il elle nous notre est le la les l un une de du se qu"
        " yo mi mis tus el los las soy está io mio mia lo gli è si sono eu meu minha os um uma é"
        " ik mijn wij ons onze het een я мой моя моё моего мою мои меня мне мы наш наша"
    )
)
_HELP = frozenset(stems("help hilfe aide ayuda aiuto ajuda hulp помощь помоги"))

_MOST_SENTENCES = 3
"""Sentences in a row that one quote may take in."""
_ANOTHER_SENTENCE = 0.1
_MYSELF_BONUS = 0.15
_ORDER_MALUS = 0.2
"""An order to forget holds the words of what it is about, and seldom says more."""
_EQUALLY_GOOD = 0.1
_FITTING = 0.5
"""Share of the question's words, by weight, that a quote must hold to answer it; and more by their number."""
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
    fit: float
    """Share of the words, by weight, that it holds."""
    answers: bool = False
    bonus: float = 0.0
    """Ranks quotes alone: whose they are makes them answer no more of the question."""

    @property
    def score(self) -> float:
        return self.fit + self.bonus


def reply(question: Question) -> tuple[str, tuple[str, ...]]:
    """The text of the reply, and the handles of what it quotes."""
    text, quotes = _replied(question)
    recent = question.recollection.recent
    if not any(message.role is Role.REMI and _OFFLINE.search(message.text) for message in recent):
        text = f"{text}\n\n{NOTE}"
    return text, tuple(dict.fromkeys(quote.saying.handle for quote in quotes if quote.saying.handle))


def _replied(question: Question) -> tuple[str, Sequence[_Quote]]:
    said = [sentence for message in question.messages for sentence in _sentences(message.text)]
    told = [rest for sentence in said if (rest := _after_greeting(sentence))]
    if said and not told:
        return HELLO, ()
    words = _words(" ".join(told))
    if words and words <= _HELP:
        return ASK_ME, ()
    undoing = [sentence for sentence in told if _UNDOING.match(sentence)]
    others = [sentence for sentence in told if sentence not in undoing]
    if undoing and not others:
        return NOT_ERASED, ()
    asked = [sentence for sentence in others if is_question(sentence)]
    sayings = list(_sayings(question))
    text, quotes = _look_up(asked, sayings, question) if asked else _take_note(others, sayings, question)
    return f"{NOT_ERASED}\n\n{text}" if undoing else text, quotes


def beside_set_phrases(text: str) -> str:
    """What else a saying of Remi's holds than what is said here to anybody; empty for nothing else."""
    return _SET_PHRASES.sub("", text).strip()


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
    matter = " ".join(_ASKING.sub("", sentence) for sentence in asked)
    words = _words(matter)
    if not words and stems(matter):
        return ASK_ME, ()
    wanted = words - _FUNCTION_WORDS or words
    ranked = _ranked(wanted, [saying for saying in sayings if saying.role is Role.PERSON], of_myself)
    if not any(quote.answers for quote in ranked):
        ranked = _ranked(wanted, sayings, of_myself)
    answers = [quote for quote in ranked if quote.answers]
    if not answers:
        nearest = max(ranked, key=lambda quote: quote.score + quote.saying.meaning, default=None)
        if nearest is None or (nearest.fit < _NEAR and nearest.saying.meaning < _NEAR_IN_MEANING):
            return NOTHING, ()
        return f"{NEAREST}\n\n{_told(nearest, question)}", (nearest,)
    good = [quote for quote in answers if quote.score >= answers[0].score - _EQUALLY_GOOD]
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
        return f"{NOTED} {_SAID_SO} {_date(closest, question)}, too.", (closest,)
    return f"{NOTED} {_told(closest, question, 'Before, on')}", (closest,)


def _sayings(question: Question) -> Iterator[_Saying]:
    """All that a quote may come from."""
    recollection = question.recollection
    shown = [item for item in recollection.recalled if item.shown]
    for item in shown:
        # A quote of a quote helps nobody.
        if item.role is Role.PERSON or "“" not in item.text:
            yield _Saying(
                _statements(item.text if item.role is Role.PERSON else beside_set_phrases(item.text)),
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
            held = wanted & (_words(text) | by_author)
            if held:
                share = sum(weights[word] for word in held) / most
                fit = share - _ANOTHER_SENTENCE * (len(span) - 1)
                answers = fit >= _FITTING and len(held) / len(wanted) > _FITTING
                bonus = _MYSELF_BONUS * (of_myself and saying.is_own) - _ORDER_MALUS * _is_bare_order(text)
                quotes.append(_Quote(text, saying, fit, answers, bonus))
        quote = max(quotes, key=lambda quote: quote.score)
        if quote.text:
            best[quote.text.casefold()] = quote
    return sorted(best.values(), key=lambda quote: quote.score, reverse=True)


def _is_bare_order(text: str) -> bool:
    """Whether it orders to forget and no more; behind a comma may stand what holds instead."""
    return "," not in text and _UNDOING.match(text) is not None


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
    return tuple(
        sentence
        for sentence in _sentences(text)
        if (rest := _after_greeting(sentence)) and not is_question(rest)
    )


def _after_greeting(sentence: str) -> str:
    return _GREETING.sub("", sentence)


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

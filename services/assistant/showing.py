"""How what Remi remembers looks in a message to people. CommonMark; what people said stays plain in it."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from services.assistant import offline
from services.assistant.domain import TEAM_SPACE, GroupKeeps, Memory, MemoryKind, Message, Recalled
from services.assistant.explain import Explanation, Line
from services.assistant.quotes import plain, quote

_NAMES = {
    MemoryKind.INSTRUCTION: "What I keep to",
    MemoryKind.PROFILE: "Profile",
    MemoryKind.FACT: "Fact",
    MemoryKind.EVENT: "Event",
}

QUOTES = 5
"""Most lines shown of what is to be forgotten."""
RESTED_ON = 10
"""Most lines shown of what an answer rests on."""
CAME_UP = 5
"""Most lines shown of what else it was shown."""
LENGTH = 160
"""Characters shown of each of these."""
CUT = 3
"""Most lines shown of what did not fit."""


GROUP_NOTICE = (
    "(I remember here: what is said to me and what I answer, word for word, and what I learn from it. "
    "Everybody in this group can ask me about it, nobody elsewhere. /forget erases, /private on leaves your "
    "own messages out, and admins may let me listen to all of the talk with /listen on.)"
)
"""Said once in each group."""


def introduction(name: str, keeps_here: GroupKeeps | None) -> str:
    """Who Remi is, what it keeps, who sees it, and how that is undone; no `keeps_here` in a direct talk."""
    hello = (
        f"Hello {plain(name, 40)}! I am Remi, an assistant with a long-term memory. Talk to me as to a "
        "colleague: you never have to tell me anything twice. I can show what each of my answers rested on."
    )
    if keeps_here is None:
        keeps = (
            "I keep what you say to me here and what I answer, word for word, and what I learn from it. "
            "I use it only when you talk to me directly: no group and no other person gets to see it."
        )
    else:
        keeps = (
            f"{what_is_kept(keeps_here)} Everybody here can ask me about it. What anybody tells me directly "
            "is never shown here."
        )
    undo = (
        "/memory shows what I know, /why what my last answer rested on, and /forget with some words erases "
        "for good. /help lists all I can do."
    )
    return f"{hello}\n\n{keeps}\n\n{undo}"


def what_is_kept(here: GroupKeeps) -> str:
    """What Remi keeps in a group, as somebody there is told."""
    if here.listens:
        kept = (
            "I keep all that is said in this group and what I answer, word for word, and what I learn from "
            "it, also what isn't said to me."
        )
    else:
        kept = (
            "I keep what is said to me in this group and what I answer, word for word, and what I learn from "
            "it; the rest of your talk I don't keep."
        )
    return f"{kept} Of what you say here I keep nothing, as you wished." if here.leaves_out else kept


def count(number: int, one: str, several: str = "") -> str:
    """ "1 message", "1,200 messages"."""
    return f"{number:,} {one if number == 1 else several or one + 's'}"


def said(message: Message, now: datetime, length: int = 120) -> str:
    """A line of a list; dates are those of `now`'s zone, here and below."""
    return f"{_date(message.sent_at, now)}, {plain(message.author_name, 40)}: {quote(message.text, length)}"


def learned(memory: Memory, now: datetime) -> str:
    names = dict.fromkeys(plain(source.author_name, 40) for source in memory.sources)
    team = ["team"] if memory.space_id == TEAM_SPACE else []
    sure = [] if memory.kind is MemoryKind.INSTRUCTION else [f"{memory.details.confidence:.0%} sure"]
    old = ["no longer holds"] if memory.superseded_at else []
    about = [_date(memory.last_said, now), *names, *team, *sure, *old]
    return f"{plain(memory.text, 300)} *({', '.join(about)})*"


def card(memory: Memory, now: datetime, past: Sequence[Memory] = ()) -> str:
    """All that is known of a memory, with the words that it came from, and what held before it."""
    details = memory.details
    about = [_NAMES[memory.kind]]
    if memory.space_id == TEAM_SPACE:
        about.append("shared with the team")
    if memory.kind is not MemoryKind.INSTRUCTION:
        about.append(f"{details.confidence:.0%} sure")
    about.append(f"learned on {_date(memory.learned_at, now)}")
    if details.confirmed_at:
        about.append(f"last said again on {_date(details.confirmed_at, now)}")
    if details.days:
        first, last = details.days[0], details.days[1] - timedelta(days=1)
        about.append(f"on {first}" if first == last else f"from {first} to {last}")
    if details.replies:
        about.append(f"for my replies {details.replies[0]} to {details.replies[1]} after it")
    if memory.superseded_at:
        about.append(f"it no longer holds since {_date(memory.superseded_at, now)}")
    sources = [
        f"- {_moment(source.sent_at, now)}, {plain(source.author_name, 40)}: {quote(source.quote, 300)}"
        for source in memory.sources
    ]
    parts = [
        f"**{plain(memory.text, 1000)}**",
        f"{'; '.join(about)}.",
        f"Where I have it from:\n\n{some(sources)}",
    ]
    if past:
        lines = [f"- until {_date(each.superseded_at or now, now)}: {plain(each.text, 300)}" for each in past]
        parts.append(f"Before that:\n\n{some(lines)}")
    return "\n\n".join(parts)


def recalled(line: Recalled, now: datetime, length: int = 300) -> str:
    old = "; no longer holds" if line.superseded else ""
    author = f", {plain(line.author_name, 40)}" if line.author_name else ""
    return f"{_date(line.said_at, now)}{author}{old}: {quote(line.text, length)}"


def explanation(explained: Explanation, now: datetime, prices: tuple[float, float] | None = None) -> str:
    """What an answer rested on, and cost; `prices` are those of a million tokens read and written."""
    trace = explained.trace
    cost = ""
    if trace.prompt_tokens or trace.completion_tokens:
        cost = f", for {trace.prompt_tokens:,} tokens read and {trace.completion_tokens:,} written"
        if prices is not None:
            price = (trace.prompt_tokens * prices[0] + trace.completion_tokens * prices[1]) / 1_000_000
            cost += f", which cost {price:.6f}".rstrip("0").rstrip(".")
    model = "without a language model" if trace.model == offline.NAME else f"with {plain(trace.model)}"
    answer = quote(trace.answer, 80) if trace.answer else "this"
    parts = [f"I answered {answer} on {_date(trace.answered_at, now)} {model}{cost}."]
    always = tuple(line for line in explained.lines if line.reference.standing)
    recent = tuple(line for line in explained.lines if line.reference.recent)
    shown = [line for line in explained.lines if line.reference.shown and line not in (*always, *recent)]
    if always:
        parts.append(
            "\n".join(["What I always keep in mind:", "", *(_rested_on(line, now) for line in always)])
        )
    cited = [line for line in shown if line.reference.cited]
    others = [line for line in shown if not line.reference.cited]
    if cited:
        lines = some([_rested_on(line, now) for line in cited], RESTED_ON)
        parts.append(f"It rests on:\n\n{lines}")
    if others:
        lines = some([_rested_on(line, now) for line in others], CAME_UP)
        also = "What else I was shown" if cited else "What I was shown"
        parts.append(f"{also} from memory for it, best first:\n\n{lines}")
    if not shown:
        parts.append("I was shown nothing from memory for it.")
    if recent:
        lines = some([_rested_on(line, now) for line in recent])
        parts.append(f"And what was said here just before:\n\n{lines}")
    shown_or_kept = (*always, *recent, *shown)
    if cut := [line for line in explained.lines if line not in shown_or_kept]:
        lines = some([_rested_on(line, now) for line in cut], CUT)
        parts.append(f"{count(len(cut), 'line')} more came up and did not fit:\n\n{lines}")
    return "\n\n".join(parts)


def some(lines: Sequence[str], most: int = QUOTES, total: int = 0) -> str:
    """At most so many lines of a list, and how many more there are (of `total`, where that is larger)."""
    left = max(len(lines), total) - most
    return "\n".join([*lines[:most], *([f"- and {left:,} more"] if left > 0 else [])])


def _rested_on(line: Line, now: datetime) -> str:
    what = recalled(line.found, now, LENGTH) if line.found else "forgotten since"
    if line.reference.standing or line.reference.recent:
        return f"- {what}"
    ref = line.reference
    near = f"{ref.score:.2f} (meaning {ref.vector_score:.2f}, words {ref.word_score:.2f})"
    return f"- `{ref.handle}` {near}: {what}{_from(line.found, now) if line.found else ''}"


def _from(found: Recalled, now: datetime) -> str:
    """Of a memory that says it in other words: those it came from."""
    if not found.sources or found.sources[-1].quote == found.text:
        return ""
    source = found.sources[-1]
    return f", from {_moment(source.sent_at, now)}: {quote(source.quote)}"


def _date(moment: datetime, now: datetime) -> str:
    return f"{moment.astimezone(now.tzinfo):%Y-%m-%d}"


def _moment(moment: datetime, now: datetime) -> str:
    return f"{moment.astimezone(now.tzinfo):%Y-%m-%d %H:%M}"

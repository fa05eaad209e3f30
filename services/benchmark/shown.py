"""What of a test's messages a context shows: evidence recall and stale share, without any answer."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC
from statistics import fmean

from services.benchmark.evidence import Hit, found
from services.benchmark.reading.lines import Line, lines, plain
from services.benchmark.runs import Asked, Logged, Outcome, Run

_OF_A_MESSAGE = 20
"""Characters from which a line that stands in a message is taken for a part of it."""


@dataclass(frozen=True, slots=True)
class Shown:
    """Of one question; shares from 0 to 1."""

    evidence: float
    """Of the messages that the answer needs, those in the context."""
    stale: float | None
    """Of the messages that held before and no longer do, those in the context; None where there are none."""
    tokens: int


@dataclass(frozen=True, slots=True)
class Recall:
    """Means over questions whose contexts are known."""

    questions: int
    evidence: float
    whole: float
    """Questions all of whose evidence was there."""
    stale: float | None
    tokens: float


def shown(run: Run, test: Outcome, asked: Asked) -> Shown | None:
    """What the context of a question shows; None if it isn't known, or if the question needs no message."""
    context = run.context(asked)
    if context is None or not asked.evidence:
        return None
    said = lines(context)
    there = {place for place, logged in enumerate(test.log) if _stands(logged, said)}
    stale = _share(asked.stale, there) if asked.stale else None
    return Shown(_share(asked.evidence, there), stale, asked.context_tokens or 0)


def recall(questions: Iterable[Shown | None]) -> Recall | None:
    """The means; None where there is nothing to take them of."""
    known = [each for each in questions if each is not None]
    if not known:
        return None
    stale = [each.stale for each in known if each.stale is not None]
    return Recall(
        len(known),
        fmean(each.evidence for each in known),
        fmean(each.evidence == 1 for each in known),
        fmean(stale) if stale else None,
        fmean(each.tokens for each in known),
    )


def _share(wanted: Sequence[int], there: set[int]) -> float:
    return fmean(place in there for place in wanted)


def _stands(logged: Logged, said: Sequence[Line]) -> bool:
    """Whether lines of the message's minute, or of none, show enough of it (`evidence.found`)."""
    text = plain(logged.text).strip()
    wholes = {each.strip() for each in text.splitlines()}
    at = logged.said_at.astimezone(UTC).replace(tzinfo=None, second=0, microsecond=0)
    hits = [
        Hit(line.text, 0, logged.text, start, start + len(line.text))
        for line in said
        if line.minute in (None, at) and not line.is_reply
        if len(line.text) >= _OF_A_MESSAGE or line.text in wholes
        if (start := text.find(line.text)) >= 0
    ]
    return bool(found(hits, {logged.text: text}))

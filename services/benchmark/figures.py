"""The figures of `recall`, per kind and overall, as a table or as JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, quantiles

from services.benchmark.evidence import found, share
from services.benchmark.recall import Asked, Measured

APART = frozenset({"adversarial", "event_ordering", "summarization"})
"""Kinds that ask for what isn't there, or for more than a budget holds: shown, but not in the total."""
FIRST = (5, 10, 20)


@dataclass(frozen=True, slots=True)
class Figures:
    """Shares from 0 to 1, each a mean over the questions."""

    questions: int
    at: Mapping[int, float]
    """Of the evidence, within so many first hits."""
    all_at_10: float
    """Questions whose whole evidence is within the first ten hits."""
    within: Mapping[int, float]
    """Of the evidence, within so many tokens."""
    answers_within: Mapping[int, float]
    """The same of the evidence that stands in an assistant's answers; empty where none does."""
    tokens: Mapping[int, float]
    """Mean tokens that a prompt would spend on memory, by budget."""


@dataclass(frozen=True, slots=True)
class Report:
    kinds: Mapping[str, Figures]
    total: Figures | None
    """All kinds but those of APART; None if there are no others."""
    p50: float
    p95: float
    """Seconds of a search."""
    messages: int
    ingested_in: float
    """Seconds for all messages."""


def report(measured: Sequence[Measured], budgets: Sequence[int]) -> Report:
    """What was measured, in figures. Questions without evidence are left out."""
    questions = [_scored(each, asked) for each in measured for asked in each.asked if asked.question.evidence]
    kinds = sorted({each.kind for each in questions})
    counted = [each for each in questions if each.kind not in APART]
    seconds = sorted(second for each in measured for asked in each.asked for second in asked.seconds)
    cuts = quantiles(seconds, n=20, method="inclusive") if len(seconds) > 1 else [0.0] * 19
    return Report(
        {kind: _figures([each for each in questions if each.kind == kind], budgets) for kind in kinds},
        _figures(counted, budgets) if counted else None,
        cuts[9],
        cuts[18],
        sum(len(each.conversation.messages) for each in measured),
        sum(each.ingested_in for each in measured),
    )


@dataclass(frozen=True, slots=True)
class _Scored:
    """Of one question: shares of its evidence, as in Figures."""

    kind: str
    at: Mapping[int, float]
    within: Mapping[int, float]
    answers_within: Mapping[int, float]
    tokens: Mapping[int, int]


def _scored(measured: Measured, asked: Asked) -> _Scored:
    texts = {message.id: message.text for message in measured.conversation.messages}
    answered = {message.id for message in measured.conversation.messages if message.role == "assistant"}
    evidence = asked.question.evidence
    in_answers = [each for each in evidence if each in answered]
    within = {budget: found(hits, texts) for budget, hits in asked.within.items()}
    return _Scored(
        asked.question.kind,
        {count: share(evidence, found(asked.first[:count], texts)) for count in FIRST},
        {budget: share(evidence, shown) for budget, shown in within.items()},
        {budget: share(in_answers, shown) for budget, shown in within.items()} if in_answers else {},
        asked.tokens,
    )


def _figures(questions: Sequence[_Scored], budgets: Sequence[int]) -> Figures:
    in_answers = [each for each in questions if each.answers_within]
    return Figures(
        len(questions),
        {count: fmean(each.at[count] for each in questions) for count in FIRST},
        fmean(each.at[10] == 1 for each in questions),
        {budget: fmean(each.within[budget] for each in questions) for budget in budgets},
        {budget: fmean(each.answers_within[budget] for each in in_answers) for budget in budgets}
        if in_answers
        else {},
        {budget: fmean(each.tokens[budget] for each in questions) for budget in budgets},
    )

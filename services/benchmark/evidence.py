"""How much of what a question needs came back."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

ENOUGH = 300
"""Characters of a message that count as the message, however long it is."""


@dataclass(frozen=True, slots=True)
class Hit:
    """Something that came back: a stretch [start, end) of a message, or a memory with its sources' quotes."""

    text: str
    tokens: int
    message_id: str = ""
    start: int = 0
    end: int = 0
    quotes: tuple[tuple[str, str], ...] = ()
    """Of a memory: the ids of its source messages, each with the quote."""


def found(hits: Iterable[Hit], texts: Mapping[str, str]) -> set[str]:
    """The messages that these hits show: by stretches of half their characters or ENOUGH of them.

    A memory shows a source by a quote of that length which stands in the memory's own text. `texts` are all
    messages by id.
    """
    shown: dict[str, set[int]] = {}
    for hit in hits:
        if hit.message_id:
            shown.setdefault(hit.message_id, set()).update(range(hit.start, hit.end))
        for message_id, quote in hit.quotes:
            at = texts.get(message_id, "").find(quote)
            if at >= 0 and quote in hit.text:
                shown.setdefault(message_id, set()).update(range(at, at + len(quote)))
    return {
        message_id
        for message_id, characters in shown.items()
        if message_id in texts and len(characters) >= _needed(texts[message_id])
    }


def share(evidence: Sequence[str], among: set[str]) -> float:
    """How much of the evidence is there, 0 to 1."""
    return sum(each in among for each in evidence) / len(evidence)


def _needed(text: str) -> int:
    return max(1, min(ENOUGH, -(-len(text) // 2)))

"""BM25 over the talk so far.

Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), with
k1 = 1.2 and b = 0.75.
"""

import math
import re
from collections import Counter, defaultdict

K1 = 1.2
B = 0.75
MOST_WORDS = 32
"""Of a long message the rarest words are looked up."""

_WORD = re.compile(r"\w+")


class Index:
    """Texts by the order in which they were added, from 0."""

    def __init__(self) -> None:
        self._postings: dict[str, list[tuple[int, int]]] = defaultdict(list)
        self._lengths: list[int] = []
        self._total = 0

    def add(self, text: str) -> None:
        words = _WORD.findall(text.lower())
        for word, count in Counter(words).items():
            self._postings[word].append((len(self._lengths), count))
        self._lengths.append(len(words))
        self._total += len(words)

    def ranked(self, query: str) -> list[int]:
        """The texts that share words with the query, best first; of equal ones the newer."""
        found = {word for word in _WORD.findall(query.lower()) if word in self._postings}
        scores: dict[int, float] = defaultdict(float)
        for word in sorted(found, key=lambda word: (len(self._postings[word]), word))[:MOST_WORDS]:
            holding = self._postings[word]
            weight = math.log(1 + (len(self._lengths) - len(holding) + 0.5) / (len(holding) + 0.5))
            for text, count in holding:
                length = self._lengths[text] * len(self._lengths) / self._total
                scores[text] += weight * count * (K1 + 1) / (count + K1 * (1 - B + B * length))
        return sorted(scores, key=lambda text: (-scores[text], -text))

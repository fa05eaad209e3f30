"""The words of a text, as recall compares them: folded, stemmed, weighted, hashed under a key of their space.

The weights are BM25's (Robertson and Zaragoza, "The Probabilistic Relevance Framework", 2009), split in two:
what a word weighs in a text stands in the index, what it weighs in a space (its idf) comes with the question.
"""

import hashlib
import hmac
import re
import unicodedata
from collections.abc import Iterable, Mapping
from functools import lru_cache
from uuid import UUID

import snowballstemmer

DIMENSIONS = 1_000_000_000
"""A hashed word is a number from 1 to this; so far apart, two words of a space hardly ever meet."""
MOST_TERMS = 300
"""What fits the covering index at 8 bytes a term; the lightest go."""

_WORD = re.compile(r"[^\W_]+")
# Scripts that set no blanks between words: there every two characters are a word.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff"
_PIECE = re.compile(f"(?P<unspaced>[{_UNSPACED}]+)|[^{_UNSPACED}]+")
_LONGEST = 40
# Words that stand in every text. Other languages' fall by their idf, but a small space can't tell yet.
_ENGLISH = (
    "a an and are as at be been by did do does for from had has have how in is it its of on or s so t than"
    " that the their them then there they this to was were what when where which who why will with would"
)
_STOP = frozenset(_ENGLISH.split())
_SATURATION = 1.2
_LENGTH_SHARE = 0.5
_USUAL_LENGTH = 25


def stems(text: str) -> list[str]:
    """The words of a text, in order, stop words left out.

    English suffixes are cut off every word. In another language that joins some, in texts and questions
    alike.
    """
    return [_stem(word) for word in words(text) if word not in _STOP]


def words(text: str) -> list[str]:
    """The words of a text, folded, in order; where no blanks stand between them, every two characters."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return [word for run in _WORD.findall(folded) for word in _split(run)]


def _split(run: str) -> Iterable[str]:
    if run.isascii():
        yield run[:_LONGEST]
        return
    for piece in _PIECE.finditer(run):
        text = piece.group()
        if piece["unspaced"]:
            yield from (text[at : at + 2] for at in range(max(1, len(text) - 1)))
        else:
            yield text[:_LONGEST]


@lru_cache(maxsize=50_000)
def _stem(word: str) -> str:
    # A stemmer keeps the word it works on in itself, so threads could not share one.
    return str(snowballstemmer.stemmer("english").stemWord(word))


def weigh(
    own: Mapping[str, int], beside: Iterable[Mapping[str, int]] = (), share: float = 0.0
) -> dict[str, float]:
    """BM25 weight of every word of a text, where words of the texts `beside` it count `share` each."""
    counts: dict[str, float] = dict(own)
    for neighbour in beside:
        for word, count in neighbour.items():
            counts[word] = counts.get(word, 0) + share * count
    length = sum(counts.values())
    drag = _SATURATION * (1 - _LENGTH_SHARE + _LENGTH_SHARE * length / _USUAL_LENGTH)
    weights = {word: count * (_SATURATION + 1) / (count + drag) for word, count in counts.items()}
    if len(weights) <= MOST_TERMS:
        return weights
    return dict(sorted(weights.items(), key=lambda item: -item[1])[:MOST_TERMS])


def space_key(secret: bytes, space_id: UUID) -> bytes:
    """The key of a space's hashes: the same word has another number in another space."""
    return hmac.digest(secret, b"words" + space_id.bytes, "sha256")


def dimension(key: bytes, word: str) -> int:
    """The number of a word, 1 to DIMENSIONS; nobody without the key can tell the word from it."""
    digest = hashlib.blake2b(word.encode(), key=key, digest_size=8).digest()
    return int.from_bytes(digest, "big") % DIMENSIONS + 1

"""Names in a question. Who is present says "I" and is called "you", so a name leads astray: what is near in
meaning to "When did Anna see a doctor?" is whatever says "Anna".
"""

import re
import unicodedata
from collections.abc import Callable

from services.assistant.words import stems

_RUN = re.compile(r"\S+")
_POSSESSIVE = re.compile(r"['’]s$", re.IGNORECASE)
_SOMEBODY = "someone"


def capitalised(text: str) -> set[str]:
    """The words of a text that may be names: with a capital, or of a script that has none."""
    return {text[starts:ends] for starts, ends in _spans(text)}


def without(text: str, is_name: Callable[[str], bool]) -> str:
    """The text with "someone" for every word that is a name; for several in a row, once."""
    pieces: list[str] = []
    done = 0
    for starts, ends in _spans(text):
        if not is_name(text[starts:ends]):
            continue
        between = text[done:starts]
        if not (pieces and between.isspace()):
            pieces += [between, _SOMEBODY]
        done = ends
    return "".join([*pieces, text[done:]])


def _spans(text: str) -> list[tuple[int, int]]:
    """Where words stand that may be names, without the marks around them and without a possessive."""
    return [
        (starts, ends)
        for run in _RUN.finditer(text)
        for starts, ends in [_bare(run.group(), run.start())]
        if ends - starts > 1 and not text[starts].islower() and stems(text[starts:ends])
    ]


def _bare(run: str, at: int) -> tuple[int, int]:
    starts, ends = 0, len(run)
    while starts < ends and not _is_of_word(run[starts]):
        starts += 1
    while ends > starts and not _is_of_word(run[ends - 1]):
        ends -= 1
    possessive = _POSSESSIVE.search(run[starts:ends])
    return at + starts, at + ends - (len(possessive.group()) if possessive else 0)


def _is_of_word(character: str) -> bool:
    # Marks belong to the letter before them: in many scripts they are its vowel.
    return character.isalnum() or unicodedata.category(character).startswith("M")

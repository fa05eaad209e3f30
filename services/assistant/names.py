"""Names in a question. Who is present says "I" and is called "you", so a name leads astray: what is near in
meaning to "When did Anna see a doctor?" is whatever says "Anna".
"""

import re
from collections.abc import Callable

from services.assistant.words import stems

_WORD = re.compile(r"[^\W\d_][^\W_]+")
_SOMEBODY = "someone"


def capitalised(text: str) -> set[str]:
    """The words of a text that may be names: with a capital, or of a script that has none."""
    return {word for word in _WORD.findall(text) if not word[0].islower() and stems(word)}


def without(text: str, is_name: Callable[[str], bool]) -> str:
    """The text with "someone" for every word that is a name; for several in a row, once."""
    names = "|".join(sorted(map(re.escape, filter(is_name, capitalised(text))), key=len, reverse=True))
    return re.sub(rf"\b(?:{names})\b(?:\s+(?:{names})\b)*", _SOMEBODY, text) if names else text

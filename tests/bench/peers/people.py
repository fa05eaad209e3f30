"""People with memories: as many as their class has, each made by its number alone, the same in every run."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

LEAST = 40
"""Memories of anybody, however small the run: twice what a search brings up."""
_WORDS = 4_000
_OWN_WORDS = 200
"""People speak of their own matters half of the time."""
_ASKED = 4
"""Words of a memory that a question names."""

_BEGINNINGS = ("b", "br", "d", "f", "g", "gl", "h", "k", "l", "m", "n", "p", "pr", "r", "s", "t", "tr", "v")
_VOWELS = ("a", "e", "i", "o", "u")
_FORMS = (
    "I told {} that the {} {} by the {} has a {} {}, {} and {}",
    "On the way to {} we saw {} and {}, who sold {} {} for a {} {} and {}",
    "My {} {} keeps {} in the {} since {} gave {} the {} and {}",
    "When {} comes, {} wants {} {} with {}, but {} only if {} and {}",
)


@dataclass(frozen=True, slots=True)
class Size:
    """A class of people by how much each has to remember."""

    memories: int
    people: int

    def names(self) -> list[str]:
        return [f"{self.memories}-{number}" for number in range(self.people)]


SIZES = (Size(100, 100), Size(1_000, 10), Size(10_000, 1), Size(50_000, 1))


def sizes(scale: float) -> tuple[Size, ...]:
    """The classes, with so many times the memories each; those that would be alike only once."""
    scaled = {max(LEAST, round(size.memories * scale)): size.people for size in reversed(SIZES)}
    return tuple(Size(memories, people) for memories, people in reversed(scaled.items()))


def says(person: str, number: int) -> str:
    """What a person said, one sentence that nobody else says."""
    chance = random.Random(f"{person} {number}")
    form = chance.choice(_FORMS)
    words = [_word(person, chance) for _ in range(form.count("{}"))]
    return f"{form.format(*words)} {person.replace('-', 'x')}n{number}."


def asks(person: str, number: int) -> str:
    """A question about that, in some of its words."""
    said = [word.strip(",.") for word in says(person, number).split()[:-1]]
    own = sorted({word for word in said if word in _vocabulary_set()})
    named = random.Random(f"ask {person} {number}").sample(own, min(_ASKED, len(own)))
    return f"What did I say about {', '.join(named[:-1])} and {named[-1]}?"


def _word(person: str, chance: random.Random) -> str:
    words = _own(person) if chance.random() < 0.5 else _vocabulary()
    # Word frequencies fall with their rank, as in any language.
    return words[int(len(words) ** chance.random()) - 1]


@cache
def _vocabulary() -> Sequence[str]:
    chance = random.Random("words")
    words: dict[str, None] = {}
    while len(words) < _WORDS:
        syllables = chance.randint(2, 4)
        words["".join(chance.choice(_BEGINNINGS) + chance.choice(_VOWELS) for _ in range(syllables))] = None
    return tuple(words)


@cache
def _vocabulary_set() -> frozenset[str]:
    return frozenset(_vocabulary())


@cache
def _own(person: str) -> Sequence[str]:
    return random.Random(f"own {person}").sample(_vocabulary(), _OWN_WORDS)

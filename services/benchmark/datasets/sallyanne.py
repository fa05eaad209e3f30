"""A play in which somebody may not see that a thing is moved: where will they look for it?

Stories of the kind of ToMi (Le, Boureau and Nickel, 2019), by a generator of our own.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from random import Random

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import graded, values, words
from services.benchmark.scripts import in_order, needs, one_of, spread, told
from services.errors import SettingsError

PEOPLE = (
    "Aurel",
    "Birgit",
    "Casper",
    "Dagny",
    "Enzo",
    "Freya",
    "Gustav",
    "Helga",
    "Ivo",
    "Jutta",
    "Kasimir",
    "Lotte",
)
ROOMS = ("kitchen", "cellar", "garage", "library", "nursery", "pavilion", "studio", "veranda")
CONTAINERS = ("barrel", "cabinet", "casket", "hamper", "jug", "locker", "satchel", "sack", "trunk", "vase")
THINGS = ("apricot", "brooch", "candle", "compass", "flute", "glove", "medal", "scarf", "whistle", "yo-yo")
TASTES = ("marzipan", "thunderstorms", "opera", "radishes", "chess", "garlic")
INTRODUCTION = (
    "I am watching a play on television and will tell you what goes on, bit by bit. When it is over, I will "
    "ask you about it."
)
EVENT = "(In the play) {event}"
ENTERS = "{person} comes into the {room}."
LEAVES = "{person} leaves the {room}."
LIES = "The {thing} lies in the {container}."
MOVES = "{person} puts the {thing} into the {container}."
TASTE = "{person} can't stand {taste}."
LOOKS = "Where will {person} look for the {thing} first?"
BELIEVES = "Where does {person} think that {other} will look for the {thing} first?"
NOW = "Where is the {thing} now?"
BEGINNING = "Where was the {thing} at first?"
QUESTION = (
    "The play is over. {question} Name only what it is kept in, in one word, as JSON of this form: "
    '{{"answer": "word"}}'
)
TYPES = ("theory_of_mind", "world_model", "any")
ARGUMENTS: Arguments = {"question_type": "any"}


@dataclass(slots=True)
class _Play:
    """What goes on, and who knows of it."""

    thing: str
    place: str
    present: list[str]
    room: str
    events: list[str] = field(default_factory=list)
    seen: dict[str, str] = field(default_factory=dict)
    """Where each person last saw the thing."""
    shared: dict[tuple[str, str], str] = field(default_factory=dict)
    """Where the first last saw it together with the second."""

    def put(self, container: str) -> None:
        self.place = container
        for person in self.present:
            self.seen[person] = container
            self.shared |= {(person, other): container for other in self.present if other != person}

    def move(self, person: str, container: str) -> None:
        self.events.append(MOVES.format(person=person, thing=self.thing, container=container))
        self.put(container)

    def leave(self, person: str) -> None:
        self.present.remove(person)
        self.events.append(LEAVES.format(person=person, room=self.room))


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """A play with a question of `question_type`: theory_of_mind, world_model, or any of the two."""
    asked = one_of(arguments, ARGUMENTS, "question_type", TYPES)
    asked = random.choice(TYPES[:2]) if asked == "any" else asked
    people, rooms = random.sample(PEOPLE, 3), random.sample(ROOMS, 2)
    first, second, third = random.sample(CONTAINERS, 3)
    play = _Play(random.choice(THINGS), first, people[: random.choice((2, 3))], rooms[0])
    play.events += [ENTERS.format(person=person, room=play.room) for person in play.present]
    play.events.append(LIES.format(thing=play.thing, container=first))
    play.put(first)
    away = random.choice(play.present)
    for step in random.choice(
        (("leave", "move"), ("move", "leave"), ("leave", "move", "move"), ("move", "leave", "move"))
    ):
        if step == "leave":
            play.leave(away)
        else:
            mover = random.choice([each for each in play.present if each != away])
            play.move(mover, next(each for each in (second, third, first) if each != play.place))
    play.events.append(ENTERS.format(person=away, room=rooms[1]))
    play.events.insert(
        random.randint(1, len(play.events) - 1),
        TASTE.format(person=random.choice(people), taste=random.choice(TASTES)),
    )
    question, answer = _question(random, play, asked, away, first)
    lines = [Said(INTRODUCTION), *(Said(EVENT.format(event=event)) for event in play.events)]
    script = spread(lines, [Said(QUESTION.format(question=question), True)])
    return define(number, script, [answer])


def _question(random: Random, play: _Play, asked: str, away: str, first: str) -> tuple[str, str]:
    if asked == "world_model":
        if random.random() < 0.5:
            return NOW.format(thing=play.thing), play.place
        return BEGINNING.format(thing=play.thing), first
    other = random.choice(play.present)
    if random.random() < 0.5:
        person = random.choice((away, other))
        return LOOKS.format(person=person, thing=play.thing), play.seen[person]
    person, other = random.choice(((away, other), (other, away)))
    return BELIEVES.format(person=person, other=other, thing=play.thing), play.shared[person, other]


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: one word. Needed is what speaks of the thing or people asked for, but for their tastes."""
    match expected:
        case [str(word)]:
            pass
        case _:
            raise SettingsError("expected_responses: must hold one word")
    asked = next((said.text for said in script if said.is_question), "")
    sentence = re.search(r"Where [^?]*\?", asked)
    needs(sentence is not None, "script", "must hold a question that begins with Where")
    key_words = set(words(sentence[0] if sentence else "")) - _PLAIN
    places = tuple(
        place
        for place in told(script)[1:]
        if key_words & set(words(script[place].text)) and not _TASTES.search(script[place].text)
    )
    needs(bool(places), "script", "does not tell what the question is about")
    return Definition("sallyanne", number, script, (word,), (places,), ((),))


_PLAIN = frozenset(
    words("where will does did do is are was were look looks looking for the that think thinks first now")
)
_TASTES = re.compile(r"\b(?:dislikes?|likes?|loves?|hates?|can't stand)\b")


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the reply holds a JSON object whose `answer` is the word, the last such object counting.

    The object may stand in prose or in a code fence; case and an article before the word are free.
    """
    ((reply, expected),) = graded(definition, exchanges)
    answers = [value["answer"] for value in values(reply) if isinstance(value, dict) and "answer" in value]
    if not answers:
        return Score(0, 1, ('no JSON object with "answer"',))
    given = words(str(answers[-1]))
    right = given[given[:1] in (["the"], ["a"], ["an"]) :] == words(expected)
    return Score(float(right), 1, (f"expected {expected}, said {answers[-1]}",))


DATASET = Dataset(
    "sallyanne",
    "a play told bit by bit; asked where somebody will look for a thing",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="Forget that play.",
)

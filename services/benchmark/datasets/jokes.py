"""Jokes told at different times: which was it, so and so long ago?"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import graded, says, singular, words
from services.benchmark.scripts import needs, spread, told, whole
from services.errors import SettingsError

JOKES = (
    "My clock was so hungry that it went back four seconds.",
    "The potatoes overheard my plan, because their eyes are everywhere, and the corn was all ears.",
    "Our librarian slipped in the aisle. She landed in non-fiction.",
    "I gave up my job at the calendar factory after they caught me taking a day off.",
    "Never trust a staircase. It is always up to something.",
    "The scarecrow got a prize for being outstanding in his field.",
    "My pillow and I have broken up. It could not support me.",
    "Two antennas got married on our roof. The ceremony was dull, but the reception was great.",
    "The math book came to the doctor with too many problems.",
    "I bought a boat because it was for sail.",
    "My belt was arrested for holding up a pair of pants.",
    "The skeleton stayed at home, as he had no body to dance with.",
    "A mushroom walks into a pub. Of course they let him in, he is a fun guy.",
    "I used to be a baker, until I could not make enough dough.",
    "The bicycle fell over at noon. It was two-tired.",
    "My electric toothbrush quit. It says I brushed it off.",
    "The coffee called the police, as somebody had mugged it.",
    "An elephant never uses the computer, for fear of the mouse.",
    "I named my horse Mayo. Mayo neighs.",
    "The gardener quit when her celery was too low.",
)
QUESTION = "About {ago} ago I told you a joke. Which one was it?"
ARGUMENTS: Arguments = {"jokes_told": 3, "minutes_low": 30, "minutes_high": 240, "joke_prefix": 0}
PREFIX = "Here is a joke: "
ENOUGH = 0.5
_COMMON = frozenset(
    words(
        "a about ago all an and are as at be been by can could did do does for from had has have he her him "
        "his how i in into is it its joke just me my no not of off on one or our out over she so some "
        "someone something that the their them then there they this to too told up us was we were what when "
        "where which who will with would you your"
    )
)


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`jokes_told` jokes, each `minutes_low` to `minutes_high` before what comes next.

    With `joke_prefix` 1 each is announced as a joke.
    """
    low = whole(arguments, ARGUMENTS, "minutes_low", 5, 1_000)
    high = whole(arguments, ARGUMENTS, "minutes_high", low, 10_000)
    prefix = PREFIX if whole(arguments, ARGUMENTS, "joke_prefix", 0, 1) else ""
    jokes = random.sample(JOKES, whole(arguments, ARGUMENTS, "jokes_told", 1, len(JOKES)))
    script = tuple(
        replace(said, wait=replace(said.wait, seconds=60 * random.randint(low, high)))
        for said in spread([Said(f"{prefix}{joke}") for joke in jokes], [])
    )
    return define(number, script, [random.choice(jokes)])


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the joke that will be asked for. The question is not in the script: it tells the time."""
    match expected:
        case [str(joke)]:
            pass
        case _:
            raise SettingsError("expected_responses: must hold one joke")
    needs(len(told(script)) == len(script), "is_question", "the question is asked after the script")
    places = tuple(place for place in told(script) if says(script[place].text, joke))
    needs(len(places) == 1, "script", "the expected joke is not told, or more than once")
    return Definition("jokes", number, script, (joke,), (places,), ((),))


def next_said(definition: Definition, exchanges: Sequence[Exchange], now: datetime) -> Said | None:
    """The jokes, then how long ago the one in question was told."""
    if len(exchanges) < len(definition.script):
        return definition.script[len(exchanges)]
    if len(exchanges) > len(definition.script):
        return None
    ((place,),) = definition.evidence
    return Said(QUESTION.format(ago=_ago(now - exchanges[place].said_at)), True)


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the reply recounts the joke that was asked for, and no other of the test.

    A joke is recounted by ENOUGH of the words that no other joke of the test has, common words left out; so
    "the one about the two antennas getting married" will do.
    """
    ((reply, expected),) = graded(definition, exchanges)
    jokes = {said.text: _keys(said.text) for said in definition.script}
    said_words = _keys(reply)
    recounted = []
    for joke, keys in jokes.items():
        own = keys - set[str]().union(*(other for text, other in jokes.items() if text != joke)) or keys
        if len(own & said_words) >= ENOUGH * len(own):
            recounted.append(joke)
    right = len(recounted) == 1 and says(recounted[0], expected)
    return Score(float(right), 1, (f"expected: {expected}", *(f"recounted: {joke}" for joke in recounted)))


def _keys(text: str) -> set[str]:
    return {singular(word) for word in words(text) if word not in _COMMON}


def _ago(elapsed: timedelta) -> str:
    minutes = round(elapsed.total_seconds() / 60)
    hours, days = minutes // 60 % 24, minutes // 1440
    counts = ((days, "day"), (hours, "hour"), (minutes % 60, "minute"))
    parts = [f"{count} {unit}{'' if count == 1 else 's'}" for count, unit in counts if count]
    return " and ".join(part for part in (", ".join(parts[:-1]), *parts[-1:]) if part) or "a moment"


DATASET = Dataset(
    "jokes",
    "jokes told at different times; one is asked for by how long ago it was told",
    ARGUMENTS,
    generate,
    define,
    next_said,
    score,
    reset="Forget the jokes that I have told you so far.",
)

"""A saying to be appended to the reply after so and so many, whatever is asked meanwhile."""

from collections.abc import Sequence
from dataclasses import replace
from random import Random

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score, Wait
from services.benchmark.grading import closeness, graded
from services.benchmark.scripts import in_order, needs, spread, told
from services.errors import SettingsError

SAYINGS = (
    ("Ottilie Brandt", "A borrowed umbrella remembers every storm."),
    ("Marek Solin", "Whoever counts the waves has not yet learned to swim."),
    ("Philippa Thorne", "The shortest road is the one on which you sing."),
    ("Ansel Okoro", "Even the moon needs a dark night to be seen."),
    ("Giulia Ferrante", "A door that is never closed forgets that it is a door."),
    ("Tobias Winther", "Patience is only haste that has learned to read a clock."),
    ("Noor Haddad", "Plant your questions deep, for answers grow slowly."),
    ("Eleanor Pryce", "The ladder does not care which way you climb."),
    ("Rasmus Lind", "He who polishes the bell should not complain of the noise."),
    ("Iris Valdane", "Small lanterns find what great fires frighten away."),
)
TOLD = "Here is a saying that I like, it is by {author}: '{saying}'"
QUESTION = (
    "Please put the saying by {author} at the end of your reply number {number}, whatever I write to you by "
    "then. Start counting now: your reply to this message is number 1."
)
AFTERWARDS = 2
"""Replies after that one which must not repeat the saying."""
CLOSE = 0.9
ARGUMENTS: Arguments = {}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """One saying, due with the third to seventh reply."""
    author, saying = random.choice(SAYINGS)
    due = random.randint(3, 7)
    asked = Said(QUESTION.format(author=author, number=due), True)
    return define(
        number, spread([Said(TOLD.format(author=author, saying=saying))], [asked]), [[saying, author, due]]
    )


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: saying, author and the number of the reply; the one to the request has number 1."""
    match expected:
        case [[str(saying), str(author), int(due)]] if due > 0:
            pass
        case _:
            raise SettingsError("expected_responses: must hold a quote, its author and the number of a reply")
    needs(len(told(script)) == len(script) - 1, "is_question", "must hold one question, the last")
    places = tuple(place for place in told(script) if closeness(saying, script[place].text) >= CLOSE)
    needs(bool(places), "script", "the quote is not told")
    until_then = replace(script[-1], wait=Wait(replies=due - 1 + AFTERWARDS))
    return Definition(
        "prospective_memory", number, (*script[:-1], until_then), ((saying, author, due),), (places,), ((),)
    )


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the saying stands in the reply with that number, and neither before nor just afterwards.

    Replies to all messages count, whoever's; graded are those from the request to AFTERWARDS replies after
    the right one. The saying is there if CLOSE of its words are, in their order (`closeness`). Where in the
    reply, and whether the author is named, is free.
    """
    ((_, (saying, _, due)),) = graded(definition, exchanges)
    asked = next((each.position for each in exchanges if each.said.is_question), None)
    replies = [each.reply for each in run if asked is not None and each.position >= asked]
    held = [
        number
        for number, reply in enumerate(replies[: due + AFTERWARDS], 1)
        if closeness(saying, reply) >= CLOSE
    ]
    said = f"with reply {', '.join(map(str, held))}" if held else "with none"
    return Score(float(held == [due]), 1, (f"expected with reply {due}, said {said}",))


DATASET = Dataset(
    "prospective_memory",
    "a saying to be put at the end of the reply after so and so many",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="There is no saying any more that you have to put at the end of a reply.",
)

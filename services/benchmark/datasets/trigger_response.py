"""A sentence to be said whenever the user does something in particular."""

from collections.abc import Sequence
from random import Random

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import closeness, graded, total
from services.benchmark.scripts import in_order, needs, spread, told, whole

CLOSE = 0.75
SETUP = "From now on, each time I {request}, your reply has to contain this sentence: '{response}'"
TRIGGERS = (
    ("tell you that it rains", "Your umbrella hangs behind the door", "It is raining cats and dogs here."),
    ("cannot find my keys", "Have a look in the blue bowl", "My keys are nowhere to be found again."),
    ("say that I am bored", "The piano is waiting for you", "I am so bored right now."),
    ("ask what there is for dinner", "Whoever asks does the dishes", "So what is for dinner?"),
    ("complain about the traffic", "A bicycle is never stuck", "The traffic on my way home was terrible."),
    ("wish you a good night", "Set the alarm before you sleep", "Good night!"),
    ("cough", "A spoonful of honey helps", "Cough, cough!"),
    ("boast about my chess", "The masters tremble already", "I won at chess again, I am really good at it!"),
    ("mention the neighbour's dog", "That dog deserves a medal", "The dog next door barked all day."),
    ("want to skip training", "Ten minutes are better than none", "I think I will skip training today."),
)
"""What the user may do, what is to be said then, and the user doing it."""
ARGUMENTS: Arguments = {"trigger_activations": 3}


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """One trigger, pulled `trigger_activations` times."""
    activations = whole(arguments, ARGUMENTS, "trigger_activations", 1, 50)
    request, response, trigger = random.choice(TRIGGERS)
    lines = [Said(SETUP.format(request=request, response=response)), *[Said(trigger, True)] * activations]
    return define(number, spread(lines[:-1], lines[-1:]), [response] * activations)


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the sentence, once for each time the trigger is pulled."""
    responses = tuple(str(each) for each in expected)
    asked = len(script) - len(told(script))
    needs(0 < len(responses) == asked, "expected_responses", "must hold one sentence for each question")
    needs(bool(told(script)), "script", "nothing is to be done whenever something happens")
    places = tuple(told(script))
    return Definition("trigger_response", number, script, responses, (places,) * asked, ((),) * asked)


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """A point for each time the sentence was said: somewhere in the reply, in any case and punctuation.

    More than CLOSE of its words in their order, in a stretch as long as the sentence, will do (`closeness`);
    GoodAI's threshold for ROUGE-L is the same.
    """
    return total(_graded(reply, sentence) for reply, sentence in graded(definition, exchanges))


def _graded(reply: str, sentence: str) -> tuple[float, str]:
    close = closeness(sentence, reply)
    return float(close > CLOSE), f"expected '{sentence}', {close:.0%} of it was said"


DATASET = Dataset(
    "trigger_response",
    "a sentence to be said whenever the user does something in particular",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="There is no sentence any more that you have to say whenever I do something.",
)

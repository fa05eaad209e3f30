"""Questions with one right answer among several: what the datasets share that ask so."""

from collections.abc import Sequence

from services.benchmark.definition import Definition, Exchange, Said, Score
from services.benchmark.grading import final, graded, says, stated, total
from services.benchmark.scripts import needs, told
from services.errors import SettingsError


def define(
    dataset: str,
    number: int,
    script: tuple[Said, ...],
    expected: Sequence[object],
    *,
    newest_counts: bool = False,
) -> Definition:
    """A definition of this dataset. `expected`: for each question the answer, or the answer and a list of
    others.

    Without a list the answers to the other questions are the others. An answer needs the last message that
    tells it; if the newest counts, earlier messages that tell one of the others are stale.
    """
    pairs = tuple(_pair(each, expected) for each in expected)
    asked = len(script) - len(told(script))
    needs(0 < len(pairs) == asked, "expected_responses", "must hold an answer for each question")
    evidence, stale = [], []
    for answer, others in pairs:
        places = [place for place in told(script) if says(script[place].text, answer)]
        needs(bool(places), "script", f"{answer!r} is not told")
        evidence.append((places[-1],))
        earlier = told(script)[: told(script).index(places[-1])] if newest_counts else []
        stale.append(tuple(at for at in earlier if any(says(script[at].text, other) for other in others)))
    return Definition(dataset, number, script, pairs, tuple(evidence), tuple(stale))


def _pair(each: object, expected: Sequence[object]) -> tuple[str, tuple[str, ...]]:
    match each:
        case str(answer):
            return answer, tuple(str(other) for other in expected if other != answer)
        case [str(answer), [*others]]:
            return answer, tuple(map(str, others))
    raise SettingsError(
        f"expected_responses: {each!r} is neither an answer nor an answer with a list of others"
    )


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """A point for each question whose reply says the answer to hold, and none of the others (`stated`).

    Others that the question itself names may be named. Where a reply has "Answer:", what follows counts.
    """
    questions = [each.said.text for each in exchanges if each.said.is_question]
    questions += [""] * (len(definition.expected) - len(questions))
    return total(
        _graded(question, reply, *pair)
        for question, (reply, pair) in zip(questions, graded(definition, exchanges), strict=True)
    )


def _graded(question: str, reply: str, answer: str, others: Sequence[str]) -> tuple[float, str]:
    rivals = {other.casefold() for other in others if not says(question, other)}
    named = stated(final(reply), rivals | {answer.casefold()})
    return float(
        named == {answer.casefold()}
    ), f"expected {answer}, said {', '.join(sorted(named)) or 'none'}"

"""What holds for any example of any dataset, whatever its seed and its arguments."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exam import example, expected, take
from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Definition

Strategies = Mapping[str, st.SearchStrategy[object]]

ARGUMENTS: Mapping[str, Strategies] = {
    "colours": {"colour_changes": st.integers(1, 43)},
    "conflicting_personal_information": {"facts": st.integers(4, 8), "conflicts": st.integers(0, 4)},
    "delayed_recall": {"facts": st.integers(1, 48)},
    "how_to_think": {"rules": st.integers(1, 6), "questions": st.integers(1, 5)},
    "instruction_recall": {"steps": st.integers(2, 10), "questions": st.integers(1, 4)},
    "jokes": {
        "jokes_told": st.integers(1, 20),
        "minutes_low": st.integers(5, 100),
        "joke_prefix": st.integers(0, 1),
    },
    "key_value": {"num_kv_pairs": st.integers(6, 150), "nested_levels": st.integers(0, 5)},
    "locations": {"known_locations": st.integers(2, 12)},
    "locations_directions": {"known_locations": st.integers(2, 16)},
    "name_list": {"name_changes": st.integers(1, 48)},
    "names": {"name_changes": st.integers(1, 48)},
    "prospective_memory": {},
    "restaurant": {},
    "sallyanne": {"question_type": st.sampled_from(("any", "theory_of_mind", "world_model"))},
    "shopping": {"item_changes": st.integers(1, 100)},
    "spy_meeting": {},
    "trigger_response": {"trigger_activations": st.integers(1, 10)},
}
OF_OUR_OWN = sorted(set(DATASETS) - {"chapterbreak"})


@pytest.mark.parametrize("dataset", OF_OUR_OWN)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(), data=st.data())
def test_equal_seeds_make_equal_examples(dataset: str, seed: int, data: st.DataObject) -> None:
    arguments = data.draw(st.fixed_dictionaries({}, optional=dict(ARGUMENTS[dataset])))
    test = example(dataset, seed, **arguments)
    assert test == example(dataset, seed, **arguments)
    hash(test)
    questions = len(test.expected)
    assert (len(test.evidence), len(test.stale)) == (questions, questions)
    for places in (*test.evidence, *test.stale):
        assert all(not test.script[place].is_question for place in places)
    assert all(not set(needed) & set(stale) for needed, stale in zip(test.evidence, test.stale, strict=True))
    shares = [said.wait.share for said in test.script if said.wait.share]
    assert shares == sorted(shares)
    assert all(0 < share <= 0.9001 for share in shares)


@pytest.mark.parametrize("dataset", OF_OUR_OWN)
@settings(deadline=None, max_examples=25)
@given(seed=st.integers(), data=st.data())
def test_a_perfect_answer_earns_all_points_and_an_empty_one_none(
    dataset: str, seed: int, data: st.DataObject
) -> None:
    test = example(dataset, seed, **data.draw(st.fixed_dictionaries({}, optional=dict(ARGUMENTS[dataset]))))
    score, exchanges = take(test, lambda asked, said, before: _perfect(test, asked), _later(test))
    assert score.points == pytest.approx(score.most)
    assert exchanges[-1].said.is_question
    score, _ = take(test, lambda asked, said, before: "", ("",) * 10)
    assert score.points == 0


HOSTILE = (
    "a",
    "[{",
    "[",
    '[{"item": "x", "quantity": 1}, ',
    "1 km east ",
    "from red to ",
    "red -> ",
    "not red ",
    "\ufdfa",
)


@pytest.mark.parametrize("dataset", OF_OUR_OWN)
@settings(deadline=None, max_examples=25)
@given(
    reply=st.text(max_size=300) | st.sampled_from(HOSTILE).map(lambda text: text * 600), seed=st.integers()
)
def test_any_reply_is_graded(dataset: str, reply: str, seed: int) -> None:
    score, _ = take(example(dataset, seed), lambda asked, said, before: reply, (reply,) * 10)
    assert 0 <= score.points <= score.most
    assert score.notes


def _perfect(test: Definition, asked: int) -> str:
    """What an agent that knows all replies to a question."""
    answer: Any = dict(enumerate(test.expected)).get(asked)
    match test.dataset:
        case "conflicting_personal_information" | "delayed_recall" | "instruction_recall":
            return f"You told me that it is {answer[0]}."
        case "how_to_think":
            return f"I went through it as you taught me.\n\nAnswer: {answer[0]}"
        case "jokes":
            return f"It was this one: {answer}"
        case "locations":
            return f"It is {answer[0]:g} km to the {answer[1]}."
        case "locations_directions":
            return "\n".join(f"From the {a}, go {count} km {way} to the {b}." for a, count, way, b in answer)
        case "name_list":
            return f"These are your names: {json.dumps(answer)}"
        case "prospective_memory":
            return "All right, I will."
        case "restaurant":
            return EVENING[asked]
        case "sallyanne":
            return json.dumps({"answer": answer})
        case "shopping":
            return json.dumps([{"item": item, "quantity": quantity} for item, quantity in answer])
        case "spy_meeting":
            return f"These are the parts of the plan: {'; '.join(meanings[0] for meanings in answer)}."
        case "trigger_response":
            return f"{answer}! How are you?"
    return f"It is {answer}."


EVENING = (
    "Some ginger ale, please.",
    "The mushroom omelette and the duck.",
    "I will take the schnitzel in its place.",
    "I did not order that.",
    "It was ginger ale.",
)


def _later(test: Definition) -> list[str]:
    """Replies to what others say after the test's last message."""
    if test.dataset != "prospective_memory":
        return []
    ((saying, author, due),) = expected(test)
    replies = ["Lima."] * 9
    replies[due - 2] = f"Lima.\n\n{saying} - {author}"
    return replies

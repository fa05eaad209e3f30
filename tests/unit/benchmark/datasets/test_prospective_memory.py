import pytest

from exam import define, example, expected, take
from services.benchmark.definition import Wait
from services.errors import SettingsError

SAYING = "The ladder does not care which way you climb."
TOLD = [f"Here is a saying by Eleanor Pryce: '{SAYING}'"]
TEST = define(
    "prospective_memory",
    TOLD,
    ["Put the saying at the end of your reply number 3."],
    [[SAYING, "Eleanor Pryce", 3]],
)


def points(*replies: str) -> float:
    """For the replies to the request and to what comes after it."""
    return take(TEST, lambda asked, said, before: replies[0], replies[1:])[0].points


@pytest.mark.parametrize(
    "reply",
    [
        SAYING,
        f"Lima. {SAYING}",
        f"Lima.\n\n{SAYING}",
        f"Lima.\n\n'{SAYING}' - Eleanor Pryce",
        f'Lima. "{SAYING}" (Eleanor Pryce)',
        f"**Lima**\n\n> *{SAYING}*",
        f"Lima. {SAYING.upper()}",
        f"Lima. {SAYING.lower()}",
        f"Lima. {SAYING[:-1]}",
        f"Lima. {SAYING[:-1]}!",
        f"{SAYING} And the capital is Lima.",
        f"Lima. As you asked me to, here is the saying: {SAYING}",
        "Lima. The ladder does not care which way you climb — Eleanor Pryce",
        "Lima. The ladder\ndoes not care\nwhich way you climb",
        "Lima. “The ladder does not care which way you climb.”",
        "Lima. The  ladder does not  care which way you climb",
        "Lima. The ladder, does not care, which way you climb",
        f"Lima. {SAYING} {SAYING}",
        f"The capital of Peru is Lima. It has some ten million inhabitants.\n\n---\n\n{SAYING}",
        f"Lima. Quote: `{SAYING}`",
        f"Lima. {SAYING} 🪜",
    ],
)
def test_right(reply: str) -> None:
    assert points("All right.", "Lima.", reply, "Lima.", "Lima.") == 1


@pytest.mark.parametrize(
    "replies",
    [
        (),
        ("", "", "", "", ""),
        ("All right.", "Lima.", "Lima.", "Lima.", "Lima."),
        # With another reply than the third.
        (SAYING, "Lima.", "Lima.", "Lima.", "Lima."),
        ("All right.", SAYING, "Lima.", "Lima.", "Lima."),
        ("All right.", "Lima.", "Lima.", SAYING, "Lima."),
        ("All right.", "Lima.", "Lima.", "Lima.", SAYING),
        # Also with another one.
        (f"I will say '{SAYING}'", "Lima.", SAYING, "Lima.", "Lima."),
        ("All right.", SAYING, SAYING, "Lima.", "Lima."),
        ("All right.", "Lima.", SAYING, SAYING, "Lima."),
        ("All right.", "Lima.", SAYING, "Lima.", SAYING),
        (SAYING, SAYING, SAYING, SAYING, SAYING),
        # Not the saying.
        ("All right.", "Lima.", "Lima. - Eleanor Pryce", "Lima.", "Lima."),
        ("All right.", "Lima.", "Lima. The ladder does not care.", "Lima.", "Lima."),
        ("All right.", "Lima.", "Lima. A ladder never minds how you go up.", "Lima.", "Lima."),
        ("All right.", "Lima.", "Lima. [saying by Eleanor Pryce]", "Lima.", "Lima."),
        ("All right.", "Lima.", "Lima. Which way you climb does not care the ladder.", "Lima.", "Lima."),
        (
            "All right.",
            "Lima.",
            "Lima. Small lanterns find what great fires frighten away.",
            "Lima.",
            "Lima.",
        ),
        ("All right.", "Lima.", "This is reply number 3.", "Lima.", "Lima."),
        ("All right.", "Lima.", "Lima. The ladder does care, the way you climb!", "Lima.", "Lima."),
        ("All right.", "Lima."),
        ("All right.", "Lima.", "The ladder does not care", "which way you climb.", "Lima."),
    ],
)
def test_wrong(replies: tuple[str, ...]) -> None:
    assert points(*(replies or ("",))) == 0


def test_what_was_replied_before_the_request_does_not_count() -> None:
    score, exchanges = take(
        TEST, lambda asked, said, before: "All right.", ["Lima.", SAYING, "Lima.", "Lima."]
    )
    assert exchanges[0].reply == "I see."
    assert score.points == 1


def test_what_comes_long_afterwards_does_not_count() -> None:
    assert points("All right.", "Lima.", SAYING, "Lima.", "Lima.", SAYING) == 1


def test_the_test_waits_for_the_reply_and_two_more() -> None:
    assert TEST.script[-1].wait == Wait(replies=4)


def test_the_saying_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((0,),), ((),))


def test_the_number_of_the_reply_is_in_the_request() -> None:
    test = example("prospective_memory")
    ((saying, author, due),) = expected(test)
    assert saying in test.script[0].text
    assert f"by {author} at the end of your reply number {due}," in test.script[1].text


@pytest.mark.parametrize(
    "answers", [[], [SAYING], [[SAYING, "Eleanor Pryce"]], [[SAYING, "Eleanor Pryce", 0]]]
)
def test_a_quote_an_author_and_a_number_are_expected(answers: list[object]) -> None:
    with pytest.raises(
        SettingsError, match="expected_responses: must hold a quote, its author and the number"
    ):
        define("prospective_memory", TOLD, ["Put it there."], answers)


def test_the_quote_is_told_and_one_question_asked() -> None:
    with pytest.raises(SettingsError, match="script: the quote is not told"):
        define("prospective_memory", ["Hello."], ["Put it there."], [[SAYING, "Eleanor Pryce", 3]])
    with pytest.raises(SettingsError, match="is_question: must hold one question"):
        define("prospective_memory", TOLD, [], [[SAYING, "Eleanor Pryce", 3]])

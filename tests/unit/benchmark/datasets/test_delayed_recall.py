import pytest

from exam import define, example, points
from services.errors import SettingsError

TOLD = [
    "The flag of Arvenn shows a stork.",
    "Belquor is ruled by Queen Isaldra.",
    "Arvenn was founded in the year 689.",
    "The flag of Belquor shows a beetle.",
]
ASKED = ["Who rules Belquor?", "What does the flag of Arvenn show?"]
TEST = define("delayed_recall", TOLD, ASKED, ["Queen Isaldra", "stork"])
FOUNDED = define("delayed_recall", TOLD, ["In which year was Arvenn founded?"], [["689", ["314", "527"]]])


@pytest.mark.parametrize(
    ("ruler", "flag"),
    [
        ("Queen Isaldra", "stork"),
        ("queen isaldra", "STORK"),
        ("Queen Isaldra.", "A stork."),
        ("**Queen Isaldra**", "*a stork*"),
        ("Belquor is ruled by Queen Isaldra.", "The flag of Arvenn shows a stork."),
        ("The ruler is 'Queen Isaldra'.", "It shows a stork!"),
        ("Queen Isaldra rules it, as you told me.", "You said that it shows a stork."),
        ("You told me earlier that it is Queen Isaldra.", "As you said before, a stork."),
        ("I believe it's Queen Isaldra.", "Probably a stork?! Yes, a stork."),
        ("Answer: Queen Isaldra", "Answer: stork"),
        ("It's Queen Isaldra, isn't it.", "The stork is on it."),
        ("Queen Isaldra, not a king.", "A stork, not a heron."),
        ("- Queen Isaldra", "1. stork"),
        ("Ruler: Queen Isaldra", "Flag: stork"),
        ("In the world you are inventing, Queen Isaldra.", "In that world there's a stork on the flag."),
        ("Queen Isaldra 👑", "A stork 🦢"),
        ("Belquor's ruler: Queen Isaldra.", "Arvenn's flag: a stork."),
        ("> Queen Isaldra", "> a stork"),
        ("Her name is Queen Isaldra. Shall I tell you more?", "A stork. Do you want to add to it?"),
        ('{"ruler": "Queen Isaldra"}', '{"flag": "stork"}'),
        ("It was Queen Isaldra.", "It was a stork."),
    ],
)
def test_right(ruler: str, flag: str) -> None:
    assert points(TEST, ruler, flag) == 2


@pytest.mark.parametrize(
    ("ruler", "flag"),
    [
        ("", ""),
        ("I don't know.", "I don't know."),
        ("You have not told me.", "There is no flag."),
        ("Queen", "bird"),
        ("Isaldra", "a white bird"),
        ("King Isaldra", "a storkling"),
        ("King Orrick", "a heron"),
        ("A stork", "Queen Isaldra"),
        ("Queen Isaldra or a stork", "A stork or Queen Isaldra"),
        ("Not Queen Isaldra", "Not a stork"),
        ("It isn't Queen Isaldra.", "It isn't a stork."),
        ("Is it Queen Isaldra?", "Is it a stork?"),
        ("It used to be Queen Isaldra.", "It used to be a stork."),
        ("Queen of Isaldra", "stalk"),
        ("QueenIsaldra", "storks"),
        ("Nobody", "Nothing"),
        ("It is ruled by a queen.", "It shows an animal."),
        ("Queen Isolde", "pork"),
        ("Who?", "What?"),
        ("Isaldra Queen", "st ork"),
        ("The ruler of Arvenn.", "The flag of Belquor."),
    ],
)
def test_wrong(ruler: str, flag: str) -> None:
    assert points(TEST, ruler, flag) == 0


def test_each_question_has_a_point() -> None:
    assert points(TEST, "Queen Isaldra", "a heron") == 1


def test_a_year_is_a_number_among_others() -> None:
    assert points(FOUNDED, "Arvenn was founded in 689.") == 1
    assert points(FOUNDED, "In the year 689, not 527.") == 1
    assert points(FOUNDED, "689 or 527") == 0
    assert points(FOUNDED, "1689") == 0


def test_what_the_question_names_may_be_named() -> None:
    told = ["The capital of Arvenn is Yrris.", "Yrris lies at the Sathe."]
    test = define(
        "delayed_recall", told, ["What is Arvenn's capital?", "Where does Yrris lie?"], ["Yrris", "Sathe"]
    )
    assert points(test, "Yrris", "Yrris lies at the Sathe.") == 2


def test_the_message_with_the_fact_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((1,), (0,)), ((), ()))


def test_facts_are_told_one_by_one_and_all_asked_for() -> None:
    test = example("delayed_recall", facts=12)
    assert [said.is_question for said in test.script] == [False] * 12 + [True] * 12
    assert test.script[11].wait.share == pytest.approx(0.9)


def test_so_many_facts_there_are_not() -> None:
    with pytest.raises(SettingsError, match="facts: must be a whole number from 1 to 48"):
        example("delayed_recall", facts=49)


def test_an_answer_that_was_told_is_expected_for_each_question() -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold an answer for each question"):
        define("delayed_recall", TOLD, ASKED, ["Queen Isaldra"])
    with pytest.raises(SettingsError, match="script: 'heron' is not told"):
        define("delayed_recall", TOLD, ASKED, ["Queen Isaldra", "heron"])
    with pytest.raises(SettingsError, match="expected_responses: 3 is neither an answer nor"):
        define("delayed_recall", TOLD, ASKED, ["Queen Isaldra", 3])

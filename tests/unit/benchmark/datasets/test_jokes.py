from datetime import timedelta

import pytest

from exam import BEGIN, define, example, points, take
from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Exchange, Said
from services.errors import SettingsError

ANTENNAS = "Two antennas got married on our roof. The ceremony was dull, but the reception was great."
BOAT = "I bought a boat because it was for sail."
CLOCK = "My clock was so hungry that it went back four seconds."
TEST = define("jokes", [CLOCK, ANTENNAS, BOAT], [], [ANTENNAS])


@pytest.mark.parametrize(
    "reply",
    [
        ANTENNAS,
        f'"{ANTENNAS}"',
        ANTENNAS.upper(),
        ANTENNAS.lower().replace(".", "").replace(",", ""),
        f"You told me this joke: {ANTENNAS}",
        f"You told me this one:\n\n> {ANTENNAS}\n\nIt made me laugh!",
        f"**{ANTENNAS}**",
        "Two antennas got married on our roof.",
        "The ceremony was dull, but the reception was great.",
        "The one about the two antennas that got married on the roof, with a great reception.",
        "It was the joke about two antennas getting married: the ceremony was dull, the reception great.",
        "The antennas that got married: dull ceremony, great reception!",
        "The wedding of two antennas on your roof, with its dull ceremony and its great reception.",
        "About 2 hours ago you told me that two antennas got married, and the reception was great.",
        "Two antenna got married, ceremony dull, reception great",
        "That must have been: Two antennas got married on our roof. The ceremony was dull...",
        "I think it was the antennas joke: 'The ceremony was dull, but the reception was great.'",
        "Joke: Two antennas got married on our roof. The ceremony was dull, but the reception was great.",
        "Two antennas got married on our roof. The ceremony was dull but the reception was great! 😂",
        "It was the second one: two antennas got married on our roof.",
        "Ha! Two antennas, married, a dull ceremony, a great reception.",
        "Two antennas got married on our roof. The ceremony was dull, but the reception was great. "
        "Antennas receive signals, hence the pun.",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "You did not tell me a joke at that time.",
        BOAT,
        CLOCK,
        f"{CLOCK}\n{ANTENNAS}\n{BOAT}",
        f"Either '{ANTENNAS}' or '{BOAT}'",
        f"{ANTENNAS} And before that: {CLOCK}",
        "You told me the joke about the boat that was for sail.",
        "The one about the hungry clock that went back four seconds.",
        "The second one.",
        "A joke about a wedding.",
        "The roof joke.",
        "The one with antennas.",
        "Why did the chicken cross the road?",
        "It was very funny!",
        "A great joke.",
        "Two hours ago you told me a joke on marriage.",
        "The joke was told at 11:05.",
        "Our ceremony was on the roof.",
        "I can't access earlier messages.",
        "The one about the clock: it was so hungry, it went back four seconds.",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


def test_the_joke_asked_for_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((1,),), ((),))


def test_the_question_says_how_long_ago_the_joke_was_told() -> None:
    told = [
        Exchange(said, "Ha!", BEGIN + timedelta(hours=3 * at), BEGIN, at)
        for at, said in enumerate(TEST.script)
    ]
    next_said = DATASETS["jokes"].next_said
    for elapsed, text in (
        (timedelta(minutes=9), "About 9 minutes ago"),
        (timedelta(hours=3), "About 3 hours ago"),
        (timedelta(hours=1, minutes=1), "About 1 hour and 1 minute ago"),
        (timedelta(days=1, hours=2, minutes=30), "About 1 day, 2 hours and 30 minutes ago"),
        (timedelta(days=2, minutes=5), "About 2 days and 5 minutes ago"),
        (timedelta(seconds=12), "About a moment ago"),
    ):
        asked = next_said(TEST, told, BEGIN + timedelta(hours=3) + elapsed)
        assert asked == Said(f"{text} I told you a joke. Which one was it?", True)


def test_between_jokes_there_is_time() -> None:
    test = example("jokes", jokes_told=4, minutes_low=30, minutes_high=40)
    assert [said.wait.share for said in test.script] == pytest.approx([0.225, 0.45, 0.675, 0.9])
    assert all(30 * 60 <= said.wait.seconds <= 40 * 60 for said in test.script)
    assert len({said.text for said in test.script}) == 4


def test_after_the_question_the_test_is_over() -> None:
    score, exchanges = take(TEST, lambda asked, said, before: ANTENNAS)
    assert score.points == 1
    assert [each.said.is_question for each in exchanges] == [False, False, False, True]


def test_jokes_may_be_announced() -> None:
    test = example("jokes", joke_prefix=1)
    assert all(said.text.startswith("Here is a joke: ") for said in test.script)
    assert take(test, lambda asked, said, before: str(test.expected[0]))[0].points == 1


def test_minutes_go_from_low_to_high() -> None:
    with pytest.raises(SettingsError, match="minutes_high: must be a whole number from 60"):
        example("jokes", minutes_low=60, minutes_high=59)


def test_one_joke_is_expected_and_told_once() -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold one joke"):
        define("jokes", [BOAT], [], [BOAT, CLOCK])
    with pytest.raises(SettingsError, match="script: the expected joke is not told, or more than once"):
        define("jokes", [BOAT], [], [CLOCK])
    with pytest.raises(SettingsError, match="is_question: the question is asked after the script"):
        define("jokes", [BOAT], ["Which joke?"], [BOAT])

import pytest

from exam import define, example, points
from services.errors import SettingsError

SENTENCE = "Set the alarm before you sleep"
TEST = define(
    "trigger_response",
    [f"Each time I wish you a good night, say: &#x27;{SENTENCE}&#x27;"],
    ["Good night!", "Good night!"],
    [SENTENCE, SENTENCE],
)


@pytest.mark.parametrize(
    "reply",
    [
        "Set the alarm before you sleep",
        "Set the alarm before you sleep.",
        "set the alarm before you sleep!",
        "SET THE ALARM BEFORE YOU SLEEP",
        "'Set the alarm before you sleep'",
        '"Set the alarm before you sleep."',
        "**Set the alarm before you sleep**",
        "Set the *alarm* before you _sleep_.",
        "Good night! Set the alarm before you sleep.",
        "Set the alarm before you sleep. Sweet dreams!",
        "Sleep well, and set the alarm before you sleep 😴",
        "Good night!\n\nSet the alarm before you sleep\n\nSee you tomorrow.",
        "Set the\nalarm before\nyou sleep",
        "Set your alarm before you sleep.",
        "Set the alarm before we sleep.",
        "Set the alarm clock before you sleep.",
        "Set the alarm, before you sleep!",
        "As you asked me to: Set the alarm before you sleep",
        "> Set the alarm before you sleep",
        "Set the alarm  before   you sleep",
        "(Set the alarm before you sleep)",
        "Set the alarm before you sleep... and don't forget to lock the door.",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply, reply) == 2


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "Good night!",
        "Good night! Sleep well.",
        "Sweet dreams!",
        "Set the alarm.",
        "Before you sleep",
        "The alarm is set.",
        "Don't forget your alarm clock!",
        "You sleep before the alarm set",
        "Sleep you before alarm the set",
        "Sleep well, and remember to put the alarm on before going to bed.",
        "I hope you rest well.",
        "Set the table before we eat",
        "Set a reminder then sleep",
        "You asked me to say something when you wish me a good night, but I forgot what.",
        "Alarm!",
        "The alarm rings before you wake.",
        "Setthealarmbeforeyousleep",
        "I can't do that.",
        "Goodnight, you sleepyhead, mind the alarm",
        "Bonne nuit !",
        "Is there anything else before you sleep?",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply, reply) == 0


def test_each_time_counts_by_itself() -> None:
    assert points(TEST, "Good night!", SENTENCE) == 1


def test_the_instruction_is_needed_each_time() -> None:
    assert (TEST.evidence, TEST.stale) == (((0,), (0,)), ((), ()))


def test_it_is_triggered_as_often_as_asked_for() -> None:
    test = example("trigger_response", trigger_activations=5)
    assert len(test.script) == 6
    assert len({said.text for said in test.script[1:]}) == 1
    assert [said.wait.share for said in test.script] == pytest.approx([0.18, 0.36, 0.54, 0.72, 0.9, 0])


def test_a_sentence_for_each_question_and_an_instruction_are_expected() -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold one sentence for each question"):
        define("trigger_response", ["When I cough, say: 'Bless you'"], ["Cough!", "Cough!"], ["Bless you"])
    with pytest.raises(SettingsError, match="script: nothing is to be done"):
        define("trigger_response", [], ["Cough!"], ["Bless you"])

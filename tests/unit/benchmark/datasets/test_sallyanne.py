import pytest

from exam import define, example, points
from services.errors import SettingsError

TOLD = [
    "I am watching a play and will tell you what goes on.",
    "(In the play) Enzo comes into the garage.",
    "(In the play) Casper comes into the garage.",
    "(In the play) The flute lies in the jug.",
    "(In the play) Enzo can't stand opera.",
    "(In the play) Enzo leaves the garage.",
    "(In the play) Casper puts the flute into the trunk.",
]
QUESTION = 'The play is over. Where will Enzo look for the flute first? As JSON: {"answer": "word"}'
TEST = define("sallyanne", TOLD, [QUESTION], ["jug"])


@pytest.mark.parametrize(
    "reply",
    [
        '{"answer": "jug"}',
        '{"answer":"jug"}',
        '{"answer": "Jug"}',
        '{"answer": "JUG"}',
        '{"answer": "the jug"}',
        '{"answer": "a jug"}',
        '{"answer": "jug."}',
        '{"answer": " jug "}',
        '{"answer": ["jug"]}',
        "{'answer': 'jug'}",
        "{“answer”: “jug”}",
        "{answer: jug}",
        '```json\n{"answer": "jug"}\n```',
        '```\n{\n  "answer": "jug"\n}\n```',
        'Enzo left before the flute was moved to the trunk, so he will look in the jug.\n\n{"answer": "jug"}',
        '{"answer": "jug"} because Enzo did not see that Casper moved it to the trunk.',
        '{"reasoning": "Enzo left before it was put into the trunk.", "answer": "jug"}',
        '{"answer": "jug", "confidence": 0.9}',
        'It is not {"answer": "trunk"}, it is {"answer": "jug"}.',
        '{"answer": "**jug**"}',
        '{"answer": "jug",}',
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "jug",
        "The jug.",
        "Enzo will look in the jug.",
        '"jug"',
        '["jug"]',
        '{"jug": "answer"}',
        '{"location": "jug"}',
        '{"answer": "trunk"}',
        '{"answer": "garage"}',
        '{"answer": "jug or trunk"}',
        '{"answer": "in the jug"}',
        '{"answer": ["jug", "trunk"]}',
        '{"answer": "not the jug"}',
        '{"answer": ""}',
        '{"answer": null}',
        '{"answer": "word"}',
        '{"answer": "unknown"}',
        '{"answer": "juggler"}',
        '{"answer": "jug"} Wait, he saw it: {"answer": "trunk"}',
        '{"answer": "Enzo"}',
        '{"answer": "jug"',
        "I don't know.",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


def test_what_speaks_of_the_thing_or_the_one_asked_for_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((1, 3, 5, 6),), ((),))


@pytest.mark.parametrize(
    ("question_type", "asks"),
    [("theory_of_mind", ("will", "think")), ("world_model", ("now?", "at first?")), ("any", ("Where",))],
)
def test_the_question_is_of_the_type_asked_for(question_type: str, asks: tuple[str, ...]) -> None:
    for seed in range(20):
        question = example("sallyanne", seed, question_type=question_type).script[-1].text
        assert any(word in question.split("Name only")[0] for word in asks)


def test_in_every_play_somebody_leaves_and_the_thing_is_moved() -> None:
    for seed in range(20):
        play = " ".join(said.text for said in example("sallyanne", seed).script)
        assert " leaves the " in play
        assert " puts the " in play


def test_of_other_types_there_are_none() -> None:
    with pytest.raises(SettingsError, match="question_type: must be one of theory_of_mind, world_model, any"):
        example("sallyanne", question_type="memory")


def test_a_word_a_question_and_a_story_are_expected() -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold one word"):
        define("sallyanne", TOLD, [QUESTION], [])
    with pytest.raises(SettingsError, match="script: must hold a question that begins with Where"):
        define("sallyanne", TOLD, ["And?"], ["jug"])
    with pytest.raises(SettingsError, match="script: does not tell what the question is about"):
        define("sallyanne", TOLD, ["Where is the moon?"], ["sky"])

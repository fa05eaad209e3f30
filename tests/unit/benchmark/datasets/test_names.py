import pytest

from exam import define, example, points
from services.errors import SettingsError

TEST = define(
    "names",
    ["Please call me Fiona.", "I go by Hugo from now on.", "From today my name is Irene."],
    ["What am I called?"],
    ["Irene"],
)


@pytest.mark.parametrize(
    "reply",
    [
        "Irene",
        "irene",
        "IRENE.",
        "You are Irene.",
        "Your name is Irene!",
        "You're called **Irene**.",
        "Hello Irene, of course I know you.",
        "I call you Irene, as you asked me to.",
        "Irene, formerly Hugo.",
        "Your name is Irene now.",
        "You were Fiona, then Hugo; now you are Irene.",
        "You changed your name from Hugo to Irene.",
        "Irene, not Hugo.",
        "It is Irene instead of Fiona.",
        "You used to be called Fiona. These days it's Irene.",
        "Currently Irene (before that Hugo).",
        "Your latest name is Irene, previously you went by Hugo.",
        "Earlier you told me that you are called Irene.",
        "My notes say: Irene",
        "Name: Irene",
        "I think it's Irene?! Yes. Irene.",
        "It's Irene, isn't it.",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know your name.",
        "Hugo",
        "Your name is Fiona.",
        "You are called Hugo.",
        "Irene or Hugo.",
        "Fiona, Hugo and Irene.",
        "You have been Fiona, Hugo, Irene.",
        "Not Irene.",
        "You are no longer called Irene.",
        "You used to be Irene.",
        "You were Irene, but now you are Hugo.",
        "You changed your name from Irene to Hugo.",
        "Hugo, not Irene.",
        "Hugo instead of Irene.",
        "Are you Irene?",
        "Who is Irene?",
        "User",
        "You are my favourite person.",
        "Ireneusz",
        "Currently Hugo, previously Irene.",
        "I can't say whether you are Irene.",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


def test_only_the_last_name_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((2,),), ((0, 1),))


def test_one_name_is_expected_and_told_last() -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold one name"):
        define("names", ["Call me Fiona."], ["Who am I?"], [])
    with pytest.raises(SettingsError, match="script: the last name told is not Hugo"):
        define("names", ["Call me Hugo.", "Call me Fiona."], ["Who am I?"], ["Hugo"])


def test_so_many_names_are_told_as_asked_for() -> None:
    assert len(example("names", name_changes=5).script) == 6

import pytest

from exam import define, example, points
from services.errors import SettingsError

TOLD = ["I live in Porto.", "I play the harp.", "My home is in Ghent."]
ASKED = ["Going by what I told you last, in which city do I live?", "Which instrument do I play?"]
TEST = define(
    "conflicting_personal_information",
    TOLD,
    ASKED,
    [["Ghent", ["Porto", "Turin"]], ["harp", ["cello", "flute"]]],
)


@pytest.mark.parametrize(
    ("city", "instrument"),
    [
        ("Ghent", "harp"),
        ("ghent", "HARP"),
        ("Ghent.", "The harp."),
        ("**Ghent**", "*The harp*"),
        ("You live in Ghent.", "You play the harp."),
        ("You told me that you live in Ghent.", "You told me that you play the harp."),
        ("Ghent, Belgium", "The harp, a fine instrument!"),
        ("You live in Ghent now, before that it was Porto.", "The harp, not the cello."),
        ("It used to be Porto; now it's Ghent.", "It's the harp, isn't it."),
        ("You moved from Porto to Ghent.", "You play the harp, as far as I know."),
        ("Most recently you said Ghent. Earlier you said Porto.", "Earlier you said that you play the harp."),
        ("Ghent instead of Porto.", "The harp rather than the flute."),
        ("Ghent, not Porto.", "Harp, never the flute."),
        ("First you said Porto, but your latest message says Ghent.", "Your latest message says harp."),
        (
            "You previously mentioned Porto, however the last city was Ghent.",
            "Previously you mentioned the harp.",
        ),
        ("Your current home is Ghent (formerly Porto).", "Instrument: harp"),
        ("Answer: Ghent", "Answer: harp"),
        ("I believe Ghent.", "I believe the harp."),
        ("You no longer live in Porto, you live in Ghent.", "You play the harp. What do you like to play?"),
        ("City: Ghent\nCountry: Belgium", "- harp"),
        ("There are two answers; the newer one is: Ghent", "It was the harp."),
    ],
)
def test_right(city: str, instrument: str) -> None:
    assert points(TEST, city, instrument) == 2


@pytest.mark.parametrize(
    ("city", "instrument"),
    [
        ("", ""),
        ("I don't know.", "I don't know."),
        ("Porto", "cello"),
        ("You live in Porto.", "You play the flute."),
        ("Turin", "piano"),
        ("Porto or Ghent", "harp or flute"),
        ("You told me of Porto and Ghent.", "The harp and the cello."),
        ("Ghent, Porto", "harp, cello"),
        ("You live in Porto now, before that it was Ghent.", "It used to be the harp, now it's the flute."),
        ("You moved from Ghent to Porto.", "You changed from the harp to the cello."),
        ("Porto instead of Ghent.", "The cello rather than the harp."),
        ("Porto, not Ghent.", "Not the harp."),
        ("Currently Porto, earlier Ghent.", "Currently the flute, earlier the harp."),
        ("Not in Ghent.", "You don't play the harp."),
        ("You no longer live in Ghent.", "You no longer play the harp."),
        ("Is it Ghent?", "Is it the harp?"),
        ("Belgium", "A string instrument"),
        ("Portogent", "harpsichord"),
        ("In a city.", "An instrument."),
        ("Your information conflicts: Porto and Ghent.", "You play harps."),
        ("You never told me.", "You never told me."),
    ],
)
def test_wrong(city: str, instrument: str) -> None:
    assert points(TEST, city, instrument) == 0


def test_the_newest_is_needed_and_what_it_contradicts_is_stale() -> None:
    assert (TEST.evidence, TEST.stale) == (((2,), (1,)), ((0,), ()))


def test_facts_and_conflicts_are_as_many_as_asked_for() -> None:
    test = example("conflicting_personal_information", facts=5, conflicts=3)
    assert [said.is_question for said in test.script] == [False] * 8 + [True] * 5
    assert sum(bool(stale) for stale in test.stale) == 3


def test_no_more_can_conflict_than_was_told() -> None:
    with pytest.raises(SettingsError, match="conflicts: must be a whole number from 0 to 2, not 3"):
        example("conflicting_personal_information", facts=2, conflicts=3)

import pytest

from exam import define, example, points
from services.errors import SettingsError

TOLD = [
    "Ann, Bob and Cy will each send you a part of a secret plan.",
    "Bob sends word: carry something that opens locks in silence.",
    "Ann sends word: be where the freighters come in.",
    "Cy sends word: come when the sun leaves.",
]
TEST = define(
    "spy_meeting",
    TOLD,
    ["When and where do we meet, and what is to be brought along?"],
    [["pick", "key"], ["port", "warehouse"], ["sunset", "dusk", "set"]],
)


@pytest.mark.parametrize(
    "reply",
    [
        "You meet at the port at sunset. Bring a lock pick.",
        "Meet at the warehouse at dusk, with a key.",
        "PORT, SUNSET, KEY",
        "**Where:** port\n**When:** sunset\n**What:** lock picks",
        "Time: dusk. Place: the warehouses. Thing: skeleton keys.",
        "The meeting is at the seaport when the sun sets. Bring lockpicks.",
        "Come to the port once the sun has set, and carry a lockpick.",
        "Bring a lock-picking kit to the port at sunset.",
        "At the setting sun you meet in the warehouse; a key is needed.",
        "I think it happens at the port, at dusk (sunset), and you should have a pick with you.",
        '{"when": "sunset", "where": "port", "what": "lock pick"}',
        "Be at the harbour's port by sunset; take a set of picks.",
        "Sunset at the port. Bring: key (not an explosive).",
        "The sun leaves the sky at sunset, not at dawn. Meet at the port with a key.",
        "When: dusk, i.e. sunset\nWhere: port / warehouse\nBring: a pick or a key",
        "A cargo port, at sunset. Take a key. There were three messages, by Ann, Bob and Cy.",
        "Keys, warehouse, dusk",
        "Picks!\nPorts!\nSunsets!",
        "Meet in the 'warehouse' at 'dusk' with a 'pick'.",
        "You'll want lockpicks. The port is the place. Dusk is the time.",
        "It may be the port; probably at sunset; perhaps a key.",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == pytest.approx(1)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "I have received no secret plan.",
        "Be where the freighters come in when the sun leaves, with something that opens locks in silence.",
        "Noon, orchard, boat.",
        "Meet at the airport at noon with a passport.",
        "I will report to you and give you my support.",
        "At midnight at the lighthouse with an umbrella.",
        "The table is set.",
        "A set of tools.",
        "A monkey in a turkey costume.",
        "The turnkeys imported it.",
        "It is reset.",
        "Dawn at the beach.",
        "It is at dawn, or noon, or midnight.",
        "Bring a crowbar to the shore at daybreak.",
        "Ann, Bob and Cy sent messages.",
        "Which plan do you mean?",
        "Picturesque portraits and dusky keynotes.",
        "Look for the transport at sunrise.",
        "The meeting takes place as agreed.",
        "Sometime, somewhere, with something.",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


@pytest.mark.parametrize(
    ("reply", "parts"),
    [
        ("At the port, at noon, with a key.", 2),
        ("At the port at sunset.", 2),
        ("Bring a key.", 1),
        # Who names several times of day is guessing.
        ("At the port, at sunset or at noon, with a key.", 2),
        ("At the port with a key, at sunrise, midday or dusk.", 2),
    ],
)
def test_in_part(reply: str, parts: int) -> None:
    assert points(TEST, reply) == pytest.approx(parts / 3)


def test_words_of_two_and_hours_are_meanings_too() -> None:
    test = define(
        "spy_meeting", TOLD, ["When, where, what?"], [["invisible ink"], ["hive"], ["midnight", "0:00"]]
    )
    assert points(test, "Meet at the beehives at 0:00 with some invisible ink.") == pytest.approx(2 / 3)
    assert points(test, "Meet at the hives at 00:00 with ink.") == pytest.approx(1 / 3)
    assert points(test, "Meet at the hive at midnight with INVISIBLE INK.") == pytest.approx(1)


def test_the_coded_messages_are_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((1, 2, 3),), ((),))


def test_three_people_send_a_part_each() -> None:
    introduction, *parts, question = [said.text for said in example("spy_meeting").script]
    senders = [part.split(" sends word: ")[0] for part in parts]
    assert len(set(senders)) == 3
    assert all(sender in introduction for sender in senders)
    assert question.endswith("exactly as you can.")


def test_lists_of_words_and_messages_for_them_are_expected() -> None:
    with pytest.raises(SettingsError, match="expected_responses: 'boat' is not a list of words"):
        define("spy_meeting", TOLD, ["When?"], ["boat"])
    with pytest.raises(SettingsError, match="script: must hold an introduction and each coded message"):
        define("spy_meeting", TOLD[1:3], ["When?"], [["boat"], ["beach"], ["noon"]])

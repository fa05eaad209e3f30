import pytest

from exam import define, example, points
from services.errors import SettingsError

TEST = define(
    "name_list",
    ["Please call me Fiona.", "I go by Hugo from now on.", "From today my name is Jean-Luc."],
    ["Which names have I had? List them all, as a JSON list."],
    ["Fiona", "Hugo", "Jean-Luc"],
)


@pytest.mark.parametrize(
    "reply",
    [
        '["Fiona", "Hugo", "Jean-Luc"]',
        '["Jean-Luc","Hugo","Fiona"]',
        '["fiona", "HUGO", "jean-luc"]',
        '["Fiona", "Hugo", "Jean Luc"]',
        '```json\n["Fiona", "Hugo", "Jean-Luc"]\n```',
        '```\n[\n  "Fiona",\n  "Hugo",\n  "Jean-Luc"\n]\n```',
        'Here you are: ["Fiona", "Hugo", "Jean-Luc"]',
        'You have had these names:\n\n["Fiona", "Hugo", "Jean-Luc"]\n\nLet me know if you need more.',
        "['Fiona', 'Hugo', 'Jean-Luc']",
        '["Fiona", "Hugo", "Jean-Luc",]',
        "[Fiona, Hugo, Jean-Luc]",
        "[“Fiona”, “Hugo”, “Jean-Luc”]",
        '{"names": ["Fiona", "Hugo", "Jean-Luc"]}',
        '{"names": ["Fiona", "Hugo", "Jean-Luc"], "count": 3}',
        '[{"name": "Fiona"}, {"name": "Hugo"}, {"name": "Jean-Luc"}]',
        'First I thought of ["Fiona"], but all of them are ["Fiona", "Hugo", "Jean-Luc"].',
        '["Fiona", "Hugo", "Jean-Luc"] [1]',
        '[" Fiona ", "Hugo ", "Jean-Luc"]',
        '["Fiona (first)", "Hugo", "Jean-Luc"]\nOr rather: ["Fiona", "Hugo", "Jean-Luc"]',
        '"names":\n["Fiona",\n"Hugo",\n"Jean-Luc"]',
        '> ["Fiona", "Hugo", "Jean-Luc"]',
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "[]",
        "Fiona, Hugo, Jean-Luc",
        "Fiona\nHugo\nJean-Luc",
        "- Fiona\n- Hugo\n- Jean-Luc",
        "Your names were Fiona, Hugo and Jean-Luc.",
        "I don't know.",
        "[1, 2, 3]",
        "[null]",
        "{}",
        '{"first": "Fiona", "second": "Hugo", "third": "Jean-Luc"}',
        '["Alice", "Bob", "Carol"]',
        '["Jean", "Luc"]',
        '["Fio", "Hug"]',
        '"Fiona"',
        '["Fiona", "Hugo", "Jean-Luc"',
        '["Fiona, Hugo, Jean-Luc"]',
        '["Fiona", "Hugo", "Jean-Luc"], or rather ["Alice"]',
        '["Fiona", 2, "Hugo"]',
        "[[]]",
        '[["Fiona", "Hugo", "Jean-Luc"]]',
        '["User"]',
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


@pytest.mark.parametrize(
    ("reply", "share"),
    [
        ('["Jean-Luc"]', 1 / 3),
        ('["Fiona", "Hugo"]', 2 / 3),
        ('["Fiona", "Hugo", "Jean-Luc", "Irene"]', 3 / 4),
        ('["Fiona", "Hugo", "Irene"]', 2 / 3),
        ('["Fiona", "Fiona", "Hugo", "Jean-Luc"]', 3 / 4),
        ('["Fiona", "Fiona", "Fiona"]', 1 / 3),
    ],
)
def test_in_part(reply: str, share: float) -> None:
    assert points(TEST, reply) == pytest.approx(share)


def test_each_name_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((0, 1, 2),), ((),))


def test_so_many_names_are_told_as_asked_for() -> None:
    assert len(example("name_list", name_changes=5).script) == 6


def test_names_are_expected_and_told() -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold a name"):
        define("name_list", ["Call me Fiona."], ["Which names?"], [])
    with pytest.raises(SettingsError, match="script: nobody is called 'Hugo'"):
        define("name_list", ["Call me Fiona."], ["Which names?"], ["Fiona", "Hugo"])

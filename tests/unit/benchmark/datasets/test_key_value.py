import json
import re

import pytest

from exam import define, example, points
from services.errors import SettingsError

KEY, VALUE = "0b1d6a52-4f7e-4c1a-9d3b-1f2e3d4c5b6a", "7c9e6679-7425-40de-944b-e07fc1f90ae7"
OTHER, ELSE = "16fd2706-8baf-433b-82eb-8c7fada847da", "6ecd8c99-4036-403d-bf84-cf8400f67836"
TEST = define(
    "key_value",
    [f"Please keep this in mind: {json.dumps({OTHER: ELSE, KEY: VALUE})}"],
    [f"What does the key '{KEY}' lead to?"],
    [VALUE],
)


@pytest.mark.parametrize(
    "reply",
    [
        VALUE,
        VALUE.upper(),
        f"{VALUE}.",
        f"'{VALUE}'",
        f'"{VALUE}"',
        f"`{VALUE}`",
        f"**{VALUE}**",
        f"<{VALUE}>",
        f"The value is {VALUE}.",
        f"It leads to {VALUE}, as far as I can see.",
        f"The key '{KEY}' leads to '{VALUE}'.",
        f'"{KEY}": "{VALUE}"',
        f'{{"{KEY}": "{VALUE}"}}',
        f'```json\n{{"{KEY}": "{VALUE}"}}\n```',
        f'{{"answer": "{VALUE}"}}',
        f"{KEY} -> {VALUE}",
        f"{KEY}\n{VALUE}",
        f"Value:{VALUE}",
        f"I believe that it is {VALUE}, but I am not sure.",
        f"Answer: {VALUE}\n\nAnything else?",
        f"{VALUE} {VALUE}",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "null",
        KEY,
        OTHER,
        ELSE,
        f"The key is {KEY}.",
        f"It leads to {ELSE}.",
        f"{VALUE} or {ELSE}",
        f"{VALUE}, {ELSE}, {OTHER}",
        json.dumps({OTHER: ELSE, KEY: VALUE}),
        VALUE[:-1],
        VALUE[:8],
        VALUE.replace("-", ""),
        VALUE.replace("e", "f"),
        f"{VALUE[:-4]}...",
        VALUE[::-1],
        f"{VALUE[:-1]}0",
        "00000000-0000-0000-0000-000000000000",
        f"Either {OTHER} or {VALUE}.",
        "The JSON object holds two keys.",
        " ".join(VALUE),
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


def test_a_chain_of_keys_may_be_told() -> None:
    test = example("key_value", num_kv_pairs=9, nested_levels=2)
    pairs = json.loads(test.script[0].text.split("\n\n", 1)[1])
    (key,) = re.findall(r"'([0-9a-f-]{36})'", test.script[1].text)
    path = [key]
    while path[-1] in pairs:
        path.append(pairs[path[-1]])
    assert len(pairs) == 9
    assert len(path) == 4
    assert points(test, f"It leads to {path[-1]}.") == 1
    assert points(test, " -> ".join(path)) == 1
    assert points(test, path[1]) == 0


def test_the_object_is_needed() -> None:
    assert (TEST.evidence, TEST.stale) == (((0,),), ((),))


def test_there_are_as_many_pairs_as_asked_for() -> None:
    assert len(json.loads(example("key_value").script[0].text.split("\n\n", 1)[1])) == 140
    with pytest.raises(SettingsError, match="num_kv_pairs: must be a whole number from 4"):
        example("key_value", num_kv_pairs=3, nested_levels=3)


@pytest.mark.parametrize("expected", [[], ["value"], [VALUE, ELSE], [3]])
def test_a_value_is_expected(expected: list[object]) -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold one value, a UUID"):
        define("key_value", [VALUE], ["What does it lead to?"], expected)


def test_the_value_is_told() -> None:
    with pytest.raises(SettingsError, match="script: must hold the value, and a question"):
        define("key_value", [KEY], ["What does it lead to?"], [VALUE])

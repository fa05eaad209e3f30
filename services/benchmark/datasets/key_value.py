"""A long JSON object of meaningless keys and values: which value belongs to a key?"""

import json
import re
from collections.abc import Sequence
from itertools import pairwise
from random import Random
from uuid import UUID

from services.benchmark.definition import Arguments, Dataset, Definition, Exchange, Said, Score
from services.benchmark.grading import GRADED, graded
from services.benchmark.scripts import in_order, needs, spread, told, whole
from services.errors import SettingsError

TOLD = "Please keep this JSON object in mind:\n\n{pairs}"
QUESTION = (
    "Go back to the JSON object that I gave you: what does the key '{key}' lead to? If its value is a key "
    "itself, follow it until you reach one that isn't."
)
ARGUMENTS: Arguments = {"num_kv_pairs": 140, "nested_levels": 0}
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def generate(random: Random, number: int, arguments: Arguments) -> Definition:
    """`num_kv_pairs` pairs; `nested_levels` times a value is the key of another pair."""
    levels = whole(arguments, ARGUMENTS, "nested_levels", 0, 20)
    count = whole(arguments, ARGUMENTS, "num_kv_pairs", levels + 1, 2_000)
    length = levels + 1
    pairs: dict[str, str] = {}
    for _ in range(count // length):
        chain = [_id(random) for _ in range(length + 1)]
        pairs |= dict(pairwise(chain))
    keys = [key for key in pairs if key not in pairs.values()]
    pairs |= {_id(random): _id(random) for _ in range(count % length)}
    entries = list(pairs.items())
    random.shuffle(entries)
    key = random.choice(keys)
    asked = Said(QUESTION.format(key=key), True)
    script = spread([Said(TOLD.format(pairs=json.dumps(dict(entries), indent=1)))], [asked])
    return define(number, script, [_path(pairs, key)[-1]])


def _id(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def _path(pairs: dict[str, str], key: str) -> list[str]:
    path = [key]
    while (value := pairs.get(path[-1])) and value not in path:
        path.append(value)
    return path


def define(number: int, script: tuple[Said, ...], expected: Sequence[object]) -> Definition:
    """`expected`: the value at the end."""
    match expected:
        case [str(value)] if _ID.fullmatch(value):
            pass
        case _:
            raise SettingsError("expected_responses: must hold one value, a UUID")
    places = tuple(place for place in told(script) if value in script[place].text)
    needs(bool(places) and len(told(script)) < len(script), "script", "must hold the value, and a question")
    return Definition("key_value", number, script, (value,), (places,), ((),))


def score(definition: Definition, exchanges: Sequence[Exchange], run: Sequence[Exchange]) -> Score:
    """One point if the value stands in the reply, and none but those on the way to it.

    Whole values only; their case is free.
    """
    ((reply, expected),) = graded(definition, exchanges)
    told_ids = _ID.findall(definition.script[definition.evidence[0][0]].text)
    (key, *_) = _ID.findall(definition.script[-1].text) or [""]
    allowed = set(_path(dict(zip(told_ids[::2], told_ids[1::2], strict=False)), key)) | {expected}
    said = set(_ID.findall(reply[:GRADED].lower()))
    others = len(said - allowed)
    right = expected in said and not others
    return Score(
        float(right),
        1,
        (f"expected {expected}, {'said' if expected in said else 'not said'}, {others} others",),
    )


DATASET = Dataset(
    "key_value",
    "a JSON object of random keys and values; asked for what a key leads to",
    ARGUMENTS,
    generate,
    define,
    in_order,
    score,
    reset="Forget the JSON object that I gave you.",
)

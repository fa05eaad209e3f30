"""Reads what GoodAI's LTM Benchmark 3 has published: definitions of tests, and configurations of runs.

definitions/<title of the dataset>/<number>.def.json
data/menu.json          what the restaurant serves
<configuration>.yml     run name, memory span, and the datasets with their arguments
"""

import json
from pathlib import Path
from typing import Annotated, Any, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from services.benchmark.configuration import Configuration, Selection
from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Definition, Said, Wait
from services.errors import SettingsError

TITLES = {
    "ChapterBreak": "chapterbreak",
    "Colours": "colours",
    "Conflicting Personal Information": "conflicting_personal_information",
    "Delayed Recall": "delayed_recall",
    "How to Think": "how_to_think",
    "Instruction Recall": "instruction_recall",
    "Jokes": "jokes",
    "Key-Value Pairs": "key_value",
    "Locations": "locations",
    "Locations Directions": "locations_directions",
    "NameList": "name_list",
    "Names": "names",
    "Prospective Memory": "prospective_memory",
    "Restaurant": "restaurant",
    "SallyAnne": "sallyanne",
    "Shopping": "shopping",
    "Spy Meeting": "spy_meeting",
    "Trigger Response": "trigger_response",
}
"""Folders by the original's titles, and what their datasets are called here."""
_NAMES = {"kv": "key_value", "conflicting_personal_info": "conflicting_personal_information"}
"""What the original's configurations call by another name."""


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True)


class _Wait(_Record):
    percentage_finished: Annotated[float, Field(ge=0, le=100)] = 0
    tokens: Annotated[int, Field(ge=0)] = 0
    time: Annotated[float, Field(ge=0)] = 0


class _Definition(_Record):
    script: list[str]
    is_question: list[bool]
    waits: list[_Wait]
    expected_responses: list[Any]


class _Strict(_Record):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)


class _Run(_Strict):
    run_name: Annotated[str, Field(min_length=1)]
    incompatibilities: list[list[str]] = []
    seed: int = 0
    debug: bool = False


class _Shared(_Strict):
    memory_span: Annotated[int, Field(ge=0)]
    dataset_examples: Annotated[int, Field(ge=1)]


class _Dataset(_Strict):
    name: str
    args: dict[str, Any] | None = None


class _Datasets(_Strict):
    args: _Shared
    datasets: Annotated[list[_Dataset], Field(min_length=1)]


class _Configuration(_Strict):
    config: _Run
    datasets: _Datasets


def definitions(folder: Path, left_out: list[str] | None = None) -> list[Definition]:
    """All tests in a folder of this layout, or in its folder `definitions`, by dataset and number.

    Raises SettingsError, which names the file and the field that can't be read, or what is of no known
    dataset. With `left_out` such a line is put there for each, and the others are read.
    """
    root = folder / "definitions" if (folder / "definitions").is_dir() else folder
    files = sorted(root.glob("*/*.def.json"), key=lambda path: (path.parent, len(path.name), path.name))
    if not files:
        raise SettingsError(f"{folder}: there is no <dataset>/<number>.def.json in it")
    read = [_tried(path, place, root.parent / "data" / "menu.json") for place, path in enumerate(files)]
    errors = [each for each in read if isinstance(each, SettingsError)]
    if errors and left_out is None:
        raise errors[0]
    if left_out is not None:
        left_out += map(str, errors)
    return [each for each in read if isinstance(each, Definition)]


def configuration(path: Path) -> Configuration:
    """A run's configuration. Raises SettingsError, which names the file and the field that can't be read."""
    try:
        read = _Configuration.model_validate(yaml.safe_load(_text(path)))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise SettingsError(f"{path}{where}: this is not YAML") from None
    except ValidationError as error:
        raise SettingsError(f"{path}, {_first(error)}") from None
    return Configuration(
        read.config.run_name,
        read.datasets.args.memory_span,
        tuple(_selection(path, place, read.datasets) for place in range(len(read.datasets.datasets))),
        tuple(
            frozenset(_known(f"{path}, config.incompatibilities.{place}", name) for name in names)
            for place, names in enumerate(read.config.incompatibilities)
        ),
        read.config.seed,
    )


def _tried(path: Path, place: int, menu: Path) -> Definition | SettingsError:
    try:
        return _definition(path, place, menu)
    except SettingsError as error:
        return error


def _definition(path: Path, place: int, menu: Path) -> Definition:
    """`place`: its number, should the file's name hold none."""
    title = path.parent.name
    if title not in TITLES:
        raise SettingsError(f"{path}: no dataset has the title {title}; there are {', '.join(TITLES)}")
    read = _parsed(path, _Definition)
    if not len(read.script) <= len(read.is_question) == len(read.waits):
        raise SettingsError(f"{path}: script, is_question and waits differ in length")
    script = tuple(
        Said(text, asks, Wait(wait.percentage_finished / 100, wait.tokens, round(wait.time)))
        for text, asks, wait in zip(read.script, read.is_question, read.waits, strict=False)
    )
    expected = read.expected_responses
    if title == "Restaurant" and not expected and menu.is_file():
        expected = [_json(menu)]
    stem = path.name.removesuffix(".def.json")
    try:
        return DATASETS[TITLES[title]].define(int(stem) if stem.isdecimal() else place, script, expected)
    except SettingsError as error:
        raise SettingsError(f"{path}, {error}") from None


def _selection(path: Path, place: int, datasets: _Datasets) -> Selection:
    chosen = datasets.datasets[place]
    where = f"{path}, datasets.datasets.{place}"
    name = _known(f"{where}.name", chosen.name)
    arguments = dict(chosen.args or {})
    count = arguments.pop("dataset_examples", datasets.args.dataset_examples)
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise SettingsError(f"{where}.args.dataset_examples: must be a whole number from 1")
    taken = DATASETS[name].arguments
    for argument in arguments:
        if argument not in taken:
            raise SettingsError(f"{where}.args.{argument}: {name} takes {', '.join(taken) or 'no arguments'}")
    return Selection(name, count, arguments)


def _known(where: str, name: str) -> str:
    name = _NAMES.get(name, name)
    if name not in DATASETS:
        raise SettingsError(f"{where}: there is no dataset {name!r}; there are {', '.join(sorted(DATASETS))}")
    return name


R = TypeVar("R", bound=_Record)


def _parsed(path: Path, record: type[R]) -> R:
    try:
        return record.model_validate(_json(path))
    except ValidationError as error:
        raise SettingsError(f"{path}, {_first(error)}") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False)[0]
    return f"{'.'.join(map(str, first['loc'])) or 'the file'}: {first['msg']}"


def _json(path: Path) -> Any:
    try:
        return json.loads(_text(path))
    except json.JSONDecodeError as error:
        raise SettingsError(f"{path}, line {error.lineno}: this is not JSON") from None


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path}: can't be read: {error}") from None

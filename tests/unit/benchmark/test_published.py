import json
from pathlib import Path
from typing import Any

import pytest

from services.benchmark import published
from services.benchmark.configuration import Configuration, Selection, examples
from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Said, Wait
from services.errors import SettingsError

COLOURS: dict[str, Any] = {
    "script": ["Teal is what I like.", "By now it is Plum.", "Which colour do I like?"],
    "is_question": [False, False, True],
    "waits": [{"percentage_finished": 45.0}, {"tokens": 200, "percentage_finished": 90.0}, {}],
    "expected_responses": ["Plum"],
    "can_be_interleaved": True,
    "is_temporal": False,
    "uses_callback": False,
}
JOKES: dict[str, Any] = {
    "script": ["A clock went back four seconds.", "The boat was for sail."],
    "is_question": [False, False, True],
    "waits": [{"time": 600, "percentage_finished": 45}, {"time": 1200.0, "percentage_finished": 90}, {}],
    "expected_responses": ["The boat was for sail."],
}
RESTAURANT: dict[str, Any] = {"script": [], "is_question": [], "waits": [], "expected_responses": []}
CONFIGURATION = """
config:
  debug: True
  run_name: "A run"
  incompatibilities:
    - - "names"
      - "name_list"
datasets:
    args:
      memory_span: 32000
      dataset_examples: 3
    datasets:
      - name: "colours"
        args:
          colour_changes: 5
      - name: "kv"
        args:
          dataset_examples: 1
      - name: "spy_meeting"
        args:
"""


def write(folder: Path, title: str, definition: object, name: str = "0") -> Path:
    path = folder / "definitions" / title / f"{name}.def.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(definition), encoding="utf-8")
    return path


def test_definitions_are_read_by_dataset_and_number(tmp_path: Path) -> None:
    for name in ("10", "2", "0"):
        write(tmp_path, "Colours", COLOURS, name)
    write(tmp_path, "Jokes", JOKES)
    (tmp_path / "definitions" / "config.yml").write_text("")
    read = published.definitions(tmp_path)
    assert [definition.name for definition in read] == ["colours-0", "colours-2", "colours-10", "jokes-0"]
    assert published.definitions(tmp_path / "definitions") == read


def test_a_definition_has_what_its_file_says(tmp_path: Path) -> None:
    write(tmp_path, "Colours", COLOURS)
    (colours,) = published.definitions(tmp_path)
    assert colours.script == (
        Said("Teal is what I like.", wait=Wait(share=0.45)),
        Said("By now it is Plum.", wait=Wait(share=0.9, tokens=200)),
        Said("Which colour do I like?", True),
    )
    assert (colours.expected, colours.evidence, colours.stale) == (("Plum",), ((1,),), ((0,),))


def test_a_question_may_come_after_the_script(tmp_path: Path) -> None:
    write(tmp_path, "Jokes", JOKES)
    (jokes,) = published.definitions(tmp_path)
    assert [said.wait.seconds for said in jokes.script] == [600, 1200]
    assert jokes.evidence == ((1,),)


def test_the_restaurant_serves_what_is_on_the_menu_beside_it(tmp_path: Path) -> None:
    write(tmp_path, "Restaurant", RESTAURANT)
    (own,) = published.definitions(tmp_path)
    assert "Roast Duck" in own.script[1].text
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "menu.json").write_text(
        '{"Mains": ["Goulash", "Ragout"], "Beverages": ["Lemonade"]}'
    )
    (given,) = published.definitions(tmp_path)
    assert "Mains:\n- Goulash\n- Ragout\n\nBeverages:\n- Lemonade" in given.script[1].text


def test_a_file_without_a_number_is_numbered_by_its_place(tmp_path: Path) -> None:
    write(tmp_path, "Colours", COLOURS, "book_a")
    write(tmp_path, "Colours", COLOURS, "book_b")
    assert [definition.number for definition in published.definitions(tmp_path)] == [0, 1]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"script": None}, "script: Input should be a valid list"),
        ({"script": [1, 2, 3]}, r"script\.0: Input should be a valid string"),
        ({"is_question": [False, True]}, "script, is_question and waits differ in length"),
        ({"waits": [{}, {}]}, "script, is_question and waits differ in length"),
        (
            {"waits": [{"percentage_finished": 101}, {}, {}]},
            r"waits\.0\.percentage_finished: Input should be less",
        ),
        ({"waits": [{}, {"tokens": -1}, {}]}, r"waits\.1\.tokens: Input should be greater"),
        ({"expected_responses": "Plum"}, "expected_responses: Input should be a valid list"),
        ({"expected_responses": ["Teal"]}, "script: the last one told is not Teal"),
    ],
)
def test_a_broken_definition_is_named(tmp_path: Path, change: dict[str, object], problem: str) -> None:
    path = write(tmp_path, "Colours", COLOURS | change)
    with pytest.raises(SettingsError, match=f"{path}, {problem}|{path}: {problem}"):
        published.definitions(tmp_path)


def test_a_field_that_is_missing_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "Colours", {"script": [], "is_question": [], "waits": []})
    with pytest.raises(SettingsError, match=f"{path}, expected_responses: Field required"):
        published.definitions(tmp_path)


def test_what_is_not_json_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "Colours", COLOURS)
    path.write_text('{"script": [],\n oops}')
    with pytest.raises(SettingsError, match=f"{path}, line 2: this is not JSON"):
        published.definitions(tmp_path)
    path.write_bytes(b"\xff")
    with pytest.raises(SettingsError, match=f"{path}: can't be read"):
        published.definitions(tmp_path)


def test_an_unknown_dataset_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, "Crosswords", COLOURS)
    with pytest.raises(
        SettingsError, match=f"{path}: no dataset has the title Crosswords; there are ChapterBreak,"
    ):
        published.definitions(tmp_path)


def test_what_is_broken_may_be_left_out(tmp_path: Path) -> None:
    write(tmp_path, "Colours", COLOURS)
    broken = write(tmp_path, "Colours", COLOURS | {"expected_responses": []}, "1")
    unknown = write(tmp_path, "Crosswords", COLOURS)
    left_out: list[str] = []
    assert [definition.name for definition in published.definitions(tmp_path, left_out)] == ["colours-0"]
    assert [line.split(": ")[0] for line in left_out] == [f"{broken}, expected_responses", f"{unknown}"]


def test_a_folder_without_definitions_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"there is no <dataset>/<number>\.def\.json in it"):
        published.definitions(tmp_path)
    with pytest.raises(SettingsError, match=r"nowhere: there is no <dataset>/<number>\.def\.json in it"):
        published.definitions(tmp_path / "nowhere")


def test_all_titles_are_of_datasets() -> None:
    assert sorted(published.TITLES.values()) == sorted(DATASETS)
    assert all(dataset.name == name for name, dataset in DATASETS.items())


def test_a_configuration_is_read(tmp_path: Path) -> None:
    path = tmp_path / "run.yml"
    path.write_text(CONFIGURATION)
    assert published.configuration(path) == Configuration(
        "A run",
        32_000,
        (
            Selection("colours", 3, {"colour_changes": 5}),
            Selection("key_value", 1, {}),
            Selection("spy_meeting", 3, {}),
        ),
        (frozenset({"names", "name_list"}),),
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ('run_name: "A run"', "run: 1", r"config\.run_name: Field required"),
        ("memory_span: 32000", "memory_span: -1", r"datasets\.args\.memory_span: Input should be greater"),
        (
            "memory_span: 32000",
            "memory_span: lots",
            r"datasets\.args\.memory_span: Input should be a valid int",
        ),
        ("memory_span: 32000", "filler_tokens: 3", r"datasets\.args\.memory_span: Field required"),
        (
            "dataset_examples: 3",
            "dataset_examples: 0",
            r"datasets\.args\.dataset_examples: Input should be greater",
        ),
        (
            "dataset_examples: 1",
            "dataset_examples: no",
            r"datasets\.datasets\.1\.args\.dataset_examples: must be",
        ),
        (
            "colour_changes: 5",
            "colors: 5",
            r"datasets\.datasets\.0\.args\.colors: colours takes colour_changes",
        ),
        ('name: "kv"', "name: chess", r"datasets\.datasets\.1\.name: there is no dataset 'chess'; there are"),
        ('- "name_list"', "- chess", r"config\.incompatibilities\.0: there is no dataset 'chess'"),
        ("debug: True", "debug: [", "line 5: this is not YAML"),
        (CONFIGURATION, "", "the file: Input should be a valid dictionary"),
        (CONFIGURATION, "- 1", "the file: Input should be a valid dictionary"),
        (CONFIGURATION, "a: !!python/object:os.system {}", "line 1: this is not YAML"),
    ],
)
def test_a_broken_configuration_is_named(tmp_path: Path, old: str, new: str, problem: str) -> None:
    path = tmp_path / "run.yml"
    path.write_text(CONFIGURATION.replace(old, new, 1))
    with pytest.raises(SettingsError, match=f"{path}, {problem}"):
        published.configuration(path)


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"run\.yml: can't be read"):
        published.configuration(tmp_path / "run.yml")


def test_the_first_examples_stay_the_same_when_more_are_wanted() -> None:
    few, more = (examples(Selection("shopping", count, {"item_changes": 4}), 7) for count in (2, 5))
    assert more[:2] == few
    assert [definition.name for definition in more] == [f"shopping-{number}" for number in range(5)]
    assert len({definition.script for definition in more}) == 5


def test_an_example_that_cannot_be_made_names_dataset_and_argument() -> None:
    with pytest.raises(SettingsError, match="colours, colour_changes: must be a whole number"):
        examples(Selection("colours", 1, {"colour_changes": 0}), 0)

"""Which tests a run consists of."""

import json
from pathlib import Path

import pytest

from services.benchmark.plan import Wanted, planned
from services.benchmark.run import digest
from services.errors import SettingsError

MIXED = """
config: {run_name: "Mixed", seed: 7, incompatibilities: [["names", "name_list"]]}
datasets:
  args: {memory_span: 2000, dataset_examples: 2}
  datasets:
    - name: "colours"
    - name: "restaurant"
    - name: "chapterbreak"
"""
SAID = "The name of my favourite colour is Brown."
COLOURS = {
    "script": [SAID, "What is my favourite colour?"],
    "is_question": [False, True],
    "waits": [{"percentage_finished": 90.0}, {}],
    "expected_responses": ["Brown"],
}


@pytest.fixture
def mixed(tmp_path: Path) -> str:
    path = tmp_path / "mixed.yml"
    path.write_text(MIXED)
    return str(path)


def names(wanted: Wanted) -> list[str]:
    return [test.definition.name for test in planned(wanted).plan.tests]


def test_tests_are_made_from_the_configurations_seed(mixed: str) -> None:
    done = planned(Wanted(mixed))
    assert (done.name, done.plan.span, done.plan.seed) == ("Mixed", 2000, 7)
    assert done.plan.apart == (frozenset({"names", "name_list"}),)
    assert digest(done.plan) == digest(planned(Wanted(mixed)).plan)
    assert digest(done.plan) != digest(planned(Wanted(mixed, seed=8)).plan)
    assert planned(Wanted(mixed, span=0)).plan.span == 0


def test_what_nobody_answers_or_no_file_holds_is_left_out(mixed: str) -> None:
    assert names(Wanted(mixed)) == ["colours-0", "colours-1", "restaurant-0", "restaurant-1"]
    assert names(Wanted(mixed, answers=False)) == ["colours-0", "colours-1"]
    first, second = planned(Wanted(mixed, answers=False)).left_out
    assert first == "restaurant: needs an agent that answers"
    assert second.startswith("chapterbreak: is made of a file")


def test_definitions_are_read_where_a_folder_is_named(mixed: str, tmp_path: Path) -> None:
    folder = tmp_path / "definitions" / "Colours"
    folder.mkdir(parents=True)
    for number in range(3):
        (folder / f"{number}.def.json").write_text(json.dumps(COLOURS))
    (folder / "3.def.json").write_text("{}")
    trivia = tmp_path / "trivia.json"
    trivia.write_text(json.dumps({"Data": [{"Question": "Who?", "AnswerValue": "Me"}]}))
    done = planned(Wanted(mixed, definitions=tmp_path, trivia=trivia))
    assert [test.definition.name for test in done.plan.tests] == ["colours-0", "colours-1"]
    assert done.plan.tests[0].definition.script[0].text == SAID
    assert [str(each) for each in done.plan.trivia] == ["Q: Who? A: Me"]
    broken, *others = done.left_out
    assert "3.def.json" in broken
    assert [line.split(":")[0] for line in others] == ["restaurant", "chapterbreak"]


def test_a_run_without_a_test_is_none(tmp_path: Path) -> None:
    path = tmp_path / "none.yml"
    path.write_text(MIXED.replace('    - name: "colours"\n', ""))
    with pytest.raises(SettingsError, match="no test to run: restaurant"):
        planned(Wanted(str(path), answers=False))


def test_a_configuration_is_known_by_its_name() -> None:
    assert len(planned(Wanted("small")).plan.tests) == 16
    with pytest.raises(SettingsError, match="no-such-name"):
        planned(Wanted("no-such-name"))

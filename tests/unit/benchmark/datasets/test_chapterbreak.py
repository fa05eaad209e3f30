import json
from pathlib import Path

import pytest

from exam import define, example, expected, points
from services.errors import SettingsError

TOLD = ["I will read to you.", "Page 1 of 1:\n\nThe door fell shut.", "Beginning number 1:\n\nIt was dark."]
TEST = define("chapterbreak", TOLD, ["Which of these beginnings is the true one?"], ["3"])
SAMPLE = {
    "ctx": "It rained. Nobody spoke! The lamp went out? Then the door fell shut.",
    "pos": "In the morning the door stood open.",
    "negs": ["The ship sailed on.", "A dog barked.", "He was rich by then.", "Far away, a bell rang."],
}


@pytest.mark.parametrize(
    "reply",
    [
        "3",
        "3.",
        "**3**",
        "#3",
        "(3)",
        "Option 3",
        "Beginning number 3",
        "Number 3.",
        "It is number 3.",
        "The true beginning is number 3.",
        "I think it's 3, because of the door.",
        "three",
        "Three.",
        "Number three",
        "Option three!",
        "Answer: 3",
        "It could be 1 or 2. Answer: 3",
        "The answer is 3.",
        "3️⃣",
        "`3`",
        "3 3",
        "[3]",
    ],
)
def test_right(reply: str) -> None:
    assert points(TEST, reply) == 1


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "I don't know.",
        "1",
        "2",
        "4",
        "33",
        "13",
        "3 or 4",
        "1, 2, 3",
        "Either 2 or 3.",
        "one",
        "The third one seems to be right, I think.",
        "The three of them could be it, any of them.",
        "Option 2, not 3",
        "Answer: 1",
        "It is 3. Answer: 4",
        "None of them.",
        "3.5",
        "Beginning number",
        "The door stood open.",
        "iii",
        "#2 (of 5)",
    ],
)
def test_wrong(reply: str) -> None:
    assert points(TEST, reply) == 0


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "chapters.json"
    path.write_text(json.dumps({"ao3": {"a": [SAMPLE]}, "pg19": {"b": [SAMPLE | {"ctx": "Long ago."}]}}))
    return str(path)


def test_a_chapter_is_read_and_its_continuations_offered(file: str) -> None:
    test = example("chapterbreak", file=file)
    told = [said.text for said in test.script if not said.is_question]
    assert told[1] == f"Page 1 of 1:\n\n{SAMPLE['ctx']}"
    ((right,),) = [expected(test)]
    assert f"Beginning number {right}:\n\n{SAMPLE['pos']}" in told
    assert len(told) == 2 + 5
    assert test.evidence == ((1, 2, 3, 4, 5, 6),)
    assert points(test, f"Number {right}.") == 1


def test_a_part_may_be_chosen(file: str) -> None:
    assert "Long ago." in example("chapterbreak", file=file, split="pg19").script[1].text
    texts = {example("chapterbreak", seed, file=file, split="all").script[1].text for seed in range(20)}
    assert len(texts) == 2


def test_a_chapter_is_cut_between_sentences(tmp_path: Path) -> None:
    path = tmp_path / "long.json"
    path.write_text(json.dumps({"ao3": {"a": [SAMPLE | {"ctx": "One more word. " * 100}]}}))
    pages = [said.text for said in example("chapterbreak", file=str(path), page_tokens=64).script[1:-6]]
    assert len(pages) == 6
    assert all(page.endswith(".") and len(page.split("\n\n")[1]) <= 4 * 64 for page in pages)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("{", "is not of ChapterBreak's form: it: Invalid JSON"),
        ("[]", "is not of ChapterBreak's form"),
        (
            '{"ao3": {"a": [{"ctx": "x", "pos": "y"}]}}',
            "is not of ChapterBreak's form: ao3.a.0.negs: Field required",
        ),
        ('{"pg19": {"a": []}}', "has nothing in ao3"),
    ],
)
def test_a_file_of_another_form_is_named(tmp_path: Path, content: str, problem: str) -> None:
    path = tmp_path / "chapters.json"
    path.write_text(content)
    with pytest.raises(SettingsError, match=problem):
        example("chapterbreak", file=str(path))


def test_without_a_file_there_is_nothing_to_read(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="file: name a file of ChapterBreak"):
        example("chapterbreak")
    with pytest.raises(SettingsError, match=r"file: .* can't be read: No such file"):
        example("chapterbreak", file=str(tmp_path / "nothing.json"))


def test_the_number_of_an_option_and_a_text_are_expected() -> None:
    with pytest.raises(SettingsError, match="expected_responses: must hold the number of an option"):
        define("chapterbreak", TOLD, ["Which?"], ["the third"])
    with pytest.raises(SettingsError, match="script: must hold a text and a question"):
        define("chapterbreak", TOLD, [], ["3"])

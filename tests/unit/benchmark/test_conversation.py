import json
from pathlib import Path

import pytest

from services.benchmark import conversation
from services.errors import SettingsError

MESSAGE = {
    "id": "a",
    "role": "user",
    "author": "Ann",
    "sent_at": "2026-05-08T13:56:00+00:00",
    "text": "Hello",
}
QUESTION = {
    "id": "q",
    "kind": "greeting",
    "text": "What did I say?",
    "author": "Ann",
    "asked_at": "2026-05-09T00:00:00+00:00",
    "evidence": ["a"],
}


def written(folder: Path, *lines: str) -> Path:
    path = folder / "talk.jsonl"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def line(**changes: object) -> str:
    return json.dumps({"id": "talk", "messages": [MESSAGE], "questions": [QUESTION], **changes})


def test_a_conversation_a_line(tmp_path: Path) -> None:
    first, second = conversation.read(written(tmp_path, line(), "", line(id="other")))
    assert (first.id, second.id) == ("talk", "other")
    assert first.messages[0].text == "Hello"
    assert first.questions[0].evidence == ("a",)


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_only_the_end_of_a_line_ends_it(tmp_path: Path, separator: str) -> None:
    text = f"Hello{separator}there"
    raw = json.dumps(
        {"id": "talk", "messages": [{**MESSAGE, "text": text}], "questions": []}, ensure_ascii=False
    )
    first, second = conversation.read(written(tmp_path, f"{raw}\r", line()))
    assert first.messages[0].text == text
    assert second.messages[0].text == "Hello"


def test_a_byte_order_mark_is_passed_over(tmp_path: Path) -> None:
    (read,) = conversation.read(written(tmp_path, f"\ufeff{line()}"))
    assert read.id == "talk"


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ([line(), "{"], "line 2, the line: Invalid JSON"),
        ([line(messages=[{**MESSAGE, "sent_at": "2026-05-08T13:56:00"}])], "messages.0.sent_at"),
        ([line(messages=[{**MESSAGE, "role": "system"}])], "messages.0.role"),
        ([line(messages=[MESSAGE, MESSAGE])], "two messages a"),
        ([line(questions=[{**QUESTION, "evidence": ["b"]}])], "question q names no message b"),
        ([line(questions=[{**QUESTION, "text": " \t"}])], "line 1, questions.0.text"),
        ([], "holds no conversation"),
        (["", " "], "holds no conversation"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, lines: list[str], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        conversation.read(written(tmp_path, *lines))


def test_no_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"missing\.jsonl: can't be read"):
        conversation.read(tmp_path / "missing.jsonl")

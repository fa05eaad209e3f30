import os
import resource
from pathlib import Path

import pytest

from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.terminal.files import kept

EXPORT = pb.Delivery(text="Here is all.", file_name="remi-2026-03-02.jsonl", file_content=b"{}\n")


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


async def test_a_file_stands_in_the_working_folder_for_its_owner_alone(tmp_path: Path) -> None:
    told = await kept(EXPORT)

    path = tmp_path / "remi-2026-03-02.jsonl"
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (b"{}\n", 0o600)
    assert told.text.startswith("Here is all.\n\n")
    assert f"`{path}`" in told.text
    assert EXPORT.text == "Here is all."


async def test_no_file_is_replaced(tmp_path: Path) -> None:
    (tmp_path / "remi-2026-03-02.jsonl").write_text("mine")
    texts = [(await kept(EXPORT)).text for _ in range(2)]

    assert (tmp_path / "remi-2026-03-02.jsonl").read_text() == "mine"
    for number, text in enumerate(texts, start=2):
        assert f"{tmp_path}/remi-2026-03-02-{number}.jsonl" in text


@pytest.mark.parametrize("name", ["/etc/remi", "../remi", "a/remi"])
async def test_it_stands_nowhere_else(tmp_path: Path, name: str) -> None:
    await kept(pb.Delivery(file_name=name, file_content=b"x"))

    assert (tmp_path / "remi").read_bytes() == b"x"


async def test_one_that_can_not_be_written_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    told = await kept(pb.Delivery(text="Here.", file_name="x" * 300, file_content=b"x"))
    assert f"could not write it into `{tmp_path}`: File name too long" in told.text
    assert "export FILE" in told.text

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1, before[1]))
    try:
        told = await kept(EXPORT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert "File too large" in told.text
    assert os.listdir(tmp_path) == []


async def test_what_hands_over_no_file_is_as_it_was(tmp_path: Path) -> None:
    delivery = pb.Delivery(text="Hello.")

    assert (await kept(delivery)) == delivery
    assert os.listdir(tmp_path) == []

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.errors import NotFound
from services.stubs.assistant.v1 import assistant_pb2 as pb
from services.terminal.talk import Talk, account, numbers_of, printable

QUESTION = pb.Delivery(
    text="Forget it?\n",
    button_rows=[
        pb.ButtonRow(buttons=[pb.Button(label="Yes", action="forget:1")]),
        pb.ButtonRow(buttons=[pb.Button(label="No", action="keep")]),
    ],
)


def test_a_line_is_a_message_of_the_account() -> None:
    request = Talk("ann").said("My dog is called Biscuit.")

    assert request.message.text == "My dog is called Biscuit."
    assert request.message.message_id
    assert request.place.platform == pb.PLATFORM_TERMINAL
    assert request.place.chat_kind == pb.CHAT_KIND_DIRECT
    assert (request.place.chat_id, request.author.user_id) == ("ann", "ann")
    assert request.addressed
    assert request.sent_at.seconds > 0


def test_every_event_has_a_key_of_its_own() -> None:
    talk = Talk("ann")

    keys = {talk.said("Hi").idempotency_key for _ in range(3)}

    assert len(keys) == 3
    assert all(key.startswith("terminal:ann:") for key in keys)


@pytest.mark.parametrize(
    ("line", "name", "arguments"),
    [
        ("/help", "help", ""),
        ("  /Remember  tea at five\nno sugar ", "remember", "tea at five\nno sugar"),
        ("/forget my dog", "forget", "my dog"),
    ],
)
def test_a_slash_makes_a_command(line: str, name: str, arguments: str) -> None:
    request = Talk("ann").said(line)

    assert (request.command.name, request.command.arguments) == (name, arguments)
    assert request.command.message_id


@pytest.mark.parametrize("line", ["/etc/hosts is a file", "/", "// comment", "/1"])
def test_other_slashes_are_messages(line: str) -> None:
    assert Talk("ann").said(line).message.text == line


def test_stop_passes_the_queue() -> None:
    assert Talk("ann").said("/stop").WhichOneof("event") == "stop"


def test_buttons_are_numbered_and_chosen_by_number() -> None:
    talk = Talk("ann")

    text, acknowledgement = talk.shown(QUESTION)
    request = talk.said(" 2 ")

    assert text == "Forget it?\n\n1. Yes\n2. No"
    assert request.button.action == "keep"
    assert list(acknowledgement.delivered.message_ids) == [request.button.message_id]


def offering(*labels: str) -> pb.Delivery:
    rows = [pb.ButtonRow(buttons=[pb.Button(label=label, action=f"does {label}")]) for label in labels]
    return pb.Delivery(text="Which?", button_rows=rows)


@pytest.mark.parametrize(
    ("labels", "shown"),
    [
        (["Cancel #1", "Cancel #4", "Cancel #3"], "- 1: Cancel #1\n- 4: Cancel #4\n- 3: Cancel #3"),
        (["11", "12", "More"], "To choose, type a number: 11, 12\n- 13: More"),
        (["1", "2", "More"], "To choose, type a number: 1, 2\n- 3: More"),
        (["Share 1", "Share 2"], "1. Share 1\n2. Share 2"),
        (["More", "Share 2", "1"], "To choose, type a number: 1\n- 3: More\n- 2: Share 2"),
    ],
)
def test_a_button_is_chosen_by_the_number_that_it_bears(labels: list[str], shown: str) -> None:
    text, _ = Talk("ann").shown(offering(*labels))

    assert text == f"Which?\n\n{shown}"
    for label in labels:
        talk = Talk("ann")
        talk.shown(offering(*labels))
        number = label.removeprefix("Cancel #").removeprefix("Share ")
        number = number.replace("More", "13" if "12" in labels else "3")
        assert talk.said(number).button.action == f"does {label}"


def test_a_number_that_no_button_bears_is_a_message() -> None:
    talk = Talk("ann")
    talk.shown(offering("Cancel #1", "Cancel #4", "Cancel #3"))

    assert talk.said("2").message.text == "2"


@pytest.mark.parametrize("labels", [["Correct 3", "Forget 3"], ["Try \u0663", "Stay"]])
def test_where_numbers_tell_no_buttons_apart_they_are_counted(labels: list[str]) -> None:
    talk = Talk("ann")
    text, _ = talk.shown(offering(*labels))

    assert text == f"Which?\n\n1. {labels[0]}\n2. {labels[1]}"
    assert talk.said("2").button.action == f"does {labels[1]}"


@given(st.lists(st.text("More #0123456789", max_size=12), max_size=12))
def test_no_two_buttons_are_chosen_by_the_same_number(labels: list[str]) -> None:
    assert len(set(numbers_of(labels))) == len(labels)


@pytest.mark.parametrize("line", ["0", "3", "-1", "two", "9" * 5000])
def test_a_number_without_a_button_is_a_message(line: str) -> None:
    talk = Talk("ann")
    talk.shown(QUESTION)

    assert talk.said(line).message.text == line


def test_buttons_are_gone_after_the_next_line() -> None:
    talk = Talk("ann")
    talk.shown(QUESTION)
    talk.said("Wait.")

    assert talk.said("1").message.text == "1"


def test_a_reply_cannot_steer_the_terminal() -> None:
    text, _ = Talk("ann").shown(pb.Delivery(text="tab\there\n\x1b[2Jgone\x9b0m"))

    assert text == "tab\there\n\ufffd[2Jgone\ufffd0m"
    assert printable("\x00\r\x7f") == "\ufffd\ufffd\ufffd"


def test_the_account_is_that_of_the_system(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    assert account() == str(os.getuid())

    monkeypatch.setenv("LOGNAME", "ann")
    assert account() == "ann"


async def test_only_a_file_that_was_named_here_is_handed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine").write_bytes(b"{}")
    (tmp_path / "other").write_bytes(b"[]")
    talk = Talk("ann")
    file = talk.said("/import mine").command.file
    assert (file.reference, file.size_bytes) == (str(tmp_path / "mine"), 2)
    monkeypatch.chdir("/")
    assert await talk.fetch(file.reference) == b"{}"
    for line in ("/import none", "/import ~nobody-at-all/x", f"/import {tmp_path}", "/import a\0b"):
        with pytest.raises(NotFound):
            await talk.fetch(talk.said(line).command.file.reference)
    for reference in ("mine", str(tmp_path / "other"), "/dev/zero"):
        with pytest.raises(NotFound):
            await talk.fetch(reference)
    (tmp_path / "mine").unlink()
    with pytest.raises(NotFound):
        await talk.fetch(file.reference)
    assert not talk.said("/import").command.HasField("file")
    assert not talk.said("/remember mine").command.HasField("file")

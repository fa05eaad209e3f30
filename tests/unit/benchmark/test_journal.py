"""What a killed run finds again."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from services.benchmark.agent import Told
from services.benchmark.journal import Heard, opened
from services.errors import SettingsError

NOW = datetime(2025, 1, 6, 9, tzinfo=UTC)
RUN = {"name": "small", "seed": 1}


def written(path: Path) -> None:
    with opened(path, RUN) as journal:
        journal.say(0, NOW, "Hello\u2028there")
        journal.hear(0, Heard("Hi", context_tokens=7, seconds=0.5))
        journal.say(1, NOW, "Forget it")
        journal.hear(1, Heard("", "no reply within 3 seconds", answer="Red"))
        journal.reset(2)
        journal.say(2, NOW, "Afresh")
        journal.lose(2, "no connection")
        journal.say(2, NOW, "Afresh")
        journal.hear(2, Heard("Yes"))
        journal.say(3, NOW, "Are you")


def test_a_journal_is_found_again_as_it_was(tmp_path: Path) -> None:
    written(tmp_path / "run" / "journal.jsonl")
    with opened(tmp_path / "run" / "journal.jsonl", RUN) as journal:
        assert journal.said[3] == ("Are you", NOW)
        assert journal.heard == {
            0: Heard("Hi", context_tokens=7, seconds=0.5),
            1: Heard("", "no reply within 3 seconds", answer="Red"),
            2: Heard("Yes"),
        }
        assert journal.heard[1].graded == "Red"
        assert journal.afresh == {2}
        assert journal.losses == 1
        # What the agent was told since its reset, and replied to.
        assert journal.told == [Told(NOW, "Afresh", "Yes")]


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path)
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    for end in range(len(whole) - len(lines[-1]), len(whole)):
        path.write_bytes(whole[:end])
        with opened(path, RUN) as journal:
            assert sorted(journal.said) == [0, 1, 2]
            journal.say(3, NOW, "Are you")
        assert path.read_bytes() == whole


def test_a_run_does_not_go_on_in_the_journal_of_another(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    written(path)
    with pytest.raises(SettingsError, match="another seed"), opened(path, {**RUN, "seed": 2}):
        pass


def test_a_run_is_carried_out_by_one_process_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with opened(path, RUN), pytest.raises(SettingsError, match="another process"), opened(path, RUN):
        pass


@pytest.mark.parametrize("line", ["{}", "[]", "nonsense", '{"heard": 5, "reply": ""}', '{"said": 1}'])
def test_what_is_no_journal_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "journal.jsonl"
    written(path)
    path.write_text(path.read_text() + line + "\n")
    with pytest.raises(SettingsError, match="line 12"), opened(path, RUN):
        pass

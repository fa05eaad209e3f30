"""What commands say, as far as it needs no store."""

from dataclasses import replace
from uuid import UUID, uuid4

import pytest

from services.assistant import showing
from services.assistant.commands import MANIFEST, cannot_read
from services.assistant.domain import Attachment, Edited, GroupKeeps, Recalled, Role, Said
from services.assistant.explain import Explanation, Line
from services.assistant.quotes import plain, quote
from services.assistant.store.traces import Reference, Trace
from talk import NOON

FILE = Attachment("f1", "notes.pdf", "application/pdf", 10)


def test_the_manifest_fits_the_contract() -> None:
    assert len({each.name for each in MANIFEST}) == len(MANIFEST)
    for each in MANIFEST:
        assert each.name == each.name.lower()
        assert len(each.name) <= 32
        assert 0 < len(each.description) <= 100


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (Said("1", "", unsupported_kind="sticker"), "sticker"),
        (Said("1", "", (FILE,)), "can't open files"),
        (Said("1", ""), "no words"),
        (Edited("1", ""), "no words"),
    ],
)
def test_a_message_without_words_gets_a_sensible_line(body: Said | Edited, says: str) -> None:
    assert says in cannot_read(body)
    assert "in words" in cannot_read(body)


def test_a_quote_is_one_plain_short_line() -> None:
    assert quote("Biscuit  is\nmy dog.") == "“Biscuit is my dog.”"
    assert plain("*bold* [link](http://x) ||spoiler||") == r"\*bold\* \[link\](http://x) \|\|spoiler\|\|"
    assert plain("a" * 200, 10) == "aaaaaaaaa…"
    assert plain("word " * 50, 11) == "word word…"


def test_numbers_agree_with_what_they_count() -> None:
    assert showing.count(1, "message") == "1 message"
    assert showing.count(1200, "message") == "1,200 messages"
    assert showing.count(2, "memory", "memories") == "2 memories"


def test_a_long_list_ends_with_how_many_more_there_are() -> None:
    assert showing.some(["- a", "- b"], 2) == "- a\n- b"
    assert showing.some(["- a", "- b", "- c"], 2) == "- a\n- b\n- and 1 more"


def test_an_introduction_tells_who_sees_what_is_said_here() -> None:
    direct = showing.introduction("*Ann*", None)
    group = showing.introduction("*Ann*", GroupKeeps(listens=False, leaves_out=False))
    assert r"\*Ann\*" in direct
    assert "no other person" in direct
    assert "Everybody here" in group
    for text in (direct, group):
        assert all(command in text for command in ("/memory", "/why", "/forget", "/help"))


@pytest.mark.parametrize("listens", [False, True])
@pytest.mark.parametrize("leaves_out", [False, True])
def test_an_introduction_tells_what_is_kept_in_this_group(listens: bool, leaves_out: bool) -> None:
    text = showing.introduction("Ann", GroupKeeps(listens, leaves_out))
    assert ("all that is said" in text) is listens
    assert ("the rest of your talk I don't keep" in text) is not listens
    assert ("I keep nothing" in text) is leaves_out


def line(number: int) -> Line:
    """The line of an explanation that ranked so, shown."""
    space_id, message_id = uuid4(), uuid4()
    reference = Reference(space_id, message_id, None, f"m{number}", score=1 / number, shown=True)
    found = Recalled(
        reference.handle, space_id, message_id, None, Role.PERSON, f"Line {number}", 0, 6, "Ann", NOON,
        reference.score, 0, 0, 10, True,
    )  # fmt: skip
    return Line(reference, found)


def explained(*lines: Line, tokens: int = 0) -> str:
    trace = Trace(NOON, NOON, "some_model", tokens, tokens // 10, ())
    return showing.explanation(Explanation(UUID(int=1), trace, lines), NOON)


def test_an_explanation_tells_what_the_answer_cost_where_it_cost_something() -> None:
    assert "for 1,200 tokens read and 120 written" in explained(tokens=1200)
    assert "token" not in explained()
    assert r"some\_model" in explained()


def test_an_explanation_shows_the_best_lines_and_counts_the_rest() -> None:
    text = explained(*(line(number) for number in range(1, 19)))
    assert "`m1` 1.00 (meaning 0.00, words 0.00): 2026-03-02, Ann: “Line 1”" in text
    assert "`m5`" in text
    assert "`m6`" not in text
    assert "and 13 more" in text


def test_an_explanation_begins_with_what_was_cited() -> None:
    cited = line(7)
    cited = replace(cited, reference=replace(cited.reference, cited=True))
    text = explained(line(1), cited, line(8))
    assert text.index("It rests on:") < text.index("`m7`") < text.index("What else I was shown")
    assert text.index("What else I was shown") < text.index("`m1`") < text.index("`m8`")


def test_an_explanation_marks_what_no_longer_holds_and_what_was_forgotten() -> None:
    old, gone = line(1), replace(line(2), found=None)
    assert old.found is not None
    text = explained(replace(old, found=replace(old.found, superseded=True)), gone)
    assert "Ann; no longer holds: “Line 1”" in text
    assert "`m2` 0.50 (meaning 0.00, words 0.00): forgotten since" in text

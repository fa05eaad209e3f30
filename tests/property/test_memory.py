"""What holds for any text: passages, words, quotes, dates."""

from datetime import UTC, datetime
from itertools import pairwise
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from services.assistant.dates import ranges, stretches
from services.assistant.domain import MemoryKind, Message, Role
from services.assistant.happens import named
from services.assistant.notes import Note, Operation, read
from services.assistant.passages import cut, line, tokens
from services.assistant.proof import prove
from services.assistant.quotes import find_quote
from services.assistant.words import DIMENSIONS, MOST_TERMS, dimension, space_key, stems, weigh

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
KEY = space_key(b"secret", UUID(int=1))


@given(st.text(max_size=3_000), st.integers(1, 100))
def test_passages_hold_all_of_a_text_but_blanks_in_order(text: str, size: int) -> None:
    stretches = cut(text, size)
    assert all(stretch.starts < stretch.ends for stretch in stretches)
    assert all(before.ends <= after.starts for before, after in pairwise(stretches))
    edges = [0, *(edge for stretch in stretches for edge in (stretch.starts, stretch.ends)), len(text)]
    between = [text[begins:ends] for begins, ends in zip(edges[::2], edges[1::2], strict=True)]
    assert not "".join(between).strip()


@given(st.text(max_size=3_000), st.integers(1, 100))
def test_a_passage_is_not_much_longer_than_asked(text: str, size: int) -> None:
    length = max(1, size * len(text) // max(1, len(text.encode())))
    assert all(stretch.ends - stretch.starts <= length * 5 // 4 for stretch in cut(text, size))


@given(st.text(max_size=500))
def test_words_are_the_same_in_any_case_and_can_be_hashed_and_weighed(text: str) -> None:
    words = stems(text)
    assert all(1 <= dimension(KEY, word) <= DIMENSIONS for word in words)
    weights = weigh({word: words.count(word) for word in words}, [dict.fromkeys(words, 1)], 0.4)
    assert len(weights) <= MOST_TERMS
    assert all(0 < weight < 2.2 for weight in weights.values())


@given(st.text(max_size=300), st.data())
def test_what_was_copied_from_a_text_is_found_in_it(text: str, data: st.DataObject) -> None:
    begins = data.draw(st.integers(0, len(text)))
    ends = data.draw(st.integers(begins, len(text)))
    quote = find_quote(text[begins:ends], text)
    if text[begins:ends].split():
        assert quote
        assert quote in text
    else:
        assert quote is None


@given(st.text(max_size=300), st.text(max_size=300))
def test_a_quote_that_is_found_stands_in_the_text(quote: str, text: str) -> None:
    found = find_quote(quote, text)
    assert found is None or found in text


@given(st.text("aé\u0301ä.!…\"“”'’-–*_ \n", max_size=60), st.text("aé\u0301ä.!…\"“”'’-–*_ \n", max_size=9))
def test_a_variant_of_a_quote_stands_in_the_text_too(text: str, quote: str) -> None:
    found = find_quote(quote, text)
    assert found is None or (found.strip() and found in text)


@given(st.text(max_size=300))
def test_no_answer_of_a_model_breaks_the_reading_of_it(answer: str) -> None:
    found = read(answer)
    assert found is None or found[1] >= 0


@given(st.text(alphabet="0123456789-/ MayDec,lastyeshdy", max_size=60))
def test_every_date_named_begins_before_it_ends(question: str) -> None:
    assert all(begins < ends for begins, ends in ranges(question, NOW))


DAYS = "0000-00-00 0001-01-01 9999-12-31 2026-02-29 9998 1900 31.2.2026 1.4. 1. 15 999 10 an".split()  # noqa: SIM905
UNITS = "mınutes minutes MİNUTES hour week day dayſ years jahren frıday Friday MİTTWOCH".split()  # noqa: SIM905
AROUND = "ago vor in next last this letztes the after since until from to and between on".split()  # noqa: SIM905
NEAR = "märz MAY May APRİL gestern today yesterday tomorrow".split()  # noqa: SIM905
TIMES = st.lists(
    st.sampled_from(DAYS + UNITS + AROUND + NEAR) | st.dates().map(str) | st.text(max_size=5), max_size=12
).map(" ".join)
ZONES = st.sampled_from(["UTC", "Pacific/Kiritimati", "Pacific/Pago_Pago", "Africa/Monrovia"]).map(ZoneInfo)


@given(TIMES, ZONES)
def test_no_text_names_a_time_that_cannot_be_kept(text: str, zone: ZoneInfo) -> None:
    now = NOW.astimezone(zone)
    for begins, ends in ranges(text, now) + stretches(text, now):
        assert begins.astimezone(UTC) < ends.astimezone(UTC)
    for readings in named(text, now):
        assert all(from_ < until for from_, until in readings)


@given(TIMES, TIMES, st.sampled_from(Operation), st.sampled_from(MemoryKind), TIMES)
def test_no_note_breaks_the_proof_of_it(
    said: str, text: str, op: Operation, kind: MemoryKind, day: str
) -> None:
    message = Message(UUID(int=1), Role.PERSON, "Ann", said, NOW, UUID(int=2))
    claimed = {"op": op, "kind": kind, "text": text, "message": 1, "quote": said or "-", "date": day}
    proven, dropped = prove([Note.model_validate(claimed)], [message], {}, {})
    assert len(proven) + dropped.total() == 1


@given(st.text(max_size=100), st.text(max_size=300))
def test_a_line_begins_once_and_counts_its_bytes(name: str, text: str) -> None:
    shown = line(name, NOW, text, "m1")
    assert all(each.startswith("  ") for each in shown.splitlines()[1:])
    assert tokens(shown) * 4 >= len(shown.encode(errors="replace")) > (tokens(shown) - 1) * 4

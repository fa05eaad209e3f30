"""Which message comes next, and when."""

from datetime import timedelta

from benchmarking import example, over, plan, said, spread, steps
from services.benchmark.agent import tokens
from services.benchmark.definition import Exchange, Said, Wait
from services.benchmark.schedule import BEGIN, FILLER, INTRO, NOMINAL_REPLY, Afresh, Part, Say


def parts(*of: Say) -> list[str]:
    return [each.test or str(each.part) for each in of]


def spoken(messages: list[Say]) -> list[int]:
    """Tokens before each message."""
    before = [0]
    for each in messages:
        before.append(before[-1] + tokens(each.said.text) + NOMINAL_REPLY)
    return before


def test_a_run_begins_with_an_introduction_and_moves_on_by_the_minute() -> None:
    done = said(steps(plan(example("a", 0, "one", "two", "three"))))
    assert [each.said.text for each in done] == [INTRO, "one", "two", "three"]
    assert [each.position for each in done] == [0, 1, 2, 3]
    assert [each.at - BEGIN for each in done] == [timedelta(minutes=each) for each in range(4)]


def test_a_test_goes_on_until_it_waits_then_another_speaks() -> None:
    first = example("a", 0, "a one", Said("a two", wait=Wait(replies=1)), "a three")
    done = said(steps(plan(first, example("b", 0, "b one", "b two"))))
    assert [each.said.text for each in done[1:]] == ["a one", "a two", "b one", "b two", "a three"]


def test_shares_of_the_span_count_from_the_first_message() -> None:
    done = said(steps(plan(example("x", 0, "x" * 400), spread("a", 0, 3), span=10_000)))
    before = spoken(done)
    first, middle, last = [each.position for each in done if each.test == "a-0"]
    assert before[first] > 0
    assert 4_500 <= before[middle] - before[first] < 4_500 + FILLER
    assert 9_000 <= before[last] - before[first] < 9_000 + FILLER
    assert max(tokens(each.said.text) for each in done if each.part is Part.FILLER) <= FILLER


def test_fillers_stop_where_the_next_test_speaks() -> None:
    done = said(steps(plan(spread("a", 0, 2), span=5_000)))
    before, last = spoken(done), done[-1].position
    # Within one line of trivia and a nominal reply.
    assert 0 <= before[last] - before[1] - 4_500 < 2 * NOMINAL_REPLY


def test_tokens_are_waited_for_from_the_reply_on() -> None:
    done = said(steps(plan(example("a", 0, Said("one", wait=Wait(tokens=3_000)), "two"))))
    before, last = spoken(done), done[-1].position
    assert before[last] - before[2] >= 3_000


def test_time_is_moved_forward_where_nothing_else_is_waited_for() -> None:
    done = said(steps(plan(example("a", 0, Said("one", wait=Wait(seconds=86_400)), "two"))))
    assert [each.said.text for each in done] == [INTRO, "one", "two"]
    assert done[2].at - done[1].at == timedelta(days=1)


def test_time_and_talk_are_waited_for_together() -> None:
    done = said(steps(plan(example("a", 0, Said("one", wait=Wait(tokens=3_000, seconds=7_200)), "two"))))
    assert done[-1].at - done[1].at == timedelta(hours=2)
    assert len(done) > 4


def test_replies_after_the_last_message_are_waited_for() -> None:
    done = steps(
        plan(example("a", 0, Said("quote me in your third reply", True, Wait(replies=3)))),
        lambda say: say.part,
    )
    (end,) = over(done)
    assert [each.said.text for each in end.exchanges] == ["quote me in your third reply"]
    assert [each.reply for each in end.run] == ["test", "filler", "filler", "filler"]


def test_incompatible_tests_are_never_under_way_at_once() -> None:
    together = plan(
        spread("a", 0, 2), spread("a", 1, 2), spread("b", 0, 2), spread("c", 0, 2), apart=[frozenset("ab")]
    )
    order = [each.test for each in said(steps(together)) if each.test]
    assert order == ["a-0", "c-0", "a-0", "c-0", "b-0", "b-0", "a-1", "a-1"]


def test_what_does_not_interleave_keeps_the_others_silent() -> None:
    alone = spread("b", 0, 3, interleaves=False)
    order = [
        each.test for each in said(steps(plan(spread("a", 0, 4), alone, spread("c", 0, 2)))) if each.test
    ]
    first = order.index("b-0")
    assert order[first : first + 3] == ["b-0"] * 3


def test_a_dataset_is_reset_between_its_examples() -> None:
    done = said(
        steps(plan(spread("a", 0, 2), example("b", 0, "one", reset="Forget b."), example("b", 1, "two")))
    )
    reset = next(each for each in done if each.part is Part.RESET)
    assert (reset.said.text, reset.test) == ("Forget b.", "b-0")


def test_without_a_span_each_test_stands_alone() -> None:
    done = steps(plan(spread("a", 0, 3), spread("b", 0, 2), spread("a", 1, 2), span=0))
    kinds = [parts(each)[0] if isinstance(each, Say) else type(each).__name__ for each in done]
    assert kinds == [
        "intro", "a-0", "a-0", "a-0", "Over", "Afresh",
        "intro", "b-0", "b-0", "Over", "Afresh",
        "intro", "a-1", "a-1", "Over",
    ]  # fmt: skip
    assert [each.position for each in done if isinstance(each, Afresh)] == [4, 7]


def test_a_test_hears_what_was_replied_and_when() -> None:
    (end,) = over(steps(plan(example("a", 0, "one", "two")), lambda say: say.said.text.upper()))
    assert end.exchanges[1] == Exchange(
        Said("two"), "TWO", BEGIN + timedelta(minutes=2), BEGIN + timedelta(minutes=2, seconds=10), 2
    )
    assert end.run == end.exchanges


def test_a_test_that_says_nothing_is_over_at_once() -> None:
    done = steps(plan(example("a", 0), example("b", 0, "one")))
    assert [each.test.definition.name for each in over(done)] == ["a-0", "b-0"]
    assert over(done)[0].exchanges == ()

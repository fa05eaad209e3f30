"""Any set of tests: the schedule keeps every wait, and tells nothing of an agent."""

from datetime import timedelta
from itertools import pairwise
from math import ceil

from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarking import TRIVIA, example, over, said, steps
from services.benchmark import schedule
from services.benchmark.agent import tokens
from services.benchmark.definition import Said, Wait
from services.benchmark.run import digest
from services.benchmark.schedule import NOMINAL_REPLY, Afresh, Over, Plan, Say, Step

waits = st.builds(
    Wait,
    share=st.sampled_from([0, 0, 0.1, 0.5, 0.9]),
    tokens=st.sampled_from([0, 0, 40, 900]),
    seconds=st.sampled_from([0, 0, 1, 50_000]),
    replies=st.sampled_from([0, 0, 1, 4]),
)
scripts = st.lists(st.tuples(waits, st.booleans(), st.sampled_from(["", "word " * 90])), max_size=4)


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    tests: list[schedule.Test] = []
    for name in draw(st.lists(st.sampled_from("abcd"), min_size=1, max_size=5)):
        number = sum(each.dataset.name == name for each in tests)
        script = [
            Said(f"{name} {number} {place} {text}", asks, wait)
            for place, (wait, asks, text) in enumerate(draw(scripts))
        ]
        tests.append(
            example(name, number, *script, interleaves=name != "d", reset="Forget c." * (name == "c"))
        )
    apart = draw(st.sampled_from([(), (frozenset("ab"),), (frozenset("abc"),)]))
    return Plan(tuple(tests), draw(st.sampled_from([0, 700, 3_000])), draw(st.integers(0, 9)), TRIVIA, apart)


@settings(max_examples=60, deadline=None)
@given(plans())
def test_every_message_is_said_once_in_order_and_every_wait_is_kept(plan: Plan) -> None:
    done = steps(plan)
    messages = said(done)
    assert [each.position for each in messages] == list(range(len(messages)))
    assert all(one.at < other.at for one, other in pairwise(messages))
    before = [0]
    for each in messages:
        before.append(before[-1] + tokens(each.said.text) + NOMINAL_REPLY)
    ends = {each.test.definition.name: each for each in over(done)}
    assert sorted(ends) == sorted(each.definition.name for each in plan.tests)
    for test in plan.tests:
        own = ends[test.definition.name].exchanges
        assert tuple(each.said for each in own) == test.definition.script
        for exchange, following in pairwise(own):
            wait, then = exchange.said.wait, messages[following.position]
            assert before[then.position] - before[own[0].position] >= ceil(wait.share * plan.span)
            assert before[then.position] - before[exchange.position + 1] >= wait.tokens
            assert then.at - exchange.said_at >= timedelta(seconds=wait.seconds)
            assert then.position - exchange.position - 1 >= wait.replies


@settings(max_examples=40, deadline=None)
@given(plans())
def test_tests_that_must_stay_apart_do(plan: Plan) -> None:
    names = {test.definition.name: test for test in plan.tests}
    under_way: set[str] = set()
    for step in steps(plan):
        match step:
            case Say(test=name) if name in names and step.part == "test":
                under_way.add(name)
                for other in under_way - {name}:
                    mine, its = names[name].dataset.name, names[other].dataset.name
                    assert mine != its
                    assert not any({mine, its} <= apart for apart in plan.apart)
                    assert plan.span
                    assert names[other].dataset.interleaves
            case Over(test=test):
                under_way.discard(test.definition.name)
            case Afresh():
                assert not under_way


def told(done: list[Step]) -> list[Say]:
    return [step for step in done if isinstance(step, Say)]


@settings(max_examples=20, deadline=None)
@given(plans(), st.text(max_size=200))
def test_what_an_agent_replies_does_not_move_the_schedule(plan: Plan, reply: str) -> None:
    assert told(steps(plan)) == told(steps(plan, lambda say: reply))
    assert digest(plan) == digest(plan)

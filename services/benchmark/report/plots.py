"""The plots of the page, as inline SVG. Colours stand in style.css, by class."""

from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element

from services.benchmark.report.elements import e
from services.benchmark.report.measures import Measures, span
from services.benchmark.runs import Outcome, Run
from services.benchmark.totals import Interval, Totals

SERIES = 6
"""Colours that runs take in turn."""
_WIDTH = 860
_LEFT = 190
_RIGHT = 40
_TOP = 26
_DOT = 5
_ALL = "all"


def legend(labels: Sequence[str]) -> Element:
    """Which colour is which run."""
    return e(
        "ul",
        *(e("li", e("i", class_=f"key {series(place)}"), label) for place, label in enumerate(labels)),
        class_="legend",
    )


def by_dataset(runs: Sequence[Measures]) -> Element:
    """For each dataset, and for all, a dot a run, and the bounds of its mean."""
    names = [*sorted({name for each in runs for name in each.totals.datasets}), _ALL]
    row = 14 * len(runs) + 14
    height = _TOP + row * len(names) + 8
    marks = [*_grid_across([(share, f"{share:g}") for share in (0, 0.25, 0.5, 0.75, 1)], 1, height)]
    for line, name in enumerate(names):
        middle = _TOP + row * (line + 0.5)
        marks.append(_name(name, middle))
        for place, each in enumerate(runs):
            if interval := _share(each.totals) if name == _ALL else each.totals.datasets.get(name):
                y = middle + 14 * (place - (len(runs) - 1) / 2)
                marks.append(_across(interval, y, f"{each.label}, {name}", series(place)))
    return _svg(height, "Score by dataset", marks)


def by_span(runs: Sequence[Measures]) -> Element:
    """The total over the memory span, a line an agent; as share of the most there was."""
    spans = sorted({each.run.span for each in runs})
    agents = list(dict.fromkeys(each.run.agent for each in runs))
    height, bottom = 300, 264
    step = (_WIDTH - _LEFT - _RIGHT) / max(1, len(spans) - 1)

    def x(tokens: int) -> float:
        return _LEFT + step * spans.index(tokens) if len(spans) > 1 else _WIDTH / 2

    def y(share: float) -> float:
        return bottom - share * (bottom - _TOP)

    marks = []
    for share in (0, 0.25, 0.5, 0.75, 1):
        marks += [
            _line(_LEFT, y(share), _WIDTH - _RIGHT, y(share), "grid"),
            _name(f"{share * 100:g} %", y(share)),
        ]
    marks += [
        e("text", span(each), x=x(each), y=bottom + 22, text_anchor="middle", class_="tick") for each in spans
    ]
    for place, agent in enumerate(agents):
        ran = sorted((each for each in runs if each.run.agent == agent), key=lambda each: each.run.span)
        shares = [(x(each.run.span), _share(each.totals)) for each in ran]
        way = " ".join(f"{at:.6g},{y(share.mean):.6g}" for at, share in shares)
        marks.append(e("polyline", points=way, class_=f"way {series(place)}"))
        for at, total in shares:
            bounds = _line(at, y(total.low), at, y(total.high), f"bound {series(place)}")
            dot = e("circle", cx=at, cy=y(total.mean), r=_DOT, class_=f"dot {series(place)}")
            marks.append(e("g", e("title", _told(agent, total)), bounds, dot))
    return e("div", legend(agents), _svg(height, "Total by memory span", marks), class_="wide")


def timeline(run: Run) -> Element:
    """Where in the run each test told what, and asked: needed messages, stale ones, questions."""
    ends = run.ends()
    most = max(ends, default=1)
    height = _TOP + 15 * len(run.tests) + 8
    ticks = [(most * share, f"{most * share / 1000:.0f}k") for share in (0, 0.25, 0.5, 0.75, 1)]
    marks = _grid_across(ticks, most, height)
    previous = ""
    for line, test in enumerate(run.tests):
        y = _TOP + 15 * (line + 0.5)
        if test.dataset != previous:
            marks.append(_name(test.dataset, y))
            previous = test.dataset
        marks += _events(
            test, y, {each.position: end for each, end in zip(run.spoken, ends, strict=True)}, most
        )
    return _svg(height, "What was told and asked, by tokens of the run", marks)


def series(place: int) -> str:
    """The class of a run's colour."""
    return f"s{place % SERIES}"


def _events(test: Outcome, y: float, ends: Mapping[int, int], most: float) -> list[Element]:
    needed = {place for asked in test.questions for place in asked.evidence}
    stale = {place for asked in test.questions for place in asked.stale} - needed
    at = [_x(ends.get(logged.position, 0), most) for logged in test.log]
    marks = [_line(min(at), y, max(at), y, "course")] if at else []
    for place, logged in enumerate(test.log):
        title = e("title", f"{test.test}: {logged.text[:200]}")
        if logged.is_question:
            marks.append(_diamond(at[place], y, f"asked {grade(test.score)}", title))
        else:
            kind = "needed" if place in needed else "stale" if place in stale else "other"
            marks.append(e("circle", title, cx=at[place], cy=y, r=3.5, class_=f"told {kind}"))
    return marks


def grade(score: float) -> str:
    """The class of a score's colour."""
    return "right" if score >= 0.999 else "wrong" if score <= 0.001 else "partly"


def _across(interval: Interval, y: float, name: str, kind: str) -> Element:
    bounds = _line(_x(interval.low, 1), y, _x(interval.high, 1), y, f"bound {kind}")
    dot = e("circle", cx=_x(interval.mean, 1), cy=y, r=_DOT, class_=f"dot {kind}")
    return e("g", e("title", _told(name, interval)), bounds, dot)


def _told(name: str, interval: Interval) -> str:
    return f"{name}: {interval.mean:.2f}, from {interval.low:.2f} to {interval.high:.2f}"


def _share(totals: Totals) -> Interval:
    """The total, as a share of the most that there is."""
    most = len(totals.datasets) or 1
    return Interval(totals.total.mean / most, totals.total.low / most, totals.total.high / most)


def _diamond(x: float, y: float, kind: str, title: Element) -> Element:
    corners = f"{x:.6g},{y - 5.5:.6g} {x + 5.5:.6g},{y:.6g} {x:.6g},{y + 5.5:.6g} {x - 5.5:.6g},{y:.6g}"
    return e("polygon", title, points=corners, class_=kind)


def _grid_across(ticks: Sequence[tuple[float, str]], most: float, height: float) -> list[Element]:
    marks = []
    for value, label in ticks:
        x = _x(value, most)
        marks.append(_line(x, _TOP - 6, x, height - 4, "grid"))
        marks.append(e("text", label, x=x, y=_TOP - 12, text_anchor="middle", class_="tick"))
    return marks


def _name(name: str, y: float) -> Element:
    return e("text", name, x=_LEFT - 14, y=y + 4, text_anchor="end")


def _x(value: float, most: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * value / most


def _line(x1: float, y1: float, x2: float, y2: float, kind: str) -> Element:
    return e("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=kind)


def _svg(height: float, title: str, marks: Sequence[Element]) -> Element:
    return e(
        "svg",
        *marks,
        viewBox=f"0 0 {_WIDTH} {height:.6g}",
        role="img",
        aria_label=title,
    )

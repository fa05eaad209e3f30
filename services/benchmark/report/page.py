"""The page: figures, plots, and every message of every test to read."""

import json
from collections.abc import Sequence
from pathlib import Path
from xml.etree.ElementTree import Element

from services.benchmark.report import plots
from services.benchmark.report.elements import e, html
from services.benchmark.report.figures import beside, overall, percent, recalled
from services.benchmark.report.measures import JUDGE, READER, Measures, judges, span
from services.benchmark.runs import Asked, Logged, Outcome, Verdict
from services.benchmark.shown import Shown
from services.errors import SettingsError

MOST_CONTEXT = 20_000
"""Characters of a context that the page shows; the run's folder holds it whole."""
_STYLE = Path(__file__).with_name("style.css")


def write(runs: Sequence[Measures], path: Path) -> None:
    """Raises SettingsError if the file can't be written, or a context's file is gone."""
    document = page(runs)
    try:
        path.write_text(document, encoding="utf-8")
    except OSError as error:
        raise SettingsError(f"{path}: can't be written: {error.strerror}") from None


def page(runs: Sequence[Measures]) -> str:
    """The document of these runs. Raises SettingsError if a context's file is gone."""
    title = "Long-term memory"
    first = runs[0].run.summary.run.get("name") if len(runs) == 1 else None
    heading = f"{title}: {first}" if first else title
    head = e(
        "head",
        e("meta", charset="utf-8"),
        e("meta", name="viewport", content="width=device-width, initial-scale=1"),
        e("meta", name="color-scheme", content="light dark"),
        e("title", heading),
        e("style", _STYLE.read_text(encoding="utf-8")),
    )
    sections = [_run(each, is_only=len(runs) == 1) for each in runs]
    body = e("body", e("header", e("h1", heading)), e("main", _overview(runs), *sections), _footer())
    return html(e("html", head, body, lang="en"))


def _overview(runs: Sequence[Measures]) -> Element:
    figures = [overall(each) for each in runs]
    rows = [_row(name, *(each[name] for each in figures)) for name in figures[0]]
    spans = {each.run.span for each in runs}
    return e(
        "section",
        e("p", READER, class_="note") if any(each.run.is_read for each in runs) else None,
        *(e("p", JUDGE.format(model=judge), class_="note") for judge in judges(runs)),
        _table(("", *(each.label for each in runs)), rows),
        e("h2", "Score by dataset"),
        plots.legend([each.label for each in runs]) if len(runs) > 1 else None,
        e("div", plots.by_dataset(runs), class_="wide"),
        e("p", "Dots are means of a dataset's tests, lines their 95 % bootstrap intervals.", class_="note"),
        *((e("h2", "Total by memory span"), plots.by_span(runs)) if len(spans) > 1 else ()),
    )


def _run(each: Measures, is_only: bool) -> Element:
    run = each.run
    failures = ", ".join(f"{failure} ({count})" for failure, count in run.summary.failures.items())
    content = (
        e(
            "p",
            f"{run.summary.messages:,} messages, span {span(run.span)}, {run.folder.name}.",
            class_="note",
        ),
        *(e("p", f"Left out: {each}", class_="note") for each in run.left_out),
        e("p", f"Failures: {failures}", class_="failure") if failures else None,
        _datasets(each),
        e("h3", "What was told and asked"),
        _signs(),
        e("div", plots.timeline(run), class_="wide"),
        e("h3", "Tests"),
        *(_test(each, test) for test in run.tests),
    )
    if is_only:
        return e("section", e("h2", each.label), *content)
    return e("details", e("summary", e("h2", each.label)), *content, class_="run")


def _datasets(each: Measures) -> Element:
    rows = []
    for name, recall in each.recalls.items():
        tests = sum(test.dataset == name for test in each.run.tests)
        rows.append(_row(name, beside(each, name), str(tests), *recalled(recall).values()))
    return _table(("dataset", "score", "tests", *recalled(None)), rows)


def _signs() -> Element:
    signs = (("needed", "needed"), ("stale", "holds no longer"), ("other", "other"))
    grades = (("right", "asked, full points"), ("partly", "some"), ("wrong", "none"))
    return e(
        "ul",
        *(e("li", e("i", class_=f"sign {kind}"), name) for kind, name in signs),
        *(e("li", e("i", class_=f"sign diamond {kind}"), name) for kind, name in grades),
        class_="legend",
    )


def _test(each: Measures, test: Outcome) -> Element:
    asked = {question.message: number for number, question in enumerate(test.questions)}
    needed = {place for question in test.questions for place in question.evidence}
    stale = {place for question in test.questions for place in question.stale} - needed
    notes = [*test.notes, *map(_judged, each.run.verdicts(test))]
    messages: list[Element] = []
    for place, logged in enumerate(test.log):
        kind = "needed" if place in needed else "stale" if place in stale else ""
        messages.append(_said(logged, "asked" if place in asked else kind))
        messages += _replies(logged)
        if place in asked:
            number = asked[place]
            messages.append(_context(each, test.questions[number], each.shown[test.test][number]))
    return e(
        "details",
        e("summary",
          e("span", f"{test.points:g} / {test.most:g}", class_=f"badge {plots.grade(test.score)}"), " ",
          test.test),
        e("p", e("b", "Expected: "), "; ".join(map(_written, test.expected))),
        e("ul", *(e("li", note) for note in notes), class_="notes") if notes else None,
        e("div", *messages, class_="talk"),
        class_="test",
    )  # fmt: skip


def _judged(verdict: Verdict | None) -> str:
    return f"judge: {verdict.points:g}, {verdict.why}" if verdict else "judge: no verdict that could be read"


def _written(expected: object) -> str:
    return expected if isinstance(expected, str) else json.dumps(expected, ensure_ascii=False)


def _said(logged: Logged, kind: str) -> Element:
    sign = {"needed": " · needed", "stale": " · holds no longer", "asked": " · question"}.get(kind, "")
    where = f"{logged.said_at:%Y-%m-%d %H:%M} · message {logged.position}"
    return e(
        "div",
        e("small", where, e("b", sign) if sign else None),
        e("p", logged.text.strip()),
        class_=f"said {kind}".strip(),
    )  # fmt: skip


def _replies(logged: Logged) -> list[Element]:
    replies = [("the agent", logged.reply or "(no reply)", "")]
    if logged.answer is not None:
        replies.append(("the template reader, graded", logged.answer or "(no answer)", "read"))
    told = [
        e("div", e("small", who), e("p", text), class_=f"reply {kind}".strip()) for who, text, kind in replies
    ]
    return [*told, e("p", logged.failure, class_="failure")] if logged.failure else told


def _context(each: Measures, asked: Asked, seen: Shown | None) -> Element:
    context = each.run.context(asked)
    if context is None:
        return e("p", "The agent didn't tell which context it had.", class_="note")
    shown = f", evidence recall {percent(seen.evidence)}" if seen else ""
    rest = len(context) - MOST_CONTEXT
    return e(
        "details",
        e("summary", f"Context: {asked.context_tokens or 0:,} tokens{shown}"),
        e("pre", context[:MOST_CONTEXT]),
        e("p", f"{rest:,} more characters stand in {asked.context}.", class_="note") if rest > 0 else None,
        class_="context",
    )


def _footer() -> Element:
    return e(
        "footer",
        e(
            "p",
            "Tasks and the scale of one point a dataset follow GoodAI's LTM Benchmark 3. Scorers and the"
            " token estimate are this benchmark's own: compare its figures with each other.",
        ),
    )


def _table(heads: Sequence[str], rows: Sequence[Element]) -> Element:
    head = e("thead", e("tr", *(e("th", each, scope="col") for each in heads)))
    return e("div", e("table", head, e("tbody", *rows)), class_="wide")


def _row(name: str, *cells: str) -> Element:
    return e("tr", e("th", name, scope="row"), *(e("td", each) for each in cells))

"""The figures side by side, and in which rows Remi leads."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from statistics import mean, median, quantiles

from bench.peers.measure import REMI, TURNS, Measured
from bench.peers.model import Calls
from bench.peers.people import Size
from bench.peers.protocol import MOST

NEAR = 0.05
"""Times and calls that differ by no more than this share are called level."""
FULL = 0.99
"""The recall of a search that counts as missing nothing."""

NOTES = """\
Times: median (95th percentile) in milliseconds, as the caller sees them. All use the same instant
endpoint, where calls are counted, and a database each on the same server.
Filled: Remi by its import, LangGraph by `abatch`, mem0 through its vector store in the form that `add`
writes; then the HNSW indexes of all three were built, by their own definitions.
Keep a message: Remi's import of one, which answers when a search can find it; mem0's `add` with
infer=False; LangGraph's `aput`.
A turn: search with what was said, answer, keep both, until what was said can be found. mem0 learns
within it. Remi learns when the talk has paused, from several turns at once where they come in a row, as
here; a turn that stays alone costs a call. LangGraph's store learns nothing.
recall@{most}: what was given of the {most} that the same search gives when it compares everything.
Misses nothing: the search where its recall is {full} at least; else the same search with index scans off.
finds @{most}: how often the one memory that a question is about was given.
mem0 runs without its extra for spaCy, whose language model comes from elsewhere: it links no entities."""


@dataclass(frozen=True, slots=True)
class Cell:
    """A figure as it is shown, and as it is compared; None where there is nothing to compare."""

    text: str
    value: float | None = None


@dataclass(frozen=True, slots=True)
class Row:
    what: str
    cells: Sequence[Cell]
    """Remi's first."""
    is_more_better: bool = False
    near: float = 0.0
    """By what share figures may differ and yet be level."""

    @property
    def lead(self) -> str:
        """Whether Remi leads the best of the others: "yes", "level", "no", or nothing to compare."""
        ours, *others = [cell.value for cell in self.cells]
        theirs = [value for value in others if value is not None]
        if ours is None or not theirs:
            return ""
        best = max(theirs) if self.is_more_better else min(theirs)
        if abs(ours - best) <= self.near * best:
            return "level"
        return "yes" if (ours > best) is self.is_more_better else "no"

    @property
    def factor(self) -> str:
        """How many times the best of the others takes of what Remi takes."""
        ours, *others = [cell.value for cell in self.cells]
        theirs = [value for value in others if value is not None]
        return f"{min(theirs) / ours:.2f} x" if ours and theirs and not self.is_more_better else ""


def report(measured: Mapping[str, Measured], sizes: Sequence[Size]) -> str:
    """The table, a line a figure; who failed, and what the figures mean."""
    everybody = [measured[REMI], *(each for name, each in measured.items() if name != REMI)]
    names = ["Remi", *(name for name in measured if name != REMI)]
    rows = list(_rows(everybody, sizes))
    heads = ("", *names, "Remi leads", "")
    lines = [(row.what, *(cell.text for cell in row.cells), row.lead, row.factor) for row in rows]
    total = sum(size.memories * size.people for size in sizes)
    parts = [
        f"{total:,} memories of {sum(size.people for size in sizes)} people in each. "
        + ", ".join(each.version for each in everybody if each.version),
        "",
        _aligned([heads, *lines]),
        "",
        *(f"Failed: {each.failure}" for each in everybody if each.failure),
        _verdict(rows),
        "",
        NOTES.format(most=MOST, full=FULL),
    ]
    return "\n".join(parts)


def _rows(everybody: Sequence[Measured], sizes: Sequence[Size]) -> Iterable[Row]:
    for size in sizes:
        cells = [_times(each.searches[size.memories]) for each in everybody]
        yield Row(f"search, among {size.memories:,}, ms", cells, near=NEAR)
    for size in sizes:
        cells = [_times(_full_searches(each, size)) for each in everybody]
        yield Row(f"search that misses nothing, among {size.memories:,}, ms", cells, near=NEAR)
    for size in sizes:
        cells = [_times(each.writes[size.memories]) for each in everybody]
        yield Row(f"keep a message, among {size.memories:,}, ms", cells, near=NEAR)
    yield Row("a turn, until findable, ms", [_times(each.turns) for each in everybody], near=NEAR)

    yield _calls("embedding calls, to search", everybody, "search", lambda calls: calls.embeddings)
    yield _calls("embedding calls, to keep a message", everybody, "write", lambda calls: calls.embeddings)
    yield _calls("embedding calls, a turn", everybody, "turn", lambda calls: calls.embeddings)
    yield _calls("model calls, to search", everybody, "search", lambda calls: calls.answers + calls.learning)
    yield _calls(
        "model calls, to keep a message", everybody, "write", lambda calls: calls.answers + calls.learning
    )
    yield _calls("model calls, to answer a turn", everybody, "turn", lambda calls: calls.answers)
    yield _learning("model calls, to learn from a turn", everybody, lambda calls: calls.learning)
    yield _learning(
        "characters sent to learn from a turn", everybody, lambda calls: calls.learning_characters
    )

    for what, shares in ((f"recall@{MOST}", "recalls"), (f"finds @{MOST}", "hits")):
        for size in sizes:
            cells = [_share(getattr(each, shares)[size.memories]) for each in everybody]
            yield Row(f"{what}, among {size.memories:,}", cells, is_more_better=True)


def _full_searches(measured: Measured, size: Size) -> Sequence[float]:
    """The times of the search where its recall is high, else of the exact one."""
    recalls = measured.recalls[size.memories]
    is_full = bool(recalls) and mean(recalls) >= FULL
    return (measured.searches if is_full else measured.exact_searches)[size.memories]


def _times(milliseconds: Sequence[float]) -> Cell:
    if len(milliseconds) < 2:
        return Cell("-")
    middle = median(milliseconds)
    return Cell(f"{middle:.1f} ({quantiles(milliseconds, n=20)[-1]:.1f})", middle)


def _share(shares: Sequence[float]) -> Cell:
    return Cell(f"{mean(shares):.3f}", round(mean(shares), 3)) if shares else Cell("-")


def _calls(what: str, everybody: Sequence[Measured], operation: str, number: Callable[[Calls], int]) -> Row:
    per = {operation: 1, "turn": TURNS}[operation]
    counted = [each.calls[operation] for each in everybody]
    cells = [_number([number(calls) / per for calls in all_calls]) for all_calls in counted]
    return Row(what, cells, near=NEAR)


def _learning(what: str, everybody: Sequence[Measured], number: Callable[[Calls], int]) -> Row:
    """What was learned within the turns and after them; who never does it has nothing to compare."""
    cells = []
    for each in everybody:
        learned = [number(calls) for calls in chain(each.calls["turn"], each.calls["rest"])]
        cells.append(_number([sum(learned) / TURNS]) if any(learned) else Cell("-"))
    return Row(what, cells)


def _number(values: Sequence[float]) -> Cell:
    if not values:
        return Cell("-")
    value = mean(values)
    return Cell(f"{value:,.0f}" if value >= 100 else f"{value:.2f}", value)


def _verdict(rows: Sequence[Row]) -> str:
    by_lead = {lead: [row.what for row in rows if row.lead == lead] for lead in ("yes", "level", "no")}
    behind = f": {'; '.join(by_lead['no'])}" if by_lead["no"] else ""
    return (
        f"Remi leads in {len(by_lead['yes'])} rows, is level in {len(by_lead['level'])},"
        f" and behind in {len(by_lead['no'])}{behind}."
    )


def _aligned(lines: Sequence[Sequence[str]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in lines
    )

"""How cost grows with the size of a space, as an SVG: both axes logarithmic, one line a way to search."""

from collections.abc import Iterator, Sequence
from math import log10

from bench.scale.measure import Figures
from bench.scale.report import MOST, ratio

_WIDTH, _HEIGHT = 720, 400
_LEFT, _RIGHT, _TOP, _BOTTOM = 60, 20, 20, 50
_LINES = (("vectors", "#1f6feb", 0), ("vectors and words", "#d1242f", 1))
_X_TICKS = (10, 100, 1_000, 10_000, 100_000)
_Y_TICKS = (1, 3, 10, 30, 100)


def plot(figures: Sequence[Figures]) -> str:
    """The picture. A ring is what a size may cost at most."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {_HEIGHT}"',
        ' font-family="sans-serif" font-size="12">',
        f'<rect width="{_WIDTH}" height="{_HEIGHT}" fill="white"/>',
        *_axes(),
    ]
    for at, (name, colour, which) in enumerate(_LINES):
        points = [(each.passages, ratio(each, (each.vectors, each.hybrid)[which])) for each in figures]
        path = " ".join(f"{_x(size):.1f},{_y(cost):.1f}" for size, cost in points)
        lines.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        lines += [_circle(size, cost, 3, f'fill="{colour}"') for size, cost in points]
        lines += [
            _circle(each.passages, MOST[each.name][which], 6, f'fill="none" stroke="{colour}"')
            for each in figures
            if each.name in MOST
        ]
        lines.append(f'<text x="{_LEFT + 15}" y="{_TOP + 18 + 18 * at}" fill="{colour}">{name}</text>')
    return "\n".join([*lines, "</svg>", ""])


def _axes() -> Iterator[str]:
    right, bottom = _WIDTH - _RIGHT, _HEIGHT - _BOTTOM
    for tick in _X_TICKS:
        yield _line(_x(tick), _TOP, _x(tick), bottom)
        yield f'<text x="{_x(tick):.1f}" y="{bottom + 16}" text-anchor="middle">{tick:,}</text>'
    for tick in _Y_TICKS:
        yield _line(_LEFT, _y(tick), right, _y(tick))
        yield f'<text x="{_LEFT - 6}" y="{_y(tick) + 4:.1f}" text-anchor="end">{tick}</text>'
    centre, middle = (_LEFT + right) / 2, (_TOP + bottom) / 2
    yield f'<text x="{centre}" y="{_HEIGHT - 12}" text-anchor="middle">passages of the space</text>'
    yield (
        f'<text x="16" y="{middle}" text-anchor="middle" transform="rotate(-90 16 {middle})">'
        "multiples of select 1, at the median</text>"
    )


def _line(x1: float, y1: float, x2: float, y2: float) -> str:
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#ddd"/>'


def _circle(size: float, cost: float, radius: int, style: str) -> str:
    return f'<circle cx="{_x(size):.1f}" cy="{_y(cost):.1f}" r="{radius}" {style}/>'


def _x(size: float) -> float:
    return _LEFT + (_WIDTH - _LEFT - _RIGHT) * _share(size, _X_TICKS)


def _y(cost: float) -> float:
    return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * _share(cost, _Y_TICKS)


def _share(value: float, ticks: Sequence[int]) -> float:
    return (log10(max(value, ticks[0])) - log10(ticks[0])) / (log10(ticks[-1]) - log10(ticks[0]))

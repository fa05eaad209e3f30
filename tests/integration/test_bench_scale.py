"""`make bench-scale` on few memories: what it makes, loads, asks and draws."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from bench.scale.__main__ import bench
from bench.scale.made import Maker, zipfian
from bench.scale.plot import plot
from bench.scale.report import is_met
from services.assistant.store import passages


def test_a_million_memories_are_spread_as_asked() -> None:
    sizes = zipfian(1)
    assert len(sizes) == 10_000
    assert list(sizes[:3]) == [80_000, 60_000, 50_000]
    assert abs(int(sizes.sum()) - 1_000_000) < 1_000
    assert np.median(sizes) == 20


def test_the_same_memories_are_made_each_time() -> None:
    first, again = (Maker(zipfian(0.005)) for _ in range(2))
    for made, anew in zip(first.batches(), again.batches(), strict=True):
        assert np.array_equal(made.vectors, anew.vectors)
        assert all(np.array_equal(a, b) for (_, a), (_, b) in zip(made.words, anew.words, strict=True))
    batch = first.batch(3)
    one, other = (next(maker.questions(batch, 3, 1)) for maker in (first, again))
    assert (one.space_id, one.words) == (other.space_id, other.words)
    assert np.array_equal(one.vector, other.vector)


async def test_few_memories_are_loaded_and_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """A hundredth: the largest space has 800 memories, here in the tiers of large ones."""
    monkeypatch.setattr(passages, "LARGE", 500)
    monkeypatch.setattr(passages, "FAR", 500)
    text, figures = await bench(0.01, questions=5)
    assert [each.name for each in figures if each.name] == ["median", "largest"]
    for each in figures:
        assert each.vectors_recall >= 0.9
        assert each.hybrid_recall >= 0.9
        assert each.is_indexed
    assert "passages of the space" in text
    assert isinstance(is_met(figures[0]), bool)
    picture = ET.fromstring(plot(figures))
    assert len(picture.findall("{http://www.w3.org/2000/svg}polyline")) == 2

"""What a run of the benchmark consists of."""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Arguments, Definition
from services.errors import SettingsError


@dataclass(frozen=True, slots=True)
class Selection:
    """So many examples of a dataset."""

    dataset: str
    examples: int
    arguments: Arguments


@dataclass(frozen=True, slots=True)
class Configuration:
    name: str
    memory_span: int
    """Tokens from a test's first message to its last; 0: each test by itself, without fillers."""
    selections: Sequence[Selection]
    incompatible: Sequence[frozenset[str]] = ()
    """Datasets of one set never run at the same time."""
    seed: int = 0


def examples(selection: Selection, seed: int) -> list[Definition]:
    """The examples of a selection, each from a seed of its own: the first stay the same when more are wanted.

    Raises SettingsError, naming dataset and argument, if the dataset can't make them.
    """
    dataset = DATASETS[selection.dataset]
    try:
        return [
            dataset.generate(Random(f"{seed} {dataset.name} {number}"), number, selection.arguments)
            for number in range(selection.examples)
        ]
    except SettingsError as error:
        raise SettingsError(f"{dataset.name}, {error}") from None

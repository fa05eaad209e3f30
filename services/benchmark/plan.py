"""Which tests a run consists of: a configuration, and definitions from a folder or made anew."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from services.benchmark import published, trivia
from services.benchmark.configuration import Configuration, examples
from services.benchmark.datasets import DATASETS
from services.benchmark.definition import Definition
from services.benchmark.schedule import Plan, Test
from services.errors import SettingsError

CONFIGURATIONS = Path(__file__).parent / "configurations"


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says of a run."""

    configuration: str
    """A file, or the name of one in `CONFIGURATIONS`."""
    definitions: Path | None = None
    """Where they are read from, in the layout of the original (published.py); None to make them."""
    span: int | None = None
    seed: int | None = None
    trivia: Path | None = None
    answers: bool = True
    """Whether somebody answers: without, datasets that need a model are left out."""


@dataclass(frozen=True, slots=True)
class Planned:
    name: str
    plan: Plan
    left_out: Sequence[str]
    """A line on each dataset that is in the configuration and not in the plan."""


def planned(wanted: Wanted) -> Planned:
    """Raises SettingsError, which names what can't be read or made."""
    configuration = _configuration(wanted)
    definitions, left_out = [], []
    found = None if wanted.definitions is None else published.definitions(wanted.definitions)
    for selection in configuration.selections:
        dataset = DATASETS[selection.dataset]
        if dataset.needs_model and not wanted.answers:
            left_out.append(f"{dataset.name}: needs an agent that answers")
            continue
        if found is None:
            definitions += examples(selection, configuration.seed)
            continue
        these = [each for each in found if each.dataset == dataset.name][: selection.examples]
        definitions += these
        if not these:
            left_out.append(f"{dataset.name}: {wanted.definitions} holds no definition of it")
    if not definitions:
        raise SettingsError("there is no test to run: " + "; ".join(left_out))
    return Planned(configuration.name, _plan(configuration, definitions, wanted), left_out)


def _configuration(wanted: Wanted) -> Configuration:
    path = Path(wanted.configuration)
    named = CONFIGURATIONS / f"{wanted.configuration}.yml"
    read = published.configuration(named if not path.exists() and named.exists() else path)
    if wanted.span is not None:
        read = replace(read, memory_span=wanted.span)
    if wanted.seed is not None:
        read = replace(read, seed=wanted.seed)
    return read


def _plan(configuration: Configuration, definitions: Sequence[Definition], wanted: Wanted) -> Plan:
    questions = (
        trivia.read(wanted.trivia) if wanted.trivia else trivia.make(Random(f"trivia {configuration.seed}"))
    )
    return Plan(
        tuple(Test(each, DATASETS[each.dataset]) for each in definitions),
        configuration.memory_span,
        configuration.seed,
        questions,
        tuple(configuration.incompatible),
    )

"""Which tests a run consists of: a configuration, and definitions from a folder or made anew."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random

from services.benchmark import published, trivia
from services.benchmark.configuration import Configuration, Selection, examples
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
    """A line on each dataset of the configuration that is not in the plan, and on each broken definition."""


def planned(wanted: Wanted) -> Planned:
    """Raises SettingsError, which names what can't be read or made."""
    configuration = _configuration(wanted)
    left_out: list[str] = []
    read = None if wanted.definitions is None else published.definitions(wanted.definitions, left_out)
    definitions: list[Definition] = []
    for selection in configuration.selections:
        if problem := _problem(selection, read, wanted):
            left_out.append(f"{selection.dataset}: {problem}")
        elif read is None:
            definitions += examples(selection, configuration.seed)
        else:
            definitions += _of(selection, read)[: selection.examples]
    if not definitions:
        raise SettingsError("there is no test to run: " + "; ".join(left_out))
    return Planned(configuration.name, _plan(configuration, definitions, wanted), left_out)


def _problem(selection: Selection, read: Sequence[Definition] | None, wanted: Wanted) -> str:
    """Why a dataset is left out; empty where it isn't."""
    dataset = DATASETS[selection.dataset]
    if dataset.needs_model and not wanted.answers:
        return "needs an agent that answers"
    if read is not None:
        return "" if _of(selection, read) else f"{wanted.definitions} holds no definition of it"
    if dataset.arguments.get("file") == selection.arguments.get("file", ""):
        return "is made of a file of yours; name it in the configuration, as the argument file"
    return ""


def _of(selection: Selection, read: Sequence[Definition]) -> list[Definition]:
    return [each for each in read if each.dataset == selection.dataset]


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

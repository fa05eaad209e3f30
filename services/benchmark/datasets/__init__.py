"""The datasets of the benchmark, one module each."""

from collections.abc import Mapping

from services.benchmark.datasets import (
    colours,
    jokes,
    key_value,
    locations,
    locations_directions,
    name_list,
    names,
    prospective_memory,
    sallyanne,
    shopping,
    spy_meeting,
    trigger_response,
)
from services.benchmark.definition import Dataset

_MODULES = (
    colours,
    jokes,
    key_value,
    locations,
    locations_directions,
    name_list,
    names,
    prospective_memory,
    sallyanne,
    shopping,
    spy_meeting,
    trigger_response,
)
DATASETS: Mapping[str, Dataset] = {module.DATASET.name: module.DATASET for module in _MODULES}
"""By the names that configurations use."""

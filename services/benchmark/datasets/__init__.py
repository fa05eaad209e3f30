"""The datasets of the benchmark, one module each."""

from collections.abc import Mapping

from services.benchmark.datasets import (
    chapterbreak,
    colours,
    conflicting_personal_information,
    delayed_recall,
    how_to_think,
    instruction_recall,
    jokes,
    key_value,
    locations,
    locations_directions,
    name_list,
    names,
    prospective_memory,
    restaurant,
    sallyanne,
    shopping,
    spy_meeting,
    trigger_response,
)
from services.benchmark.definition import Dataset

_MODULES = (
    chapterbreak,
    colours,
    conflicting_personal_information,
    delayed_recall,
    how_to_think,
    instruction_recall,
    jokes,
    key_value,
    locations,
    locations_directions,
    name_list,
    names,
    prospective_memory,
    restaurant,
    sallyanne,
    shopping,
    spy_meeting,
    trigger_response,
)
DATASETS: Mapping[str, Dataset] = {module.DATASET.name: module.DATASET for module in _MODULES}
"""By the names that configurations use."""

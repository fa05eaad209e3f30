"""The datasets of the benchmark, one module each."""

from collections.abc import Mapping

from services.benchmark.datasets import colours, name_list, names, shopping
from services.benchmark.definition import Dataset

DATASETS: Mapping[str, Dataset] = {
    module.DATASET.name: module.DATASET for module in (colours, name_list, names, shopping)
}
"""By the names that configurations use."""

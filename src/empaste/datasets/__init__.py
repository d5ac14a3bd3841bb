"""Readers of data sets: one file per layout, one line here; each finds classes and examples, decoding nothing yet."""

from collections.abc import Callable

from empaste.datasets.demo import open_demo
from empaste.datasets.records import DataSet, Source

DATASETS: dict[str, Callable[[Source], DataSet]] = {
    "demo": open_demo,
}

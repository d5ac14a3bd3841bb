"""The data that a run read, as MLflow's data sets: known by DVC's hashes, so that two runs on the same data agree."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from empaste.artifacts.run_record import read_stages, recorded_outputs
from empaste.layout import HERE

CONTEXTS = {HERE.images: "images", HERE.labels: "labels", HERE.composites: "training", HERE.val_truth: "evaluation"}
"""What is recorded, and what it was used for."""


class DataSet(NamedTuple):
    """An artifact that DVC recorded: ``digest`` is its hash, ``profile`` its number of files and of bytes."""

    name: str
    context: str
    path: str
    digest: str
    profile: Mapping[str, int]


def data_sets(lock: Path, name: str) -> list[DataSet]:
    """The data sets that ``dvc.lock`` records, called ``name`` and what they hold; none where it does not know them.

    `InputError` where it cannot be read.
    """
    return list(_described(read_stages(lock), name)) if lock.exists() else []


def _described(stages: Mapping[str, Any], name: str) -> Iterator[DataSet]:
    recorded = recorded_outputs(stages)
    for path, context in CONTEXTS.items():
        _, entry = recorded.get(str(path), ("", {}))
        if "md5" in entry:
            profile = {key: entry[key] for key in ("nfiles", "size") if key in entry}
            yield DataSet(f"{name} {path.stem}", context, str(path), entry["md5"], profile)


def log_data_sets(client: Any, run_id: str, found: Sequence[DataSet]) -> None:
    """The run ``run_id`` has ``found`` as its inputs."""
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.utils.mlflow_tags import MLFLOW_DATASET_CONTEXT

    inputs = [
        DatasetInput(
            Dataset(one.name, one.digest, "local", json.dumps({"uri": one.path}), profile=json.dumps(one.profile)),
            [InputTag(MLFLOW_DATASET_CONTEXT, one.context)],
        )
        for one in found
    ]
    if inputs:
        client.log_inputs(run_id, datasets=inputs)

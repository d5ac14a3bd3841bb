import json
from pathlib import Path

from empaste.tracking.data_sets import DataSet, data_sets
from tests.tracking.runs import recorded

LOCK = """
schema: '2.0'
stages:
  prepare:
    outs:
    - {path: data/images, hash: md5, md5: 0123456789abcdef0123456789abcdef.dir, size: 300, nfiles: 3}
    - {path: metrics/prepare.json, hash: md5, md5: ffff, size: 1}
  paste:
    outs:
    - {path: data/composites, hash: md5, md5: fedcba9876543210fedcba9876543210.dir, size: 30}
"""


def test_the_data_of_a_run_is_known_by_dvcs_hashes(tmp_path: Path) -> None:
    (tmp_path / "dvc.lock").write_text(LOCK)
    images, composites = data_sets(tmp_path / "dvc.lock", "demo")
    assert images == DataSet(
        "demo images", "images", "data/images", "0123456789abcdef0123456789abcdef.dir", {"nfiles": 3, "size": 300}
    )
    assert (composites.name, composites.context, composites.profile) == ("demo composites", "training", {"size": 30})


def test_without_dvcs_record_there_are_none(tmp_path: Path) -> None:
    assert data_sets(tmp_path / "dvc.lock", "demo") == []
    (tmp_path / "dvc.lock").write_text("")
    assert data_sets(tmp_path / "dvc.lock", "demo") == []


def test_mlflow_has_them_as_inputs(here: Path) -> None:
    (here / "dvc.lock").write_text(LOCK)
    inputs = recorded(data_sets=data_sets(here / "dvc.lock", "demo")).inputs
    assert inputs
    found = {one.dataset.name: one for one in inputs.dataset_inputs}
    assert set(found) == {"demo images", "demo composites"}
    assert found["demo images"].dataset.digest == "0123456789abcdef0123456789abcdef.dir"
    assert json.loads(found["demo images"].dataset.source) == {"uri": "data/images"}
    assert [tag.value for tag in found["demo composites"].tags] == ["training"]

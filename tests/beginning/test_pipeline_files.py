"""A project's pipeline is the package's: the same stages, inputs and outputs, its code by hash."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.beginning.pipeline_files import (
    data_deps_of,
    kept_values,
    pipeline_text,
    preset_values,
    write_pipeline,
    write_values,
)
from empaste.errors import InputError
from empaste.layout import HERE, code_file, pipeline_folder
from empaste.params import load_params

TOP = Path(__file__).parents[2]


def test_in_a_checkout_the_pipeline_is_its_own() -> None:
    assert pipeline_folder() == TOP
    assert code_file("src/empaste/masks.py", TOP) == TOP / "src/empaste/masks.py"


def test_without_a_source_folder_code_is_the_packages(tmp_path: Path) -> None:
    assert code_file("src/empaste/masks.py", tmp_path) == TOP / "src/empaste/masks.py"
    assert code_file("stages/train.py", tmp_path) == tmp_path / "stages/train.py"


def test_only_the_code_is_named_otherwise() -> None:
    text = (TOP / "dvc.yaml").read_text()
    package: dict[str, Any] = yaml.safe_load(text)
    own = yaml.safe_load(pipeline_text(text, ["dataset/labels.csv", '/a "b" é']))
    for name, entry in package["stages"].items():
        entry["deps"] = [dep for dep in entry["deps"] if not dep.startswith("src/")]
        entry["params"].append({"code.yaml": [f"stages.{name}"]})
    package["stages"]["prepare"]["deps"][1:1] = ["dataset/labels.csv", '/a "b" é']
    assert own == package


def test_writing_again_keeps_what_the_data_set_depends_on(tmp_path: Path) -> None:
    write_pipeline(tmp_path, ["dataset/labels.csv", "/photos"])
    assert data_deps_of(tmp_path) == ["dataset/labels.csv", "/photos"]
    (tmp_path / "stages" / "old.py").touch()
    before = (tmp_path / "dvc.yaml").read_bytes()
    write_pipeline(tmp_path, data_deps_of(tmp_path))
    assert (tmp_path / "dvc.yaml").read_bytes() == before
    assert not (tmp_path / "stages" / "old.py").exists()
    assert (tmp_path / "presets" / "photos.yaml").exists()


def test_decisions_begin_empty_and_are_the_users(tmp_path: Path) -> None:
    write_pipeline(tmp_path, [])
    assert (tmp_path / HERE.foreground_decisions).read_bytes() == (TOP / HERE.foreground_decisions).read_bytes()
    assert (tmp_path / HERE.label_decisions).read_bytes() == (TOP / HERE.label_decisions).read_bytes()
    (tmp_path / HERE.label_decisions).write_text("image,class,change\ntrain/a.jpg,cat,added\n")
    (tmp_path / HERE.foreground_decisions).unlink()
    write_pipeline(tmp_path, data_deps_of(tmp_path))
    assert (tmp_path / HERE.label_decisions).read_text().endswith("cat,added\n")
    assert (tmp_path / HERE.foreground_decisions).exists()


def test_values_are_written_with_their_comments(tmp_path: Path) -> None:
    write_values(tmp_path, ["photos"], {"prepare.root": "my data", "paste.n_p": [1, 4], "refine.contours": None})
    params = load_params(tmp_path / "params.yaml")
    assert (params.prepare.root, params.paste.n_p, params.refine.contours) == ("my data", [1, 4], None)
    assert params.train.iterations == preset_values(["photos"])["train.iterations"] == 800
    assert "# optimiser steps\n" in (tmp_path / "params.yaml").read_text()


def test_a_value_that_no_parameter_takes_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"^params.yaml: train.iterations is 0"):
        write_values(tmp_path, [], {"train.iterations": 0})
    assert not list(tmp_path.iterdir())


def test_values_survive_an_update_mappings_too_and_what_is_gone_is_named(tmp_path: Path) -> None:
    mappings = {"report.tags": {"who": "me: #1"}, "backgrounds.api.options": {"quality": "low", "n.o": 2}}
    write_values(tmp_path, ["photos"], {"train.iterations": 7, "prepare.root": "x", **mappings})
    sections = yaml.safe_load((tmp_path / "params.yaml").read_text())
    sections["train"]["old"] = {"name": 1}
    values, gone = kept_values(sections, preset_values(()))
    assert gone == ["train.old.name"]
    assert values["train.iterations"] == 7
    assert {key: values[key] for key in mappings} == mappings
    before = (tmp_path / "params.yaml").read_bytes()
    write_values(tmp_path, [], values)
    assert (tmp_path / "params.yaml").read_bytes() == before

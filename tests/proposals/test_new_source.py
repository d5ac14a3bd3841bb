"""Whoever follows "A new source" of docs/proposals.md to the letter has a source that the stage runs."""

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml

from empaste.artifacts.coco import coco_dataset, write_coco
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.images import write_rgb
from empaste.masks import decode_mask

ROOT = Path(__file__).parents[2]
CLASSES = pd.DataFrame({"class_id": [1], "name": ["ball"], "supercategory": ["sports"]})
SIDES = [(40, 48), (30, 30), (2, 60)]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the package, of the stages, of the parameters and of the pipeline."""
    ignored = shutil.ignore_patterns("__pycache__", "*.egg-info")
    for name in ("src", "stages"):
        shutil.copytree(ROOT / name, tmp_path / name, ignore=ignored)
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(ROOT / name, tmp_path)
    return tmp_path


@pytest.fixture
def images(checkout: Path) -> pd.DataFrame:
    """Three training images of the sizes `SIDES`."""
    heights, widths = zip(*SIDES, strict=True)
    names = [f"train/{number}.png" for number in range(1, 4)]
    table = pd.DataFrame(
        {"image_id": range(1, 4), "split": "train", "file_name": names, "height": heights, "width": widths}
    )
    write_table(table, checkout / "data/images/images.parquet", Images)
    (checkout / "data/images/train").mkdir()
    for name, side in zip(names, SIDES, strict=True):
        write_rgb(checkout / "data/images" / name, np.full((*side, 3), 90, np.uint8))
    write_coco(checkout / "data/ground_truth/train.json", coco_dataset(table, CLASSES, [], "test"))
    return table


def blocks() -> tuple[str, str, str]:
    """The file, the line of the registry and the section that the page shows."""
    text = (ROOT / "docs/proposals.md").read_text().partition("## A new source")[2]
    found = [textwrap.dedent(block) for block in re.findall(r"```(?:python|yaml)\n(.*?)```", text, re.DOTALL)]
    file, line, section = found
    return file, line.strip(), section


def follow(checkout: Path) -> None:
    """Do what the page says, in the copy."""
    file, line, section = blocks()
    (checkout / "src/empaste/proposals/grid.py").write_text(file)
    registry = checkout / "src/empaste/proposals/__init__.py"
    *_, last = re.findall(r"^from empaste\.proposals\.\w+ import METHOD as \w+$", registry.read_text(), re.MULTILINE)
    registry.write_text(registry.read_text().replace(last, f"{last}\n{line}"))
    content = yaml.safe_load((checkout / "params.yaml").read_text())
    content["proposals"] |= yaml.safe_load(section) | {"method": "grid"}
    (checkout / "params.yaml").write_text(yaml.safe_dump(content))


def run_stage(checkout: Path) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": f"{checkout / 'src'}{os.pathsep}{checkout}", "EMPASTE_WORKERS": "1"}
    command = [sys.executable, "-m", "stages.proposals"]
    return subprocess.run(
        command, cwd=checkout, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.mark.usefixtures("images")
def test_the_page_is_all_that_a_new_source_takes(checkout: Path) -> None:
    follow(checkout)
    done = run_stage(checkout)
    assert done.returncode == 0, done.stderr
    segments = read_table(checkout / "data/segments/segments.parquet", Segments)
    assert segments.groupby("image_id").size().tolist() == [16, 16, 8]
    assert set(segments["score"]) == {1.0}
    for _, of_image in segments.groupby("image_id"):
        rows = of_image.to_dict("records")
        masks = [decode_mask({"counts": row["counts"], "size": [row["height"], row["width"]]}) for row in rows]
        assert (np.sum(masks, axis=0) == 1).all()


@pytest.mark.usefixtures("images")
def test_what_is_missing_of_its_section_is_named(checkout: Path) -> None:
    follow(checkout)
    content = yaml.safe_load((checkout / "params.yaml").read_text())
    content["proposals"]["grid"] = {"cells_per_side": 0}
    (checkout / "params.yaml").write_text(yaml.safe_dump(content))
    done = run_stage(checkout)
    assert done.returncode == 1
    assert "proposals.grid.cells_per_side is 0" in done.stderr

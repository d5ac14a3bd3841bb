"""The proposals stage with sources that need something: files of the user's, or a network."""

import shutil
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

from empaste.artifacts.coco import coco_dataset, write_coco
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.images import write_rgb
from empaste.proposals import METHODS, table
from empaste.scaleout import Network
from stages import proposals
from stages.proposals import main
from tests.proposals.sources import checkerboard, prepare, proposals_of, write_mat5

NUM_IMAGES = 3
CLASSES = pd.DataFrame({"class_id": [1], "name": ["ball"], "supercategory": ["sports"]})
SEGMENTS = Path("data/segments/segments.parquet")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three training images of 40 × 48 pixels."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPASTE_WORKERS", "1")
    shutil.copy(Path(__file__).parents[2] / "params.yaml", tmp_path)
    numbers = range(1, NUM_IMAGES + 1)
    names = [f"train/2007_{number:06}.png" for number in numbers]
    images = pd.DataFrame({"image_id": numbers, "split": "train", "file_name": names, "height": 40, "width": 48})
    write_table(images, Path("data/images/images.parquet"), Images)
    Path("data/images/train").mkdir()
    for number, name in zip(numbers, names, strict=True):
        noise = np.random.default_rng(number).integers(0, 256, (40, 48, 3))
        write_rgb(Path("data/images") / name, noise.astype(np.uint8))
    write_coco(Path("data/ground_truth/train.json"), coco_dataset(images, CLASSES, [], "test"))
    return tmp_path


def choose(method: str, of_all: int = 320, /, **settings: Any) -> None:
    """Set the method, the ``max_side`` of all methods, and the method's own section; every segment passes."""
    content = yaml.safe_load(Path("params.yaml").read_text())
    content["proposals"].update(method=method, max_side=of_all, max_extent=2.0, min_area=0.0)
    content["proposals"][method].update(settings)
    Path("params.yaml").write_text(yaml.safe_dump(content))


def write_published(height: int = 40, width: int = 48, names: Iterable[int] = range(1, NUM_IMAGES + 1)) -> str:
    folder = Path("published")
    folder.mkdir(exist_ok=True)
    for number in names:
        write_mat5(folder / f"2007_{number:06}.mat", proposals_of(checkerboard(height, width)))
    return str(folder)


def failure(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit) as ended:
        main()
    assert ended.value.exit_code == 1
    return capsys.readouterr().err


@pytest.mark.usefixtures("workspace")
def test_published_files_are_read_for_the_images_as_they_are() -> None:
    choose("mcg", 16, root=write_published())
    main()
    segments = read_table(SEGMENTS, Segments)
    assert segments.groupby("image_id").size().tolist() == [9] * NUM_IMAGES  # all but the whole image
    assert set(segments["height"]) == {40}


@pytest.mark.parametrize(
    ("broken", "said"),
    [
        (lambda: write_published(48, 40), "2007_000001.mat is about an image of 48 × 40 pixels"),
        (lambda: Path("published/2007_000002.mat").unlink(), "has no 2007_000002.mat"),
        (lambda: Path("published/2007_000002.mat").write_bytes(b""), "2007_000002.mat is no MATLAB file"),
    ],
)
@pytest.mark.usefixtures("workspace")
def test_published_files_that_do_not_fit_leave_earlier_segments(
    capsys: pytest.CaptureFixture[str], broken: Callable[[], Any], said: str
) -> None:
    choose("mcg", root=write_published())
    main()
    before = SEGMENTS.read_bytes()
    broken()
    assert said in failure(capsys)
    assert SEGMENTS.read_bytes() == before


@pytest.mark.usefixtures("workspace")
def test_a_source_without_its_setting_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    choose("cob")
    assert "proposals.cob.root is null, but method cob needs it; set proposals.cob.root" in failure(capsys)


def test_results_of_other_images_are_no_silent_nothing(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    choose("coco_results", **prepare("coco_results", workspace, np.zeros((40, 48, 3), np.uint8)))
    main()
    said = capsys.readouterr().err
    assert "40x48.json names images by id\n" in said
    assert "40x48.json has no result for 2 of 3 training images: train/2007_000002.png, train/2007_000003.png" in said
    assert set(read_table(SEGMENTS, Segments)["image_id"]) == {1}
    file = next(workspace.glob("*.json"))
    other = workspace / "other.json"
    other.write_text(file.read_text().replace('"image_id": 1', '"image_id": 1001'))
    choose("coco_results", file=str(other))
    assert "is about none of the 3 images of data/images: it has 1001; there are" in failure(capsys)


def test_a_network_is_loaded_in_one_process(workspace: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = prepare("mask2former", workspace, np.zeros((40, 48, 3), np.uint8))
    choose("mask2former", device="cpu", num_threads=1, **settings)
    asked = []

    def look(function: Callable[[Any], Any], items: Iterable[Any], what: str, workers: int, network: Network) -> Any:
        asked.append((what, workers, network))
        return map(function, items)

    monkeypatch.setattr(proposals, "map_items", look)
    monkeypatch.setenv("EMPASTE_WORKERS", "3")
    main()
    assert asked == [("proposals", 1, Network("cpu", 1))]
    assert len(read_table(SEGMENTS, Segments))


@pytest.mark.parametrize(("method", "side"), [("sam", 24), ("slic", 16)])
@pytest.mark.usefixtures("workspace")
def test_a_network_has_a_size_of_its_own(monkeypatch: pytest.MonkeyPatch, method: str, side: int) -> None:
    """Its section's max_side holds in place of the one of all other methods."""
    seen = []

    def look(image: np.ndarray, max_side: int) -> np.ndarray:
        seen.append(max_side)
        return image

    def left_columns(image: np.ndarray, *_: Any) -> tuple[np.ndarray, np.ndarray]:
        return np.arange(image.shape[1]) < np.full((1, *image.shape[:2]), 9), np.ones(1)

    monkeypatch.setattr(table, "fit_within", look)
    monkeypatch.setitem(METHODS, method, replace(METHODS[method], propose=left_columns))
    choose(method, 16, **({"model": "unseen", "max_side": 24} if method == "sam" else {}))
    main()
    assert set(seen) == {side}

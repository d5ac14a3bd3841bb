"""A detector on anybody's images: what is written, what is left out, what is refused."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from empaste import prediction
from empaste.artifacts.coco import read_coco
from empaste.detectors import Detect, classes_of
from empaste.errors import InputError
from empaste.images import read_rgb, write_rgb
from empaste.masks import encode_mask
from empaste.prediction import OVERLAY_SIDE, Prediction, draw_detections, find_images, predict_files

OPTIONS: dict[str, Any] = {
    "min_score": 0.5, "max_detections": 10, "batch_size": 2, "num_threads": 1, "device": "cpu"
}  # fmt: skip
MASK = np.zeros((40, 50), bool)
MASK[5:25, 10:30] = True


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three images in two folders, and a model whose detector finds the mask, as class 7, but in the bright first."""
    for name in ("a.png", "b.bmp", "deep/c.JPG"):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        write_rgb(tmp_path / "one.jpg", np.full((40, 50, 3), 250 if name == "a.png" else 100, np.uint8))
        shutil.move(tmp_path / "one.jpg", path)
    (tmp_path / "photos/notes.txt").write_text("no image")
    (tmp_path / "model").mkdir()
    classes = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
    (tmp_path / "model/config.json").write_text(json.dumps({"backend": "decided", "classes": classes}))
    monkeypatch.setattr(prediction, "load_detector", load_decided)
    monkeypatch.chdir(tmp_path)
    return tmp_path / "photos"


def load_decided(model: Path, **options: Any) -> Detect:
    assert options == {key: value for key, value in OPTIONS.items() if key != "batch_size"}
    answer = {"category_id": 7, "bbox": [9.5, 5.0, 21.0, 20.0], "score": 0.9, "segmentation": encode_mask(MASK)}
    return lambda images: [[answer] if image[0, 0, 0] < 200 else [] for image in images]


def test_results_data_set_and_overlays(photos: Path) -> None:
    done = predict_files(photos, Path("model"), Path("out"), **OPTIONS)
    assert done == Prediction(3, 2, [])
    results = json.loads(Path("out/results.json").read_text())
    assert [row["image_id"] for row in results] == [2, 3]
    data = read_coco(Path("out/instances.json"))
    assert [image["file_name"] for image in data["images"]] == ["a.png", "b.bmp", "deep/c.JPG"]
    assert {(image["height"], image["width"]) for image in data["images"]} == {(40, 50)}
    assert [category["name"] for category in data["categories"]] == ["cat", "dog"]
    first = data["annotations"][0]
    assert (first["area"], first["bbox"], first["score"]) == (400, [10, 5, 20, 20], 0.9)
    overlays = sorted(path.relative_to("out/overlays").as_posix() for path in Path("out/overlays").rglob("*.*"))
    assert overlays == ["a.png", "b.bmp.jpg", "deep/c.JPG"]
    assert max(read_rgb(Path("out/overlays/a.png")).shape) == OVERLAY_SIDE


def test_a_single_image(photos: Path) -> None:
    assert predict_files(photos / "b.bmp", Path("model"), Path("out"), **OPTIONS) == Prediction(1, 1, [])
    assert read_coco(Path("out/instances.json"))["images"][0]["file_name"] == "b.bmp"


def test_the_overlay_tints_the_mask_and_nothing_else() -> None:
    image = np.full((640, 640, 3), 100, np.uint8)
    mask = np.zeros((640, 640), bool)
    mask[300:400, 200:300] = True
    row = {"category_id": 7, "bbox": [200, 300, 100, 100], "score": 0.9, "segmentation": encode_mask(mask)}
    shown = draw_detections(image, [row], {3: "cat", 7: "dog"})
    assert (shown[350, 250] != 100).any()
    away = np.ones_like(mask)
    away[295:405, 195:305] = False
    assert (shown[away] == 100).all()
    np.testing.assert_array_equal(draw_detections(image, [], {7: "dog"}), image)


def test_unreadable_files_are_left_out_and_named(photos: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"no image")
    done = predict_files(photos, Path("model"), Path("out"), **OPTIONS)
    assert done.num_images == 3
    assert len(done.unreadable) == 1 and "broken.jpg is not a readable image (8 bytes)" in done.unreadable[0]


@pytest.mark.parametrize(
    ("prepare", "source", "message"),
    [
        (lambda _: None, "nowhere", "nowhere is no file and no folder; name an image or a folder of images"),
        (lambda _: Path("empty").mkdir(), "empty", r"empty holds no image \(.jpg, "),
        (lambda _: Path("x.jpg").write_bytes(b""), "x.jpg", "none of the 1 images of x.jpg can be read: x.jpg is not"),
        (lambda _: Path("out/kept").mkdir(parents=True), "photos", "out exists and is not an empty folder; give --out"),
        (lambda _: shutil.rmtree("model"), "photos", "config.json does not exist; run: dvc repro train"),
        (
            lambda _: Path("model/config.json").write_text('{"backend": "decided"}'),
            "photos",
            "config.json lacks classes; run: dvc repro train",
        ),
    ],
)
def test_bad_input_is_refused_and_nothing_written(photos: Path, prepare: Any, source: str, message: str) -> None:
    prepare(photos)
    with pytest.raises(InputError, match=message):
        predict_files(Path(source), Path("model"), Path("out"), **OPTIONS)
    assert not Path("out/results.json").exists()


def test_images_are_found_by_name_whatever_their_case(photos: Path) -> None:
    assert [path.name for path in find_images(photos)] == ["a.png", "b.bmp", "c.JPG"]


def test_the_classes_of_a_model(photos: Path) -> None:
    assert classes_of(Path("model")) == {3: "cat", 7: "dog"}

"""A detector on anybody's images: what is written, what is left out, what is refused."""

import json
import os
import shutil
from collections.abc import Iterable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import typer
from PIL import Image

from empaste import prediction
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import DetectedInstance
from empaste.artifacts.networks import save_network
from empaste.cli.detecting import predict
from empaste.detectors.backend import Network
from empaste.detectors.detecting import Detect, DetectSettings, detect_files, load_detector
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.detectors.models import classes_of
from empaste.errors import InputError
from empaste.images import encode_rgb, fit_within, read_rgb, write_rgb
from empaste.masks import encode_mask
from empaste.photographs import read_photograph
from empaste.prediction import (
    LARGEST_OVERLAY,
    OVERLAY_SIDE,
    Prediction,
    draw_detections,
    find_files,
    overlay_names,
    predict_files,
)  # fmt: skip

SETTINGS = DetectSettings(min_score=0.5, max_detections=10, batch_size=2, num_threads=1, device="cpu")
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


def found(box_xywh: list[float], mask: np.ndarray) -> DetectedInstance:
    return {"category_id": 7, "bbox": box_xywh, "score": 0.9, "segmentation": encode_mask(mask)}


def load_decided(_model: Path, settings: DetectSettings) -> Detect:
    assert replace(settings, batch_size=2) == SETTINGS
    answer = found([9.5, 5.0, 21.0, 20.0], MASK)
    return lambda images: [[answer] if image[0, 0, 0] < 200 else [] for image in images]


def test_results_data_set_and_overlays(photos: Path) -> None:
    done = predict_files(photos, Path("model"), Path("out"), SETTINGS)
    assert done == Prediction(3, 2, [], ["1 files that are no photographs by their ending (.txt 1)"])
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
    assert predict_files(photos / "b.bmp", Path("model"), Path("out"), SETTINGS) == Prediction(1, 1, [], [])
    assert read_coco(Path("out/instances.json"))["images"][0]["file_name"] == "b.bmp"


def test_the_overlay_tints_the_mask_and_nothing_else() -> None:
    image = np.full((640, 640, 3), 100, np.uint8)
    mask = np.zeros((640, 640), bool)
    mask[300:400, 200:300] = True
    row = found([200, 300, 100, 100], mask)
    shown = draw_detections(image, [row], {3: "cat", 7: "dog"})
    assert (shown[350, 250] != 100).any()
    away = np.ones_like(mask)
    away[295:405, 195:305] = False
    assert (shown[away] == 100).all()
    np.testing.assert_array_equal(draw_detections(image, [], {7: "dog"}), image)


def test_unreadable_files_are_left_out_and_named(photos: Path) -> None:
    (photos / "broken.jpg").write_bytes(b"no image")
    done = predict_files(photos, Path("model"), Path("out"), SETTINGS)
    assert done.num_images == 3
    assert len(done.failed) == 1
    assert "broken.jpg is not a readable image (its kind is none of" in done.failed[0]


@pytest.mark.parametrize(
    ("prepare", "source", "message"),
    [
        (lambda _: None, "nowhere", "nowhere is no file and no folder; name an image or a folder of images"),
        (lambda _: Path("empty").mkdir(), "empty", r"empty holds no image \(.jpg, "),
        (
            lambda _: Path("x.jpg").write_bytes(b""),
            "x.jpg",
            r"none of the 1 images of x.jpg can be read: x.jpg is empty \(0 bytes\)",
        ),
        (lambda _: Path("x.heic").touch(), "x.heic", "none of the 1 images of x.heic can be read: x.heic is empty"),
        (lambda _: None, "y" * 300 + ".jpg", r"y\.jpg cannot be read \(File name too long\); name an image or a fold"),
        (lambda _: Path("out").symlink_to("nowhere"), "photos", "out exists and is not an empty folder; give --out"),
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
        predict_files(Path(source), Path("model"), Path("out"), SETTINGS)
    assert not Path("out/results.json").exists()


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("photos/a.png/out", r"photos/a\.png/out cannot be made \(.*\); give --out another folder"),
        (f"new/{'n' * 250}", r"n cannot be made \(File name too long\); give --out another folder"),
        ("/proc/self/out", r"/proc/self/out cannot be made \(.*\); give --out another folder"),
        (".", r"\. exists and is not an empty folder; give --out another one, or remove it"),
    ],
)
def test_a_place_that_cannot_be_written_is_refused_first(photos: Path, out: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        predict_files(photos, Path("model"), Path(out), SETTINGS)


def test_the_folder_that_one_is_in_is_refused(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("empty").mkdir()
    monkeypatch.chdir("empty")
    with pytest.raises(InputError, match=r"\. is the folder that you are in; give --out another one"):
        predict_files(photos, photos.parent / "model", Path(), SETTINGS)


def test_images_are_found_by_name_whatever_their_case(photos: Path) -> None:
    assert [path.name for path in find_files(photos).photographs] == ["a.png", "b.bmp", "c.JPG"]


@pytest.mark.usefixtures("photos")
def test_the_classes_of_a_model() -> None:
    assert classes_of(Path("model")) == {3: "cat", 7: "dog"}


def overlays() -> list[str]:
    return sorted(path.relative_to("out/overlays").as_posix() for path in Path("out/overlays").rglob("*.*"))


def save(path: Path, value: int = 100) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((40, 50, 3), value, np.uint8)).save(path)


def test_every_file_is_read_named_or_counted(photos: Path) -> None:
    (photos / "b.csv").touch()
    (photos / "without").touch()
    (photos / "raw.CR2").touch()
    (photos / "gone.jpg").symlink_to("nowhere")
    (photos / "round.png").symlink_to("round.png")
    os.mkfifo(photos / "pipe.jpg")
    (photos / "folder.jpg").mkdir()
    save(photos / "folder.jpg/d.gif")
    for name in (".hidden.jpg", ".thumbnails/1.jpg", "__MACOSX/a.jpg", "deep/._c.jpg"):
        save(photos / name)
    (photos / "deep/again").symlink_to(photos)
    save(photos.parent / "elsewhere/e.webp")
    (photos / "linked").symlink_to(photos.parent / "elsewhere")
    files = find_files(photos)
    names = [path.relative_to(photos).as_posix() for path in files.photographs]
    assert names == ["a.png", "b.bmp", "deep/c.JPG", "folder.jpg/d.gif", "linked/e.webp"]
    assert [text.removeprefix(f"{photos}/") for text in files.failed] == [
        "gone.jpg is no file, or a link to none; restore it or remove it",
        "pipe.jpg is no file, or a link to none; restore it or remove it",
        "raw.CR2 is of a kind that is not read (.cr2); convert it, for example to .png",
        "round.png is no file, or a link to none; restore it or remove it",
    ]
    assert files.passed_over == ["3 files that are no photographs by their ending (.csv 1, .txt 1, no ending 1)"]
    done = predict_files(photos, Path("model"), Path("out"), SETTINGS)
    assert (done.num_images, done.failed) == (5, files.failed)
    assert "folder.jpg/d.gif.jpg" in overlays()


def test_a_folder_that_cannot_be_opened_is_named(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    walk = os.walk

    def refused(top: Path, followlinks: bool, onerror: Any) -> Any:
        onerror(PermissionError(13, "Permission denied", str(photos / "locked")))
        return walk(top, followlinks=followlinks)

    monkeypatch.setattr(os, "walk", refused)
    files = find_files(photos)
    assert len(files.photographs) == 3
    assert files.failed == [f"{photos}/locked cannot be read (Permission denied); restore it or remove it"]


def test_earlier_predictions_below_are_not_predicted_on(photos: Path) -> None:
    predict_files(photos, Path("model"), photos / "found", SETTINGS)
    save(photos / "overlays/mine.png")  # no prediction: nothing lies beside it
    done = predict_files(photos, Path("model"), photos / "deep/again", SETTINGS)
    assert done.num_images == 4
    assert not done.failed
    assert done.passed_over[0] == f"the overlays of an earlier prediction, {photos}/found"
    with pytest.raises(
        InputError, match=r"holds no image .*; it holds the overlays of an earlier prediction, .*/found"
    ):
        find_files(photos / "found")
    assert len(find_files(photos / "found/overlays").photographs) == 3


def test_nothing_but_photographs_of_kinds_that_are_not_read(photos: Path) -> None:
    (photos.parent / "raw").mkdir()
    (photos.parent / "raw/1.nef").touch()
    with pytest.raises(
        InputError, match=r"none of the 1 images of raw can be read: raw/1\.nef is of a kind that is not"
    ):
        predict_files(Path("raw"), Path("model"), Path("out"), SETTINGS)


def test_an_image_named_by_hand_is_tried_whatever_its_ending(photos: Path) -> None:
    for name in ("photo", "photo.jpg_original"):
        shutil.copy(photos / "b.bmp", name)
        assert predict_files(Path(name), Path("model"), Path(f"out/{name}"), SETTINGS).num_images == 1


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (RuntimeError("cannot\nallocate"), "RuntimeError: cannot"),
        (MemoryError(), "MemoryError"),
        (IndexError("axis 1"), "IndexError: axis 1"),
    ],
)
def test_an_image_that_fails_takes_no_other_along(
    photos: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, said: str
) -> None:
    whole = load_decided

    def load(model: Path, settings: DetectSettings) -> Detect:
        detect = whole(model, settings)

        def fails_on_bright(images: Iterable[np.ndarray]) -> list[list[DetectedInstance]]:
            shown = list(images)
            if any(image[0, 0, 0] > 200 for image in shown):
                raise error
            return detect(shown)

        return fails_on_bright

    monkeypatch.setattr(prediction, "load_detector", load)
    (photos / "aa.png").write_bytes(b"broken")
    done = predict_files(photos, Path("model"), Path("out"), replace(SETTINGS, batch_size=4))
    assert (done.num_images, done.num_instances) == (2, 2)
    assert done.failed[0] == f"{photos}/a.png could not be detected on ({said})"
    assert done.failed[1].startswith(f"{photos}/aa.png is not a readable image")
    assert len(done.failed) == 2
    assert overlays() == ["b.bmp.jpg", "deep/c.JPG"]


def test_overlays_of_like_names_lie_apart(photos: Path) -> None:
    long = f"{'ä' * 124}.gif"  # 252 bytes
    for name in ("a.tif", "a.tif.jpg", "a.tif-2.jpg", "a.png.jpg", "x.tif", "x.tif.jpg/y.png", long):
        save(photos / name)
    done = predict_files(photos, Path("model"), Path("out"), SETTINGS)
    assert done.num_images == 10
    assert len([path for path in Path("out/overlays").rglob("*") if path.is_file()]) == 10
    assert overlay_names(["a.tif", "a.tif.jpg", "a.tif-2.jpg"])["a.tif"] == "a.tif-3.jpg"
    assert overlay_names(["x.tif", "x.tif.jpg/y.png"]) == {"x.tif": "x.tif-2.jpg", "x.tif.jpg/y.png": "x.tif.jpg/y.png"}
    assert overlay_names([long])[long] == f"{'ä' * 124}.gi.jpg"


def test_a_name_that_is_no_utf8_stays_what_it_is(photos: Path) -> None:
    name = os.fsdecode(b"na\xefve.png")
    shutil.copy(photos / "b.bmp", photos / name)
    predict_files(photos, Path("model"), Path("out"), SETTINGS)
    listed = [image["file_name"] for image in read_coco(Path("out/instances.json"))["images"]]
    assert name in listed
    assert (photos / listed[-1]).is_file()
    assert (Path("out/overlays") / name).is_file()


@pytest.mark.parametrize(("size_hw", "side"), [((40, 4000), LARGEST_OVERLAY), ((700, 100), 700), ((1, 3000), 1920)])
def test_an_overlay_has_a_bounded_size(size_hw: tuple[int, int], side: int) -> None:
    mask = np.zeros(size_hw, bool)
    mask[:, : size_hw[1] // 2] = True
    row = found([0, 0, 1, 1], mask)
    canvas = fit_within(np.full((*size_hw, 3), 100, np.uint8), LARGEST_OVERLAY)
    shown = draw_detections(canvas, [row], {7: ""})
    assert max(shown.shape) == side
    changed = (shown != 100).any(axis=2)
    assert changed[:, : shown.shape[1] // 2 - 5].any()
    assert not changed[:, shown.shape[1] // 2 + 5 :].any()


SLIM = Network("resnet_slim", "standard", False, 8, 64, frozen_norm=False, msra=False)
LOAD: dict[str, Any] = {"min_score": 0.05, "max_detections": 10, "num_threads": 1, "device": "cpu"}
ONE_BY_ONE = DetectSettings(**LOAD, batch_size=1)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An untrained detector, which finds something in noise."""
    monkeypatch.chdir(tmp_path)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classes = [{"id": 3, "name": "cat"}, {"id": 7, "name": "dog"}]
        save_network(build_mask_rcnn(SLIM, 2, None), Path("tiny"), {"backend": "torchvision", **asdict(SLIM),
                                                                    "classes": classes})  # fmt: skip
    return Path("tiny")


def noise(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, shape, np.uint8)


def results_by_name(out: Path) -> dict[str, list[dict[str, Any]]]:
    data = read_coco(out / "instances.json")
    rows: dict[str, list[dict[str, Any]]] = {image["file_name"]: [] for image in data["images"]}
    names = {image["id"]: image["file_name"] for image in data["images"]}
    for row in json.loads((out / "results.json").read_text()):
        rows[names[row.pop("image_id")]].append(row)
    return rows


def test_photographs_are_read_as_training_reads_them(tiny: Path) -> None:
    folder = Path("kinds")
    folder.mkdir()
    rgb = noise(48, 64, 3)
    layer = np.dstack([rgb, noise(48, 64)])
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(rgb).save(folder / "turned.jpg", exif=turned)
    Image.fromarray(rgb).convert("CMYK").save(folder / "cmyk.jpg")
    Image.fromarray(rgb).save(folder / "palette.gif")
    Image.fromarray(rgb).save(folder / "a.avif")
    Image.fromarray(layer).save(folder / "alpha.png")
    Image.fromarray(layer).save(folder / "alpha.webp", lossless=True)
    Image.fromarray(rgb[..., 0].astype(np.float32)).save(folder / "float.tiff")
    Image.fromarray(rgb[..., 0].astype(np.uint16) * 200).save(folder / "deep.png")
    frames = [Image.fromarray(noise(48, 64, 3)), Image.fromarray(np.zeros((48, 64, 3), np.uint8))]
    frames[0].save(folder / "moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    done = predict_files(folder, tiny, Path("out"), ONE_BY_ONE)  # a batch moves the last bits of floats
    assert (done.num_images, done.failed) == (9, [])
    detect = load_detector(tiny, ONE_BY_ONE)
    for name, rows in results_by_name(Path("out")).items():
        assert rows == detect([read_photograph(folder / name).image])[0]
    assert done.num_instances > 20


def test_equal_pixels_are_predicted_as_they_are_evaluated(tiny: Path) -> None:
    Path("data").mkdir()
    for number in (1, 2, 3):
        (Path("data") / f"{number}.jpg").write_bytes(encode_rgb(noise(40 * number, 60, 3), ".jpg"))
    predict_files(Path("data"), tiny, Path("out"), ONE_BY_ONE)
    files = [(number, Path("data") / f"{number}.jpg") for number in (1, 2, 3)]
    evaluated = detect_files(load_detector(tiny, ONE_BY_ONE), files, 1)
    assert json.loads(Path("out/results.json").read_text()) == evaluated
    assert evaluated


def test_shapes_of_every_kind_are_answered(tiny: Path) -> None:
    folder = Path("shapes")
    folder.mkdir()
    sizes = [(20, 3000), (1, 1), (3000, 1), (1, 3000), (2, 2), (300, 400)]
    for number, size_hw in enumerate(sizes):
        Image.fromarray(noise(*size_hw, 3)).save(folder / f"{number}.png")
    Image.new("RGB", (64, 48)).save(folder / "black.png")
    done = predict_files(folder, tiny, Path("out"), replace(ONE_BY_ONE, batch_size=4))
    assert (done.num_images, done.failed) == (7, [])
    images = read_coco(Path("out/instances.json"))["images"]
    assert [(image["height"], image["width"]) for image in images[:6]] == sizes
    assert len(list(Path("out/overlays").iterdir())) == 7


def test_the_command_ends_with_a_count_of_what_failed(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = Path("some")
    folder.mkdir()
    Image.fromarray(noise(48, 64, 3)).save(folder / "a.png")
    for name, content in (("b.jpg", b"broken"), ("c.heic", b"x"), ("d.txt", b""), ("e.gif", b"GIF89a")):
        (folder / name).write_bytes(content)
    with pytest.raises(typer.Exit) as ended:
        predict(folder, tiny, Path("out"), **LOAD, batch_size=4)
    assert ended.value.exit_code == 1
    out, err = capsys.readouterr()
    assert "instances in 1 images: out/results.json, out/overlays" in out
    lines = [line for line in err.splitlines() if line and "predicting" not in line]
    assert lines[0] == "passed over: 1 files that are no photographs by their ending (.txt 1)"
    assert [line.split()[2] for line in lines[1:4]] == ["some/c.heic", "some/b.jpg", "some/e.gif"]
    assert lines[-1] == "3 of 4 images failed; what the others show is written"
    predict(folder / "a.png", tiny, Path("alone"), **LOAD, batch_size=4)

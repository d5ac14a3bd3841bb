"""What can be exported is read from a run, what is lost is told first, and bad input is refused, nothing written."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.shards import write_shards
from empaste.artifacts.tables import write_into, write_table
from empaste.cli.results import export as export_command
from empaste.errors import InputError
from empaste.exporting.annotated import AnnotatedImage, AnnotatedSet, Instance
from empaste.exporting.coco import as_coco
from empaste.exporting.reading import SOURCES, Places
from empaste.exporting.voc import label_names
from empaste.exporting.writing import Export, export_data_set
from empaste.images import encode_rgb
from empaste.layout import HERE
from empaste.masks import decode_mask, encode_mask
from tests.exporting.scenes import HEIGHT, OVER, PIXEL, RING, TWO, WIDTH, made_set

SIZE = {"height": HEIGHT, "width": WIDTH}


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Artifacts of a run in the folder that one is in: two training images, one for validation, two classes."""
    monkeypatch.chdir(tmp_path)
    names = ["train/1.jpg", "train/2.jpg", "val/3.jpg"]
    table = pd.DataFrame(
        {"image_id": [1, 2, 3], "split": ["train", "train", "val"], "file_name": names, **SIZE}
    )  # fmt: skip
    picture = encode_rgb(np.full((HEIGHT, WIDTH, 3), 90, np.uint8), ".jpg")
    for name in names:
        (HERE.images / name).parent.mkdir(parents=True, exist_ok=True)
        (HERE.images / name).write_bytes(picture)
    write_into(HERE.images, table, Images)
    classes = [
        {"class_id": 3, "name": "cat", "supercategory": "animal"},
        {"class_id": 7, "name": "dog", "supercategory": "animal"},
    ]
    write_into(HERE.labels, pd.DataFrame(classes), Classes)
    segments = [
        {"segment_id": number, "image_id": 1, "counts": encode_mask(mask)["counts"], **SIZE, "area": int(mask.sum()),
         "x": 0, "y": 0, "box_width": 1, "box_height": 1, "score": 1.0}
        for number, mask in enumerate((OVER, RING))
    ]  # fmt: skip
    write_into(HERE.segments, pd.DataFrame(segments), Segments)
    chosen = {"image_id": 1, "class_id": 7, "segment_id": 1, "distance": 1.0, "prob": 0.9, "inlier": True,
              "cam_empty": False, "instance": 0, "confidence": 0.75}  # fmt: skip
    write_table(pd.DataFrame([chosen]), HERE.foregrounds / "pool.parquet", Foregrounds)
    rows = [{"image_id": 3, "category_id": 3, "bbox": [0, 0, 1, 1], "score": score, "segmentation": encode_mask(mask)}
            for score, mask in ((0.6, TWO), (0.1, PIXEL))]  # fmt: skip
    HERE.detections.mkdir(parents=True)
    (HERE.detections / "val.json").write_text(json.dumps(rows))
    HERE.composites.mkdir(parents=True)
    write_shards(HERE.composites, [("000001.jpg", picture)])
    _write_coco(HERE.composites / "instances.json", "000001.jpg", Instance(3, encode_mask(RING), None, False))
    _write_coco(HERE.refined / "pool.json", "train/2.jpg", Instance(3, encode_mask(TWO), 0.4, False))
    _write_coco(Path("predictions/instances.json"), "photo.jpg", Instance(3, encode_mask(OVER), 0.9, False))
    return tmp_path


def _write_coco(path: Path, name: str, *instances: Instance) -> None:
    image = AnnotatedImage(2, name, (HEIGHT, WIDTH), Path(name), instances)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(as_coco(AnnotatedSet((image,), ({"id": 3, "name": "cat"},), ""))))


def export(what: str, format_name: str = "coco", **changes: Any) -> tuple[Export, list[str]]:
    told: list[str] = []
    places = Places(HERE, changes.pop("source", None), changes.pop("image_folder", None))
    options: dict[str, Any] = {"images": "copy", "min_score": 0.0} | changes
    return export_data_set(what, Path("out"), format_name, places, tell=told.append, **options), told


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("what", "options", "names", "instances"),
    [
        ("foregrounds", {}, ["train/1.jpg", "train/2.jpg"], [(1, 7, 0.75, RING)]),
        ("refined", {}, ["train/2.jpg"], [(2, 3, 0.4, TWO)]),
        ("composites", {}, ["000001.jpg"], [(2, 3, None, RING)]),
        ("detections", {}, ["val/3.jpg"], [(3, 3, 0.6, TWO), (3, 3, 0.1, PIXEL)]),
        ("predictions", {"images": "none"}, ["photo.jpg"], [(2, 3, 0.9, OVER)]),
        ("pseudo-labels", {"source": HERE.refined / "pool.json"}, ["train/2.jpg"], [(2, 3, 0.4, TWO)]),
    ],
)
def test_each_source(what: str, options: dict[str, Any], names: list[str], instances: list[Any]) -> None:
    done, told = export(what, **options)
    assert (done, told) == (Export(len(names), len(instances)), [])
    data = json.loads(Path("out/annotations/instances_default.json").read_text())
    assert [row["file_name"] for row in data["images"]] == names
    rows = data["annotations"]
    assert [(row["image_id"], row["category_id"], row.get("score")) for row in rows] == [one[:3] for one in instances]
    for row, (*_, mask) in zip(rows, instances, strict=True):
        np.testing.assert_array_equal(decode_mask(row["segmentation"]), mask)
    if not options.get("images"):
        assert all((Path("out/images") / name).is_file() for name in names)


def test_all_sources_are_tried() -> None:
    marks = [mark for mark in test_each_source.pytestmark if mark.name == "parametrize"]
    assert {case[0] for case in marks[0].args[1]} == SOURCES.keys()


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"what": "masks"}, "'masks' cannot be exported; choose from foregrounds, refined, .*, pseudo-labels, model"),
        ({"format_name": "voc2"}, "--format is 'voc2'; choose from coco, voc, yolo, lvis, cvat, labelstudio, fiftyone"),
        ({"images": "move"}, "--images is 'move'; choose from copy, link, none"),
        ({"source": Path("x.json")}, "composites is read from this run; leave out --source, which is for predictions"),
        ({"images": "link"}, r"000001\.jpg lies in an archive and cannot be linked; use --images copy"),
        ({"what": "pseudo-labels"}, "name the file: --source pseudo_labels/1.json"),
        ({"what": "pseudo-labels", "source": Path("no.json")}, r"no\.json does not exist; name a file that empaste ps"),
        ({"what": "predictions", "source": Path("no")}, r"no/instances\.json does not exist; name the folder that emp"),
        ({"what": "predictions"}, r"photo\.jpg is no file; name the folder that the images lie in by --image-folder"),
        (
            {"what": "predictions", "image_folder": Path("small")},
            r"small/photo\.jpg is 4 × 3 pixels, but its instances are of an image of 40 × 30; name the folder",
        ),
    ],
)
def test_what_cannot_be_exported_is_refused(arguments: dict[str, Any], message: str) -> None:
    Path("small").mkdir()
    Image.new("RGB", (4, 3)).save("small/photo.jpg")
    with pytest.raises(InputError, match=message):
        export(**{"what": "composites", **arguments})
    assert not Path("out").exists()


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize("make", [Path.mkdir, Path.touch, lambda out: out.symlink_to("nowhere")])
def test_an_existing_place_is_left_alone(make: Callable[[Path], None]) -> None:
    make(Path("out"))
    with pytest.raises(InputError, match="out exists; name a new place, or remove it"):
        export("composites")


@pytest.mark.usefixtures("run")
def test_an_export_that_fails_leaves_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_path: Path, _data: bytes) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        export("composites")
    assert not list(Path().glob("*out*"))


@pytest.mark.usefixtures("run")
def test_empty_rounds_and_broken_references_are_refused() -> None:
    _write_coco(HERE.refined / "pool.json", "train/2.jpg")
    with pytest.raises(InputError, match=r"pool\.json holds no foreground; set refine\.rounds to 1 or more"):
        export("refined")
    _write_coco(HERE.refined / "pool.json", "train/2.jpg", Instance(9, encode_mask(TWO), 0.4, False))
    with pytest.raises(InputError, match=r"annotation 1 is of an image or a class that the file lacks"):
        export("refined")


@pytest.mark.usefixtures("run")
def test_what_has_no_pixel_or_is_a_crowd_is_counted() -> None:
    empty, crowd = (Instance(3, encode_mask(mask), 0.5, True) for mask in (RING & False, TWO))
    _write_coco(HERE.refined / "pool.json", "train/2.jpg", empty, crowd, Instance(3, encode_mask(RING), None, False))
    done, told = export("refined", "lvis")
    assert done == Export(1, 1)
    assert told == [
        "1 instances have no pixel and are left out",
        "LVIS has no place for crowds: 1 are left out",
    ]


@pytest.mark.usefixtures("run")
@pytest.mark.parametrize(
    ("images", "name", "size_wh"),
    [("copy", "photo.jpg", (WIDTH, HEIGHT)), ("copy", "photo", (WIDTH, HEIGHT)), ("link", "photo", (HEIGHT, WIDTH))],
)
def test_a_photograph_that_exif_turns_is_written_upright(images: str, name: str, size_wh: tuple[int, int]) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.new("RGB", (HEIGHT, WIDTH)).save(name, "JPEG", exif=turned)
    _write_coco(Path("predictions/instances.json"), name, Instance(3, encode_mask(OVER), 0.9, False))
    _, told = export("predictions", images=images)
    assert told == [
        "1 images that EXIF turns are written upright, as their masks are"
        if images == "copy"
        else "EXIF turns 1 images: a tool that does not heed it shows their masks elsewhere"
    ]
    with Image.open(Path("out/images") / name) as written:
        assert written.size == size_wh


@pytest.mark.usefixtures("run")
def test_voc_numbers_so_many_objects_and_names_no_more_than_it_can() -> None:
    _write_coco(HERE.refined / "pool.json", "train/2.jpg", *[Instance(3, encode_mask(RING), 0.5, False)] * 255)
    with pytest.raises(InputError, match=r"VOC numbers 254 objects of an image, and train__2\.jpg has 255; raise --mi"):
        export("refined", "voc")
    assert not Path("out").exists()
    assert label_names(["a:b", "a_b", "background", "C#"]) == ["a_b_", "a_b", "background_", "C_"]


def test_an_instance_under_others_loses_all(tmp_path: Path) -> None:
    data = made_set(tmp_path)
    under = Instance(3, encode_mask(OVER), 0.1, False)
    (tmp_path / "made.json").write_text(json.dumps(as_coco(data._replace(images=(
        data.images[0]._replace(instances=(under, *data.images[0].instances)),
    )))))  # fmt: skip
    told: list[str] = []
    places = Places(HERE, tmp_path / "made.json", tmp_path)
    export_data_set("pseudo-labels", tmp_path / "out", "voc", places, images="none", min_score=0, tell=told.append)
    assert told[0] == (
        "VOC gives each pixel to one instance: 1 of 3 instances lose some to smaller ones, and 1 all of theirs"
    )


@pytest.mark.usefixtures("run")
def test_the_command(capsys: pytest.CaptureFixture[str]) -> None:
    export_command("detections", Path("out"), "yolo", min_score=0.5)
    out, err = capsys.readouterr()
    assert out == "1 instances in 1 images: out\n"
    assert "1 instances score less than 0.5 and are left out\n" in err
    assert "YOLO-segment has no place for scores: 1 scores are left out\n" in err
    with pytest.raises(InputError, match=r"say what to export, then where to: empaste export model old\.pth"):
        export_command("old.pth")
    with pytest.raises(InputError, match="a model has neither --source nor --images"):
        export_command("model", Path("new.pth"), images="none")
    with pytest.raises(InputError, match=r"config\.json does not exist; run: dvc repro train"):
        export_command("model", Path("new.pth"))

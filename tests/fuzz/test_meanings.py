"""A data set means the same however a program writes it: same classes, labels, masks, boxes and splits.

Random small data sets are written in a plain form, and again with harmless variations; both are opened and loaded to
the end. A difference is a silent wrong number.
"""

import csv
import io
import json
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Literal

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from empaste.datasets import DATASETS
from empaste.datasets.frames import frame_vote, with_frame
from empaste.images import decode_rgb
from empaste.masks import encode_mask
from empaste.photographs import TRANSPOSED
from empaste.rle import run_lengths
from tests.datasets.layouts import settings_of
from tests.fuzz import inputs
from tests.fuzz.readers import Reader, read_data_set
from tests.fuzz.sandbox import READ, REFUSED, try_input

CLASSES = ("cat", "café", "NA", "001", "🍎", "مرحبا")
STEMS = ("a", "b.1", "café", "my photo", "0001", "x#y")
EXAMPLES = settings(max_examples=25, deadline=None)


@dataclass(frozen=True)
class Thing:
    """An instance: its class and its rectangle (x, y, width, height), whose mask it is, less one corner pixel."""

    name: str
    rectangle: tuple[int, int, int, int]


@dataclass(frozen=True)
class Shot:
    """An image: what it is called, its size, and what it shows."""

    stem: str
    size_hw: tuple[int, int]
    things: tuple[Thing, ...]


Meaning = dict[str, Any]
"""Per image, by its name in composed letters: split, labels, masks and boxes as sorted text."""


@st.composite
def shots(draw: st.DrawFn) -> tuple[Shot, ...]:
    """Two to four images, each with one to three things."""
    stems = draw(st.lists(st.sampled_from(STEMS), min_size=2, max_size=4, unique=True))
    found = []
    for stem in stems:
        height, width = draw(st.integers(12, 20)), draw(st.integers(12, 20))
        things = [
            Thing(draw(st.sampled_from(CLASSES)), (draw(st.integers(0, 6)), draw(st.integers(0, 6)),
                                                   draw(st.integers(2, 6)), draw(st.integers(2, 6))))
            for _ in range(draw(st.integers(1, 3)))
        ]  # fmt: skip
        found.append(Shot(stem, (height, width), tuple(things)))
    return tuple(found)


def mask_of(thing: Thing, size_hw: tuple[int, int]) -> np.ndarray:
    mask = np.zeros(size_hw, bool)
    x, y, width, height = thing.rectangle
    mask[y : y + height, x : x + width] = True
    return mask


def write_image(path: Path, shot: Shot) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(shot.stem)).integers(0, 255, (*shot.size_hw, 3), np.uint8)
    Image.fromarray(noise).save(path)


def meaning(name: str, root: Path, frame: Literal["auto", "upright", "stored"] = "auto") -> Meaning:
    data = DATASETS[name](settings_of(root, seed=3))
    data = with_frame(data, [frame_vote(example) for example in data.examples], frame)
    names = {one.class_id: one.name for one in data.classes}
    found: Meaning = {}
    for example in data.examples:
        picture = data.load(example, 0)
        masks = [(names[class_id], encode_mask(mask)["counts"], crowd) for class_id, mask, crowd in picture.masks]
        boxes = [(names[class_id], *(round(side, 6) for side in box), crowd) for class_id, box, crowd in picture.boxes]
        assert example.path is not None
        found[unicodedata.normalize("NFC", example.path.stem)] = {
            "split": example.split,
            "size": (picture.height, picture.width),
            "masks": sorted(masks),
            "boxes": sorted(boxes),
            "labels": sorted(names[class_id] for class_id in picture.class_ids),
            "digest": picture.digest,
        }
    return found


def coco_of(part: Sequence[Shot], first_id: int) -> dict[str, Any]:
    """The plain form: whole ids, compressed masks in order."""
    ids = {name: number for number, name in enumerate(CLASSES, 1)}
    annotations = [
        {
            "id": 100 * first_id + 10 * number + k,
            "image_id": first_id + number,
            "category_id": ids[thing.name],
            "segmentation": dict(encode_mask(mask_of(thing, shot.size_hw))),
            "bbox": list(thing.rectangle),
            "iscrowd": 0,
            "area": thing.rectangle[2] * thing.rectangle[3],
        }
        for number, shot in enumerate(part)
        for k, thing in enumerate(shot.things)
    ]
    return {
        "images": [
            {
                "id": first_id + number,
                "file_name": f"{shot.stem}.png",
                "height": shot.size_hw[0],
                "width": shot.size_hw[1],
            }
            for number, shot in enumerate(part)
        ],
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in ids.items()],
    }


def polygon_of(box: Sequence[int], rng: Random) -> Any:
    """The rectangle as a polygon, in one of the forms that programs write."""
    x, y, width, height = box
    points = [(x, y), (x + width, y), (x + width, y + height), (x, y + height)]
    start = rng.randrange(4)
    points = points[start:] + points[:start]
    flat = [float(side) if rng.random() < 0.5 else side for point in points for side in point]
    return rng.choice(([flat], flat, [[list(point) for point in points]], [[str(side) for side in flat]], [flat, []]))


def varied_coco(content: dict[str, Any], categories: dict[int, int], rng: Random) -> dict[str, Any]:
    """The same in other words."""
    number: Callable[[int], Any] = rng.choice((int, str, float))
    shift, spread = rng.choice((0, 5, -3, 10**12)), rng.choice((1, 7))
    place = rng.choice(("{}", "./{}", "images\\{}", "images/{}", "/home/someone/set/{}", "C:\\set\\{}", ".\\{}"))
    forms: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
    form = rng.choice(forms)
    images = [
        {
            "id": number(row["id"] * spread + shift),
            "file_name": place.format(unicodedata.normalize(form, row["file_name"])),
            "height": number(row["height"]),
            "width": number(row["width"]),
            "license": 1,
            "coco_url": "",
        }
        for row in content["images"]
    ]
    annotations = []
    for row in content["annotations"]:
        runs = run_lengths(row["segmentation"]["counts"])
        plain = {"size": row["segmentation"]["size"], "counts": [number(run) for run in runs]}
        segmentation = rng.choice((row["segmentation"], plain, polygon_of(row["bbox"], rng)))
        varied = {
            "id": number(row["id"]), "image_id": number(row["image_id"] * spread + shift), "segmentation": segmentation,
            "category_id": number(categories[row["category_id"]]), "iscrowd": rng.choice((0, "0", False, None, 0.0)),
            "bbox": rng.choice(([number(side) for side in row["bbox"]], [], None)), "attributes": {"occluded": False},
        }  # fmt: skip
        keys = list(varied)
        rng.shuffle(keys)
        annotations.append({key: varied[key] for key in keys})
    named = [
        {
            "id": number(categories[one["id"]]),
            "name": unicodedata.normalize(form, f" {one['name']} "),
            "supercategory": "",
        }
        for one in content["categories"]
    ]
    for rows in (images, annotations, named):
        rng.shuffle(rows)
    return {"categories": named, "info": {}, "annotations": annotations, "images": images}


def write_json(path: Path, content: dict[str, Any], rng: Random) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(content, indent=rng.choice((None, 2)), ensure_ascii=rng.random() < 0.5)
    path.write_text(text, encoding=rng.choice(("utf-8", "utf-8-sig")))


@EXAMPLES
@given(scene=shots(), seed=st.integers(0, 10**6))
def test_coco_in_other_words(tmp_path_factory: pytest.TempPathFactory, scene: tuple[Shot, ...], seed: int) -> None:
    rng = Random(seed)
    plain, varied = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("varied")
    lowest = rng.choice((0, 1, 5, 10**9))
    categories = {number: lowest + place for number, place in enumerate(rng.sample(range(6), 6), 1)}
    for split, part, first in (("train", scene[:-1], 1), ("val", scene[-1:], 50)):
        content = coco_of(part, first)
        (plain / "annotations").mkdir(exist_ok=True)
        (plain / f"annotations/instances_{split}.json").write_text(json.dumps(content))
        called = rng.choice(
            (
                f"annotations/instances_{split.title()}.json",
                f"annotations/instances_{split}2017.json",
                f"annotations/{split}.json",
                f"{split}/_annotations.coco.json",
                f"{split}/labels.json",
            )
        )
        write_json(varied / called, varied_coco(content, categories, rng), rng)
        for shot in part:
            write_image(plain / "images" / f"{shot.stem}.png", shot)
            stem = unicodedata.normalize(rng.choice(("NFC", "NFD")), shot.stem)
            write_image(varied / "images" / f"{stem}.png", Shot(shot.stem, shot.size_hw, shot.things))
    assert meaning("coco", varied) == meaning("coco", plain)


@EXAMPLES
@given(scene=shots(), seed=st.integers(0, 10**6))
def test_tables_in_other_words(tmp_path_factory: pytest.TempPathFactory, scene: tuple[Shot, ...], seed: int) -> None:
    rng = Random(seed)
    plain, varied = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("varied")
    rows, others = [["file", "label", "split"]], []
    for number, shot in enumerate(scene):
        split = "val" if number == len(scene) - 1 else "train"
        labels = sorted({thing.name for thing in shot.things})
        rows += [[f"{shot.stem}.png", label, split] for label in labels]
        rng.shuffle(labels)
        spelt = rng.choice(("{}", "./{}", "images/{}", ".\\{}", " {}")).format(f"{shot.stem}.png")
        said = rng.choice({"train": ("train", "Train", "training"), "val": ("val", "valid", "Validation")}[split])
        joined = [[spelt, rng.choice((";", " ; ")).join(labels), said]]
        others += rng.choice((joined, [[spelt, label, said] for label in labels]))
        for root in (plain, varied):
            write_image(root / "images" / f"{shot.stem}.png", shot)
    rng.shuffle(others)
    (plain / "labels.csv").write_text("\n".join(",".join(row) for row in rows))
    header = rng.choice((["file", "label", "split"], ["File", "LABEL", "Split"]))
    order = rng.sample(range(3), 3)
    out = io.StringIO()
    delimiter = rng.choice((",", ";", "\t"))
    quotings: tuple[Literal[0, 1], ...] = (csv.QUOTE_MINIMAL, csv.QUOTE_ALL)
    quoting = rng.choice(quotings)
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=rng.choice(("\n", "\r\n")))
    writer.writerows([[row[at] for at in order] for row in [header, *others]])
    text = unicodedata.normalize(rng.choice(("NFC", "NFD")), out.getvalue())
    (varied / "labels.csv").write_bytes(text.encode(rng.choice(("utf-8", "utf-8-sig", "utf-16"))))
    assert meaning("folder", varied) == meaning("folder", plain)


@EXAMPLES
@given(scene=shots(), seed=st.integers(0, 10**6))
def test_voc_in_other_words(tmp_path_factory: pytest.TempPathFactory, scene: tuple[Shot, ...], seed: int) -> None:
    """Masks in 8 or 16 bits, with a palette or gray, their instances numbered otherwise; names with endings."""
    rng = Random(seed)
    roots = tmp_path_factory.mktemp("plain"), tmp_path_factory.mktemp("varied")
    for number, root in enumerate(roots):
        (root / "ImageSets/Segmentation").mkdir(parents=True)
        (root / "labelmap.txt").write_text("".join(f"{name}:{k},{k},{k}::\n" for k, name in enumerate(CLASSES, 1)))
        for split, part in (("train", scene[:-1]), ("val", scene[-1:])):
            ending = rng.choice(("", ".png", " 1", "  ")) if number else ""
            lines = [f"{shot.stem}{ending if ' ' not in shot.stem else ''}" for shot in part]
            (root / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(lines) + rng.choice(("", "\n\n")))
        for shot in scene:
            write_image(root / "JPEGImages" / f"{shot.stem}.png", shot)
            _write_voc_image(root, shot, rng if number else None)
    assert meaning("voc", roots[1]) == meaning("voc", roots[0])


def _write_voc_image(root: Path, shot: Shot, rng: Random | None) -> None:
    objects, classes = np.zeros(shot.size_hw, np.uint16), np.zeros(shot.size_hw, np.uint16)
    numbers = rng.sample((1, 7, 254, 300, 256, 65000, 2), 3) if rng else [1, 2, 3]
    shown = list(zip(numbers, shot.things, strict=False))
    for value, thing in shown:
        mask = mask_of(thing, shot.size_hw)
        objects[mask], classes[mask] = value, CLASSES.index(thing.name) + 1
    for kind, values in (("Object", objects), ("Class", classes)):
        folder = root / f"Segmentation{kind}"
        folder.mkdir(exist_ok=True)
        if values.max() > 255:
            image = Image.fromarray(values)
        else:
            image = Image.fromarray(values.astype(np.uint8))
            if rng is None or rng.random() < 0.5:
                image = image.convert("P")
                image.putpalette([(value * 37) % 256 for value in range(768)])
                image.putdata(values.ravel().tolist())
        image.save(folder / f"{shot.stem}.png")
    blank = "\n  " if rng and rng.random() < 0.5 else ""
    found = [f"<object>{blank}<pose>Left</pose><name>{blank}{thing.name}{blank}</name></object>" for _, thing in shown]
    if rng:
        rng.shuffle(found)
    size = f"<size><width>{shot.size_hw[1]}</width>{blank}<height>{shot.size_hw[0]}</height></size>"
    parts = [size, *found] if rng is None or rng.random() < 0.5 else [*found, size]
    path = root / f"Annotations/{shot.stem}.xml"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"<annotation>{blank}{''.join(parts)}</annotation>", encoding="utf-8")


BACK = {2: 2, 3: 3, 4: 4, 5: 5, 6: 8, 7: 7, 8: 6}
"""The orientation that undoes each; 1 is upright."""


def turned_back(upright: Image.Image, orientation: int) -> Image.Image:
    """The pixels that a file of ``orientation`` stores for a picture."""
    return upright if orientation == 1 else upright.transpose(TRANSPOSED[BACK[orientation]])


def stored_box(box: tuple[int, int, int, int], size_hw: tuple[int, int], orientation: int) -> list[int]:
    """The rectangle of an upright picture in the pixels that a file of this orientation stores."""
    mask = np.zeros(size_hw, np.uint8)
    x, y, width, height = box
    mask[y : y + height, x : x + width] = 1
    turned = np.asarray(turned_back(Image.fromarray(mask), orientation))
    rows, columns = np.flatnonzero(turned.any(axis=1)), np.flatnonzero(turned.any(axis=0))
    return [int(columns[0]), int(rows[0]), len(columns), len(rows)]


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".tif", ".webp"])
@pytest.mark.parametrize("frame", ["upright", "stored"])
@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("size_hw", [(40, 24), (32, 32)])
def test_annotations_lie_on_what_they_outline(
    tmp_path: Path, orientation: int, frame: Literal["upright", "stored"], suffix: str, size_hw: tuple[int, int]
) -> None:
    """A red rectangle, annotated upright or in stored pixels as polygon, RLEs and box, is where the masks are."""
    box = (3, 5, 9, 14)
    pixels = np.full((*size_hw, 3), 230, np.uint8)
    pixels[5:19, 3:12] = (200, 20, 20)
    upright = Image.fromarray(pixels)
    stored = turned_back(upright, orientation)
    exif = Image.Exif()
    exif[0x0112] = orientation
    annotated = list(box) if frame == "upright" else stored_box(box, size_hw, orientation)
    width, height = upright.size if frame == "upright" else stored.size
    x, y, box_width, box_height = annotated
    mask = np.zeros((height, width), bool)
    mask[y : y + box_height, x : x + box_width] = True
    polygon = [[x, y, x + box_width, y, x + box_width, y + box_height, x, y + box_height]]
    rle = encode_mask(mask)
    forms = [polygon, dict(rle), {"size": [height, width], "counts": run_lengths(rle["counts"])}, []]
    for split, first in (("train", 1), ("val", 2)):
        (tmp_path / split).mkdir()
        options: dict[str, Any] = {"quality": 95} if suffix in (".jpg", ".webp") else {}
        stored.save(tmp_path / split / f"{first}{suffix}", exif=exif, **options)
        rows = [{"id": 10 * first + k, "image_id": first, "category_id": 1, "segmentation": form, "bbox": annotated}
                for k, form in enumerate(forms)]  # fmt: skip
        content = {"images": [{"id": first, "file_name": f"{first}{suffix}", "width": width, "height": height}],
                   "annotations": rows, "categories": [{"id": 1, "name": "cat"}]}  # fmt: skip
        (tmp_path / f"{split}.json").write_text(json.dumps(content))
    data = DATASETS["coco"](settings_of(tmp_path))
    data = with_frame(data, [frame_vote(example) for example in data.examples], frame)
    for example in data.examples:
        picture = data.load(example, 0)
        assert (picture.height, picture.width) == size_hw
        image = decode_rgb(picture.jpeg, "a").astype(int)
        is_red = image[..., 0] - image[..., 1] > 90
        expected = np.zeros(size_hw, bool)
        expected[5:19, 3:12] = True
        assert (is_red != expected).mean() < 0.06
        assert [np.array_equal(found, expected) for _, found, _ in picture.masks] == [True] * 3
        assert [tuple(found) for _, found, _ in picture.boxes] == [box]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**70), 2**70) | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)
FIELDS = {
    "images": ("id", "file_name", "width", "height"),
    "annotations": ("id", "image_id", "category_id", "segmentation", "bbox", "iscrowd", "score"),
    "categories": ("id", "name", "supercategory"),
}


@settings(max_examples=60, deadline=None)
@given(table=st.sampled_from(list(FIELDS)), data=st.data(), value=JSON)
def test_any_value_in_any_field_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, table: str, data: st.DataObject, value: Any
) -> None:
    root = tmp_path_factory.mktemp("set")
    scene = (Shot("a", (12, 14), (Thing("cat", (1, 1, 5, 5)),)), Shot("b", (12, 14), (Thing("cat", (1, 1, 5, 5)),)))
    for split, shot, first in (("train", scene[0], 1), ("val", scene[1], 5)):
        content = coco_of([shot], first)
        if split == "val":
            content[table][0][data.draw(st.sampled_from(FIELDS[table]))] = value
        (root / f"{split}.json").write_text(json.dumps(content))
        write_image(root / "images" / f"{shot.stem}.png", shot)
    _read_or_refuse(root, tmp_path_factory.mktemp("place"), "coco")


@settings(max_examples=60, deadline=None)
@given(text=st.text(st.sampled_from(list('abc,;\t"\n\r\0.jpg/\\ \ufeffé')), max_size=60))
def test_any_table_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    root = tmp_path_factory.mktemp("set")
    for name in ("a", "b"):
        write_image(root / "images" / f"{name}.jpg", Shot(name, (12, 14), ()))
    (root / "labels.csv").write_bytes(f"file,label\na.jpg,cat\nb.jpg,dog\n{text}".encode())
    _read_or_refuse(root, tmp_path_factory.mktemp("place"), "folder")


def _read_or_refuse(root: Path, place: Path, name: str) -> None:
    def write(folder: Path) -> None:
        inputs.write(inputs.read_files(root), folder)

    reader = Reader((write,), lambda folder, out: read_data_set(folder, out, name))
    result = try_input({name: reader}, name, 0, place, keep=True)
    assert result.outcome in (READ, REFUSED), result.reason

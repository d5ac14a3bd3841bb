"""Right inputs of every reader, as small as they can be: what the damages start from."""

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

from empaste.artifacts.schemas.backgrounds import BackgroundFailures, Backgrounds
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.masks import encode_mask
from tests.datasets.layouts import SIZE_WH, write_indices, write_voc

WIDTH, HEIGHT = SIZE_WH
Writer = Callable[[Path], Any]

MASK = np.zeros((HEIGHT, WIDTH), bool)
MASK[5:20, 8:30] = True
RING = np.array([[8, 5], [30, 5], [30, 20], [8, 20]], float)


def photo(path: Path, orientation: int = 1, **options: Any) -> None:
    """A photograph of noise, as its ending says, perhaps stored turned."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(len(path.name)).integers(0, 255, (5, 6, 3), np.uint8)
    image = Image.fromarray(noise).resize(SIZE_WH[::-1] if orientation > 4 else SIZE_WH)
    if orientation != 1:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    image.save(path, **options)


def coco_content(first_id: int, names: list[str], **first: Any) -> dict[str, Any]:
    """A COCO file with the forms of segmentations that there are: polygon, both RLEs, a crowd, a box alone."""
    runs = [5 * WIDTH, 300, HEIGHT * WIDTH - 5 * WIDTH - 300]
    segmentations: tuple[Any, ...] = (
        [RING.ravel().tolist()], dict(encode_mask(MASK)), {"size": [HEIGHT, WIDTH], "counts": runs}, [],
        [RING.ravel().tolist(), (RING / 2).ravel().tolist()],
    )  # fmt: skip
    annotations = [
        {
            "id": first_id * 10 + number, "image_id": first_id + number % len(names), "category_id": (1, 3)[number % 2],
            "segmentation": segmentation, "bbox": [8, 5, 22, 15], "area": 330.0, "iscrowd": int(number == 2),
        }
        for number, segmentation in enumerate(segmentations)
    ]  # fmt: skip
    annotations[0] |= first
    return {
        "info": {"description": "made", "year": 2024},
        "licenses": [],
        "images": [
            {"id": first_id + number, "file_name": name, "width": WIDTH, "height": HEIGHT}
            for number, name in enumerate(names)
        ],
        "annotations": annotations,
        "categories": [
            {"id": 1, "name": "cat", "supercategory": "animal"},
            {"id": 3, "name": "car", "supercategory": "none"},
        ],
    }


def write_json(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))


def coco_published(root: Path) -> None:
    """As COCO is published."""
    for split, first in (("train", 1), ("val", 11)):
        names = [f"{first + number:06d}.jpg" for number in range(2)]
        write_json(root / f"annotations/instances_{split}2017.json", coco_content(first, names))
        for name in names:
            photo(root / f"{split}2017" / name, orientation=6 if name == "000001.jpg" else 1)


def coco_beside(root: Path) -> None:
    """As an annotation service exports: a folder per split with the JSON file beside the images, ids from 0."""
    for folder in ("train", "valid"):
        names = [f"{folder}_{number}.jpg" for number in range(2)]
        write_json(root / folder / "_annotations.coco.json", coco_content(0, names))
        for name in names:
            photo(root / folder / name)


def coco_whole(root: Path) -> None:
    """As an annotation program exports: one file of all images, beside their folder."""
    names = ["a.png", "b.jpg", "sub/c.jpg"]
    write_json(root / "result.json", coco_content(5, [f"images/{name}" for name in names]))
    for name in names:
        photo(root / "images" / name)


LABELS = "file,label,split\na.jpg,cat,train\nb.png,car;cat,train\nsub/c.jpg,car,val\nsub/c.jpg,cat,val\nd.gif,cat,val\n"


def folder_plain(root: Path) -> None:
    for name in ("a.jpg", "b.png", "sub/c.jpg", "d.gif"):
        photo(root / "images" / name)
    (root / "labels.csv").write_text(LABELS)


def folder_with_classes(root: Path) -> None:
    folder_plain(root)
    (root / "labels.csv").write_text(
        LABELS.replace(",train", "")
        .replace(",val", "")
        .replace(",split", "")
        .replace(",", ";")
        .replace("car;cat", '"car;cat"')
    )
    (root / "classes.csv").write_text("name,supercategory\ncat,animal\ncar,vehicle\nbird,\n")


def folder_with_left_out(root: Path) -> None:
    """With images that are not used: of no label, of a kind that is not read, and one that has labels all the same."""
    folder_plain(root)
    for name in ("e.jpg", "sub/f.png"):
        photo(root / "images" / name)
    (root / "images" / "g.heic").write_bytes(b"no image")
    rows = 'file,reason\ne.jpg,no label\nsub/f.png,"twice, and blurred"\ng.heic,\na.jpg,not a readable image\n'
    (root / "left_out.csv").write_text(rows)


def folder_with_truth(root: Path) -> None:
    folder_plain(root)
    for split, names in (("train", ["a.jpg", "b.png"]), ("val", ["sub/c.jpg", "d.gif"])):
        write_json(root / f"instances_{split}.json", coco_content(1, names))


XML = """<?xml version="1.0"?>
<annotation><folder>x</folder><filename>{name}.jpg</filename><size><width>40</width><height>30</height><depth>3</depth></size>
<object><name>cat</name><difficult>0</difficult><truncated>1</truncated><bndbox><xmin>3</xmin><ymin>4</ymin><xmax>20</xmax>
<ymax>25</ymax></bndbox></object><object><name>dog</name><difficult>1</difficult><bndbox><xmin>1</xmin><ymin>1</ymin>
<xmax>40</xmax><ymax>30</ymax></bndbox><polygon><x1>5</x1><y1>5</y1><x2>15</x2><y2>5</y2><x3>15</x3><y3>15</y3></polygon>
</object></annotation>"""


def voc_boxes(root: Path) -> None:
    """As an annotation program exports: boxes and lists, no mask."""
    for name in ("a", "b.1", "sub/c", "d"):
        photo(root / f"JPEGImages/{name}.jpg", orientation=3 if name == "d" else 1)
        (root / f"Annotations/{name}.xml").parent.mkdir(parents=True, exist_ok=True)
        (root / f"Annotations/{name}.xml").write_text(XML.format(name=name))
    (root / "ImageSets/Main").mkdir(parents=True)
    (root / "ImageSets/Main/train.txt").write_text("a\nb.1\n")
    (root / "ImageSets/Main/val.txt").write_text("sub/c\nd\n")


def voc_coloured(root: Path) -> None:
    """As an annotation program exports: masks of colours with a list of what they mean."""
    voc_boxes(root)
    (root / "labelmap.txt").write_text(
        "# label:color_rgb:parts:actions\nbackground:0,0,0::\ncat:128,0,0::\ndog:0,128,0:head:\n"
    )
    pixels = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    pixels[MASK] = (128, 0, 0)
    for kind in ("Class", "Object"):
        (root / f"Segmentation{kind}").mkdir()
        Image.fromarray(pixels).save(root / f"Segmentation{kind}/a.png")
        write_indices(root / f"Segmentation{kind}/d.png", MASK.astype(int))


def voc_beside(root: Path) -> None:
    """As an annotation service exports: a folder per split with XML beside images."""
    for folder in ("train", "valid"):
        photo(root / f"{folder}/{folder}_1.jpg")
        (root / f"{folder}/{folder}_1.xml").write_text(XML.format(name=f"{folder}_1"))


def voc_published(root: Path) -> None:
    write_voc(root)


def photographs() -> list[Writer]:
    """A photograph of every kind that is read, in each of the modes that the kind has, two at a time."""
    noise = np.random.default_rng(0).integers(0, 255, (12, 16, 3), np.uint8)
    image = Image.fromarray(noise)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "made"
    layer = image.convert("RGBA")
    layer.putalpha(Image.fromarray(noise[..., 0]))
    deep = noise[..., 0].astype(np.uint16) * 257
    frames = {"save_all": True, "append_images": [image.rotate(90), image]}
    kinds: list[tuple[str, Image.Image, dict[str, Any]]] = [
        ("a.jpg", image, {"exif": exif}),
        ("p.jpg", image, {"progressive": True}),
        ("l.jpg", image.convert("L"), {}),
        ("c.jpg", image.convert("CMYK"), {"exif": exif}),
        ("a.png", image, {"exif": exif}),
        ("t.png", layer, {}),
        ("i.png", Image.fromarray(deep), {}),
        ("q.png", image.quantize(), {"transparency": 3}),
        ("one.png", image.convert("1"), {}),
        ("la.png", layer.convert("LA"), {}),
        ("apng.png", image, frames),
        ("a.bmp", image, {}),
        ("p.bmp", image.quantize(), {}),
        ("a.dib", image, {}),
        ("a.tif", image, {"exif": exif}),
        ("l.tif", image, {"compression": "tiff_lzw"}),
        ("d.tif", image, {"compression": "tiff_deflate"}),
        ("j.tif", image, {"compression": "jpeg"}),
        ("f.tif", Image.fromarray(noise[..., 0].astype(np.float32)), {}),
        ("i.tif", Image.fromarray(deep), {}),
        ("g.tif", image.convert("1"), {"compression": "group4"}),
        ("m.tif", image, frames),
        ("a.webp", image, {"exif": exif}),
        ("t.webp", layer, {"lossless": True}),
        ("anim.webp", image, frames),
        ("a.gif", image, {}),
        ("t.gif", layer.quantize(), {"transparency": 0}),
        ("anim.gif", image, frames),
        ("a.avif", image, {}),
        ("t.avif", layer, {}),
        ("a.jp2", image, {}),
        ("t.jp2", layer, {}),
        ("a.ppm", image, {}),
        ("a.pgm", image.convert("L"), {}),
    ]
    made = []
    for name, picture, options in kinds:
        out = io.BytesIO()
        picture.save(out, **({"format": "DIB"} if name.endswith(".dib") else {"format": _format(name)}), **options)
        made.append((name, out.getvalue()))
    made.append(("deep.tif", _deep_tiff(noise)))
    return [partial(_write_bytes, contents=dict(made[at : at + 2])) for at in range(0, len(made), 2)]


def _format(name: str) -> str:
    suffix = name.rpartition(".")[2]
    return {"jpg": "JPEG", "tif": "TIFF", "jp2": "JPEG2000", "pgm": "PPM"}.get(suffix, suffix.upper())


def _deep_tiff(noise: np.ndarray) -> bytes:
    """A TIFF of three channels of 16 bits, which Pillow does not read."""
    import cv2

    return cv2.imencode(".tif", noise.astype(np.uint16) * 257)[1].tobytes()


def _write_bytes(root: Path, contents: dict[str, bytes]) -> None:
    for name, data in contents.items():
        (root / name).write_bytes(data)


def masks(root: Path) -> None:
    """Files of masks: palette, 8 and 16 bit, colours, of the same size."""
    write_indices(root / "palette.png", MASK.astype(int) * 3)
    Image.fromarray(MASK.astype(np.uint8) * 3).save(root / "gray.png")
    Image.fromarray(MASK.astype(np.uint16) * 300).save(root / "deep.png")
    Image.fromarray(np.dstack([MASK.astype(np.uint8) * 128] * 3)).save(root / "colour.png")
    write_indices(root / "classes.png", MASK.astype(int) * 2)


def rles(root: Path) -> None:
    runs = [5 * HEIGHT, 300, HEIGHT * WIDTH - 5 * HEIGHT - 300]
    found = [dict(encode_mask(MASK)), {"size": [HEIGHT, WIDTH], "counts": runs}, dict(encode_mask(~MASK))]
    write_json(root / "rles.json", found)


SCHEMAS = (Images, Classes, Labels, Segments, Cams, Evidence, Foregrounds, Captions, Backgrounds, BackgroundFailures)
TABLES = {schema.__name__: schema for schema in SCHEMAS}


def table_writers() -> list[Writer]:
    """A writer for a table of every schema."""
    return [partial(_write_table, name=name) for name in TABLES]


def _write_table(root: Path, name: str) -> None:
    columns = TABLES[name].to_schema().columns
    values = {key: _cells(key, str(column.dtype)) for key, column in columns.items()}
    write_table(pd.DataFrame(values), root / f"{name}.parquet", TABLES[name])


def _cells(name: str, kind: str) -> list[Any]:
    fixed: dict[str, list[Any]] = {
        "split": ["train", "train", "val"],
        "dropped_by": ["", "presence", "selection"],
        "height": [HEIGHT] * 3,
        "width": [WIDTH] * 3,
        "counts": [encode_mask(MASK)["counts"]] * 3,
        "area": [int(MASK.sum())] * 3,
    }
    if name in fixed:
        return fixed[name]
    if kind.startswith("int"):
        return [1, 2, 3]
    return [0.25, 0.5, 1.0] if kind.startswith("float") else [True, False, True] if kind == "bool" else ["a", "b", "ü"]

"""PASCAL VOC: ``Annotations`` (XML), ``SegmentationObject`` and ``SegmentationClass`` (palette PNG), ``ImageSets``.

Everingham et al. 2010; the devkit's documentation, §2. ``labelmap.txt`` has the classes as CVAT writes them. The k-th
object of the XML has the value k in the mask of objects.
"""

from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from jaxtyping import UInt8
from PIL import Image
from tqdm import tqdm

from empaste.artifacts.outputs import write_whole
from empaste.errors import InputError
from empaste.exporting.annotated import AnnotatedImage, AnnotatedSet, Instance
from empaste.exporting.format import Format
from empaste.exporting.losses import painted_order
from empaste.masks import decode_mask, rle_area_box_xywh

MOST = 254
"""Classes, and objects of an image, that a mask of 8 bits numbers; 255 is void."""
SET = "default.txt"


def write(data: AnnotatedSet, folder: Path) -> None:
    """``folder`` holds the files above; `InputError` where there are more classes or objects than masks can number."""
    if len(data.classes) > MOST:
        raise InputError(f"VOC numbers {MOST} classes, and there are {len(data.classes)}; choose another format")
    names = label_names(list(data.class_names.values()))
    palette = colour_map()
    for image in tqdm(data.images, desc="VOC", unit="image"):
        _write_image(image, data, dict(zip(data.class_names, names, strict=True)), folder, palette)
    stems = "".join(f"{_stem(image)}\n" for image in data.images)
    for kind in ("Main", "Segmentation"):
        write_whole(folder / "ImageSets" / kind / SET, stems.encode())
    lines = [f"{name}:{','.join(map(str, palette[number]))}::" for number, name in enumerate(["background", *names])]
    write_whole(folder / "labelmap.txt", "\n".join(["# label:color_rgb:parts:actions", *lines, ""]).encode())


def label_names(names: list[str]) -> list[str]:
    """A name for each of ``names`` that a line of ``labelmap.txt`` takes, no two alike."""
    found: list[str] = []
    for name in names:
        plain = name.replace(":", "_").replace("#", "_")
        while plain in found or plain.casefold() == "background" or (plain != name and plain in names):
            plain += "_"
        found.append(plain)
    return found


def colour_map() -> UInt8[np.ndarray, "256 3"]:
    """VOC's colours: the bits of a number, three at a time, are the highest bits of red, green and blue."""
    numbers = np.arange(256)
    bits = (numbers[:, None, None] >> (3 * np.arange(8)[:, None] + np.arange(3))) & 1
    colours: UInt8[np.ndarray, "256 3"] = (bits << (7 - np.arange(8)[:, None])).sum(axis=1).astype(np.uint8)
    return colours


def _write_image(
    image: AnnotatedImage, data: AnnotatedSet, names: dict[int, str], folder: Path, palette: np.ndarray
) -> None:
    if len(image.instances) > MOST:
        raise InputError(
            f"VOC numbers {MOST} objects of an image, and {image.name} has {len(image.instances)}; raise --min-score, "
            "or choose another format"
        )
    painted = painted_order(image.instances)
    objects = np.zeros(image.size_hw, np.uint8)
    for number, one in enumerate(painted, 1):
        objects[decode_mask(one.mask)] = number
    classes = np.array([0, *(data.places[one.class_id] + 1 for one in painted)], np.uint8)[objects]
    for kind, values in (("SegmentationObject", objects), ("SegmentationClass", classes)):
        place = folder / kind / f"{_stem(image)}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        picture = Image.fromarray(values, "P")
        picture.putpalette(palette.ravel().tolist())
        picture.save(place)
    xml = ElementTree.tostring(_annotation(image, painted, names), encoding="utf-8")
    write_whole(folder / "Annotations" / f"{_stem(image)}.xml", xml)


def _stem(image: AnnotatedImage) -> str:
    return str(Path(image.name).with_suffix(""))


def _annotation(image: AnnotatedImage, painted: list[Instance], names: dict[int, str]) -> ElementTree.Element:
    root = ElementTree.Element("annotation")
    _add(root, folder="JPEGImages", filename=image.name, segmented="1")
    _add(ElementTree.SubElement(root, "size"), width=image.size_hw[1], height=image.size_hw[0], depth=3)
    for one in painted:
        x, y, width, height = rle_area_box_xywh(one.mask)[1]
        element = ElementTree.SubElement(root, "object")
        _add(element, name=names[one.class_id], pose="Unspecified", truncated=0, difficult=int(one.is_crowd))
        # VOC counts pixels from 1 and takes the last one in.
        _add(ElementTree.SubElement(element, "bndbox"), xmin=x + 1, ymin=y + 1, xmax=x + width, ymax=y + height)
    ElementTree.indent(root)
    return root


def _add(parent: ElementTree.Element, **texts: object) -> None:
    for tag, text in texts.items():
        ElementTree.SubElement(parent, tag).text = str(text)


FORMAT = Format(
    "VOC", write, "JPEGImages", frozenset({"overlaps", "scores", "folders", "class names"}), names_by_stem=True
)

"""VOC's XML files: the objects of an image, with the boxes or polygons that they have."""

from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from empaste.artifacts import fields
from empaste.datasets.records import Outline
from empaste.errors import InputError


class Annotation(NamedTuple):
    """An XML file: the objects' names in order, the outlines of those that have one, still by name, and the size.

    ``incomplete`` are objects whose box lacks a side.
    """

    names: tuple[str, ...]
    outlines: tuple[tuple[str, Outline], ...]
    incomplete: tuple[str, ...]
    size_hw: tuple[int, int] | None
    file_name: str


def read_annotation(path: Path) -> Annotation:
    """What an XML file says."""
    try:
        root = ElementTree.parse(path).getroot()  # noqa: S314  expat bounds what entities may grow to
    except (ElementTree.ParseError, ValueError, LookupError) as error:
        raise InputError(f"{path} is not valid XML: {error}; restore the file") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); restore the file") from error
    if root.tag != "annotation":
        raise InputError(f"{path} is XML of another kind: it holds <{root.tag}>, not <annotation>; restore the file")
    objects = root.findall("object")
    names = [fields.name(one.findtext("name"), f"{path}: the name of object {n}") for n, one in enumerate(objects, 1)]
    outlines = [
        (name, outline)
        for number, (name, one) in enumerate(zip(names, objects, strict=True), 1)
        if (outline := _outline(one, f"{path}: object {number}"))
    ]
    incomplete = tuple(
        f"{path}: object {number}"
        for number, one in enumerate(objects, 1)
        if one.find("bndbox") is not None and not all(_sides(one))
    )
    return Annotation(
        tuple(names), tuple(outlines), incomplete, _size(root, path), (root.findtext("filename") or "").strip()
    )


def _size(root: ElementTree.Element, path: Path) -> tuple[int, int] | None:
    """Height and width that the XML states; None where it states none, or 0."""
    texts = [root.findtext(f"size/{side}") for side in ("height", "width")]
    if any(text is None or not text.strip() for text in texts):
        return None
    height, width = (fields.whole_number(text, f"{path}: size", 0, fields.SIDE_LIMIT) for text in texts)
    return (height, width) if height and width else None


def _outline(one: ElementTree.Element, origin: str) -> Outline | None:
    """The object's polygon (Roboflow's x1, y1, …) or its box, its class still open; None where it has neither."""
    difficult = fields.flag((one.findtext("difficult") or "0").strip() or "0", f"{origin}: difficult")
    points: list[str | None] = []
    while (x := one.findtext(f"polygon/x{len(points) // 2 + 1}")) is not None:
        points += [x, one.findtext(f"polygon/y{len(points) // 2 + 1}")]
    if len(points) >= 6:
        return Outline(0, [fields.numbers(points, f"{origin}: polygon")], difficult, origin)
    sides = _sides(one)
    if not all(sides):
        return None
    left, top, right, bottom = fields.numbers(sides, f"{origin}: bndbox")
    if right < left or bottom < top:
        raise InputError(f"{origin}: bndbox goes from {left:g}, {top:g} to {right:g}, {bottom:g}; correct it")
    # VOC counts pixels from 1 and takes the last one in.
    return Outline(0, None, difficult, origin, (left - 1, top - 1, right - left + 1, bottom - top + 1))


def _sides(one: ElementTree.Element) -> list[str]:
    """xmin, ymin, xmax and ymax as they stand; empty where one is missing."""
    return [(one.findtext(f"bndbox/{side}") or "").strip() for side in ("xmin", "ymin", "xmax", "ymax")]

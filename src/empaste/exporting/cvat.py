"""CVAT for images 1.1: ``annotations.xml`` with masks, and ``labels.json`` to make the task's labels of.

https://docs.cvat.ai/docs/dataset_management/formats/format-cvat/. A mask is the lengths of the runs along the rows of
its box, off and on in turn. A score is an attribute ``score``, which ``labels.json`` declares.
"""

import json
from pathlib import Path
from xml.etree import ElementTree

from tqdm import tqdm

from empaste.artifacts.outputs import write_whole
from empaste.exporting.annotated import AnnotatedImage, AnnotatedSet, Instance
from empaste.exporting.format import Format
from empaste.exporting.outlines import cropped, row_runs

SCORE = {"name": "score", "input_type": "text", "mutable": False, "values": [""]}
"""How a task's label declares the attribute."""


def write(data: AnnotatedSet, folder: Path) -> None:
    """``folder`` holds ``annotations.xml`` and ``labels.json``."""
    root = ElementTree.Element("annotations")
    ElementTree.SubElement(root, "version").text = "1.1"
    _add_labels(root, data)
    for number, image in enumerate(tqdm(data.images, desc="CVAT", unit="image")):
        _add_image(root, number, image, data.class_names)
    ElementTree.indent(root)
    write_whole(folder / "annotations.xml", ElementTree.tostring(root, encoding="utf-8", xml_declaration=True))
    labels = [{"name": name, "type": "mask", "attributes": [SCORE]} for name in data.class_names.values()]
    write_whole(folder / "labels.json", json.dumps(labels, indent=2, ensure_ascii=False).encode())


def _add_labels(root: ElementTree.Element, data: AnnotatedSet) -> None:
    task = ElementTree.SubElement(ElementTree.SubElement(root, "meta"), "task")
    ElementTree.SubElement(task, "name").text = data.origin
    ElementTree.SubElement(task, "size").text = str(len(data.images))
    labels = ElementTree.SubElement(task, "labels")
    for name in data.class_names.values():
        label = ElementTree.SubElement(labels, "label")
        ElementTree.SubElement(label, "name").text = name
        ElementTree.SubElement(label, "type").text = "mask"
        attribute = ElementTree.SubElement(ElementTree.SubElement(label, "attributes"), "attribute")
        for tag, text in (("name", "score"), ("mutable", "False"), ("input_type", "text"), ("values", "")):
            ElementTree.SubElement(attribute, tag).text = text


def _add_image(root: ElementTree.Element, number: int, image: AnnotatedImage, names: dict[int, str]) -> None:
    height, width = map(str, image.size_hw)
    element = ElementTree.SubElement(root, "image", id=str(number), name=image.name, width=width, height=height)
    for order, one in enumerate(image.instances):
        _add_mask(element, order, one, names[one.class_id])


def _add_mask(parent: ElementTree.Element, order: int, one: Instance, label: str) -> None:
    mask, left, top = cropped(one.mask)
    height, width = mask.shape
    element = ElementTree.SubElement(
        parent, "mask", label=label, source="auto", occluded="0", rle=", ".join(map(str, row_runs(mask))),
        left=str(left), top=str(top), width=str(width), height=str(height), z_order=str(order),
    )  # fmt: skip
    if one.score is not None:
        ElementTree.SubElement(element, "attribute", name="score").text = str(one.score)


FORMAT = Format("CVAT", write, "images", frozenset({"crowds"}))

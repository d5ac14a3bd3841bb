"""Foregrounds from a file: instances in the training images that a detector, another program or a person outlined.

The file is a COCO detection data set, as ``empaste pseudo-labels`` writes one. Its images are found by file name, else
by the ids of ``data/images``; its categories by name. What the image-level labels do not name is not taken from it.
"""

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, NamedTuple

from empaste.artifacts.image_names import match_bare_keys, name_key
from empaste.errors import InputError
from empaste.masks import run_lengths
from empaste.paste.sources import Foreground, annotated_instances

if TYPE_CHECKING:  # every worker process imports this package, and none touches a table
    import pandas as pd

POINT_TOLERANCE = 1
"""Pixels that a polygon may lead beyond its image."""


class TrainingImage(NamedTuple):
    """An image that instances may lie in."""

    image_id: int
    file_name: str
    height: int
    width: int


class FileForegrounds(NamedTuple):
    """What was taken, and by category how many instances were left out, since their images' labels do not name it."""

    foregrounds: list[Foreground]
    left_out: Counter[str]


def read_foreground_file(
    path: Path, images: "pd.DataFrame", labels: "pd.DataFrame", classes: "pd.DataFrame"
) -> FileForegrounds:
    """The instances in ``path`` of classes that the ``labels`` (`schemas.Labels`) of their ``images`` name.

    In painting order, in pixels of the images; ``score`` becomes the confidence, where there is one. Crowds and
    annotations without a mask are no instances. `InputError` where the file cannot be read or is no COCO detection data
    set, where an instance lies in no training image or its mask was made for another size, and where none is left.
    """
    content = _read(path)
    training = images[images["split"] == "train"]
    columns = training[["image_id", "file_name", "height", "width"]]
    known = [TrainingImage(*row) for row in columns.itertuples(index=False, name=None)]
    listed = {str(row["id"]): row for row in content["images"]}
    found = match_images(list(listed.values()), known)
    names = {str(row["id"]): str(row["name"]) for row in content["categories"]}
    class_ids = dict(zip(classes["name"], classes["class_id"], strict=True))
    named = set(labels[["image_id", "class_id"]].itertuples(index=False, name=None))
    rows, left_out, seen = [], Counter[str](), set[int]()
    for number, row in enumerate(content["annotations"]):
        place = f"{path}: annotation {number}"
        _check_annotation(row, place, names, seen)
        if row.get("iscrowd") or not row.get("segmentation"):
            continue
        image = _image_of(row, place, listed, found)
        _check_mask(row["segmentation"], image, place)
        name = names[str(row["category_id"])]
        if (image.image_id, class_ids.get(name)) not in named:
            left_out[name] += 1
            continue
        rows.append({**row, "image_id": image.image_id, "category_id": int(class_ids[name])})
    sizes = [{"id": one.image_id, "height": one.height, "width": one.width} for one in known]
    foregrounds = annotated_instances({"images": sizes, "annotations": rows})
    if not foregrounds:
        raise InputError(
            f"paste.foregrounds_file {path} holds no instance to paste ({sum(left_out.values())} of classes that the "
            "labels of their images do not name); make another with empaste pseudo-labels, or set paste.foregrounds to "
            "fem"
        )
    return FileForegrounds(foregrounds, left_out)


def match_images(listed: Sequence[Mapping[str, Any]], known: Sequence[TrainingImage]) -> dict[str, TrainingImage]:
    """The training image of each of the ``listed`` images that is one, by its id in the file as text.

    By file name as in data/images, else without the ending and the split's folder; else without any folder, where only
    one image and one name of the file are called so. An image without a file name is found by its id.
    """
    by_name = {one.file_name: one for one in known}
    by_key = {name_key(PurePosixPath(one.file_name).name): one for one in known}
    by_id = {str(one.image_id): one for one in known}
    bare_matches = match_bare_keys([name_key(row["file_name"]) for row in listed if "file_name" in row], by_key)

    def image_of(row: Mapping[str, Any]) -> TrainingImage | None:
        if "file_name" not in row:
            return by_id.get(str(row["id"]))
        key = name_key(row["file_name"])
        return by_name.get(row["file_name"]) or by_key.get(key) or by_key.get(bare_matches.get(key, ""))

    return {str(row["id"]): image for row in listed if (image := image_of(row)) is not None}


def _read(path: Path) -> dict[str, list[Any]]:
    """The lists images, annotations and categories, of which images and categories are checked."""
    try:
        content = json.loads(path.read_bytes())
    except OSError as error:
        raise InputError(
            f"paste.foregrounds_file is {str(path)!r}, which cannot be read ({error.strerror}); correct it"
        ) from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"paste.foregrounds_file {path} is not valid JSON: {error}; write it again") from error
    keys = ("images", "annotations", "categories")
    if not isinstance(content, dict) or not all(isinstance(content.get(key), list) for key in keys):
        raise InputError(
            f"paste.foregrounds_file {path} is no COCO detection data set: it must hold the lists "
            f"{', '.join(keys)}; empaste pseudo-labels writes such a file"
        )
    for number, row in enumerate(content["images"]):
        if not isinstance(row, dict) or "id" not in row or not isinstance(row.get("file_name", ""), str):
            raise InputError(f"{path}: image {number} has no id, or a file_name that is no text; write both")
    for number, row in enumerate(content["categories"]):
        if not isinstance(row, dict) or not {"id", "name"} <= row.keys():
            raise InputError(f"{path}: category {number} has no id and name; write both")
    for key in ("images", "categories"):
        counts = Counter(str(row["id"]) for row in content[key])
        if repeated := [number for number, count in counts.items() if count > 1]:
            raise InputError(f"{path}: id {repeated[0]} stands twice among the {key}; give each its own")
    return content


def _check_annotation(row: Any, place: str, names: Mapping[str, str], seen: set[int]) -> None:
    """`InputError` where the annotation lacks something but its mask; its id is added to those that were ``seen``."""
    if not isinstance(row, dict) or not {"id", "image_id", "category_id"} <= row.keys():
        raise InputError(f"{place} has no id, image_id and category_id; write them all")
    if not isinstance(row["id"], int) or row["id"] in seen:
        raise InputError(f"{place}: id is {row['id']!r}; each annotation has a whole number of its own")
    seen.add(row["id"])
    if str(row["category_id"]) not in names:
        raise InputError(f"{place}: category_id {row['category_id']} is not among the categories; add it there")
    score = row.get("score")
    if score is not None and (not isinstance(score, int | float) or not 0 <= score <= 1):
        raise InputError(f"{place}: score is {score!r}; scores are numbers from 0 to 1")


def _image_of(
    row: Mapping[str, Any], place: str, listed: Mapping[str, Mapping[str, Any]], found: Mapping[str, TrainingImage]
) -> TrainingImage:
    """The training image of an instance; `InputError` where it is none, or is of another size than the file says."""
    number = str(row["image_id"])
    if number not in listed:
        raise InputError(f"{place}: image_id {number} is not among the images; add the image, or leave it out")
    if number not in found:
        raise InputError(
            f"{place} lies in image {listed[number].get('file_name', number)}, which is no training image of "
            "data/images; name images as there, and leave out what lies in others"
        )
    image = found[number]
    said = [listed[number].get(side, size) for side, size in (("height", image.height), ("width", image.width))]
    _check_size(said, image, place)
    return image


def _check_size(size_hw: Sequence[Any], image: TrainingImage, place: str) -> None:
    if list(size_hw) != [image.height, image.width]:
        raise InputError(
            f"{place} was made for {size_hw[0]} × {size_hw[1]} pixels (height × width), {image.file_name} of "
            f"data/images has {image.height} × {image.width}; make it again on the images of data/images"
        )


def _check_mask(segmentation: Any, image: TrainingImage, place: str) -> None:
    """`InputError` where it is none of COCO's three forms, or of another size than its image."""
    if isinstance(segmentation, dict):
        _check_rle(segmentation, image, place)
    elif not isinstance(segmentation, list) or not all(_is_polygon(one, image) for one in segmentation):
        raise InputError(
            f"{place}: segmentation is no RLE with counts and size, and no list of polygons [x, y, x, y, x, y, …] of "
            f"three or more points inside the image of {image.height} × {image.width} pixels (height × width)"
        )


def _check_rle(segmentation: dict[str, Any], image: TrainingImage, place: str) -> None:
    size, counts = segmentation.get("size"), segmentation.get("counts")
    if not isinstance(size, list) or len(size) != 2:
        raise InputError(f"{place}: the size of the mask is {size!r}; write [height, width]")
    _check_size(size, image, place)
    runs = run_lengths(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(isinstance(run, int) and run >= 0 for run in runs):
        raise InputError(f"{place}: counts is {counts!r}; it must be the text or the list of the mask's runs")
    if sum(runs) != size[0] * size[1]:
        raise InputError(f"{place}: counts add up to {sum(runs)} pixels, size is {size}; write the mask again")


def _is_polygon(polygon: Any, image: TrainingImage) -> bool:
    """Whether these are points of the image; pycocotools does not look."""
    if not isinstance(polygon, list) or len(polygon) < 6 or len(polygon) % 2:
        return False
    if not all(isinstance(value, int | float) and math.isfinite(value) for value in polygon):
        return False
    sides = (image.width, image.height)
    return all(-POINT_TOLERANCE <= value <= sides[k % 2] + POINT_TOLERANCE for k, value in enumerate(polygon))

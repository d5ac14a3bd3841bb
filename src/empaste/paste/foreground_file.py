"""Foregrounds from a file: instances in the training images that a detector, another program or a person outlined.

The file is a COCO detection data set, as ``empaste pseudo-labels`` writes one. Its images are found by file name, or,
where none of them has one, by the ids of ``data/images``; its categories by name. What the image-level labels do not
name is not taken from it.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from empaste.artifacts.fields import listed, shown
from empaste.artifacts.foreign_coco import ForeignCoco, ListedImage, ListedInstance, read_foreign_coco
from empaste.artifacts.image_keys import NamedImage, match_names, named_images
from empaste.artifacts.polygons import ROUNDING, beyond, corners, segmentation_rle
from empaste.artifacts.remarks import Remark, summarise
from empaste.errors import InputError
from empaste.masks import rle_area_box_xywh
from empaste.paste.foregrounds import Foreground, in_painting_order
from empaste.rle import RLE

if TYPE_CHECKING:  # every worker process imports this package, and none touches a table
    import pandas as pd


class FileForegrounds(NamedTuple):
    """What was taken; by category how many instances were left out, since their images' labels do not name it; how the
    file names its images; and what else a person should know of it.
    """

    foregrounds: list[Foreground]
    left_out: Counter[str]
    said: str
    warnings: tuple[str, ...]


class ImageMatches(NamedTuple):
    """The image of each listed one that is one, by its id in the file; why others are none; how all were found."""

    found: dict[int, NamedImage]
    unclear: dict[int, str]
    said: str


def read_foreground_file(
    path: Path, images: "pd.DataFrame", labels: "pd.DataFrame", classes: "pd.DataFrame"
) -> FileForegrounds:
    """The instances in ``path`` of classes that the ``labels`` (`schemas.prepare.Labels`) of their ``images`` name.

    In painting order, in pixels of the images; ``score`` becomes the confidence, where there is one. Crowds and
    annotations without a mask are no instances. `InputError` where the file cannot be read or is no COCO detection data
    set, where an instance lies in no training image or its mask was made for another size, and where none is left.
    """
    called = f"paste.foregrounds_file {path}"
    content = read_foreign_coco(path, called, needs_names=False)
    matches = match_images(content.images, named_images(images), called)
    sizes = {row[0]: row[1:] for row in images[["image_id", "height", "width"]].itertuples(index=False, name=None)}
    listed_images = {one.image_id: one for one in content.images}
    names = {one.category_id: one.name for one in content.categories}
    class_ids = dict(zip(classes["name"], classes["class_id"], strict=True))
    named = set(labels[["image_id", "class_id"]].itertuples(index=False, name=None))
    taken: list[Foreground] = []
    left_out, remarks = Counter[str](), list(content.remarks)
    for number, one in zip(_numbers(content, called), content.instances, strict=True):
        if one.iscrowd or one.segmentation is None:
            remarks.append(Remark(f"annotations {'are crowds' if one.iscrowd else 'have no mask'}", one.origin))
            continue
        image = _training_image(one, listed_images[one.image_id], matches, sizes)
        mask = _mask(one, sizes[image.image_id], remarks)
        name = names[one.category_id]
        if (image.image_id, class_ids.get(name)) not in named:
            left_out[name] += 1
        elif not rle_area_box_xywh(mask)[0]:
            remarks.append(Remark("annotations have an empty mask", one.origin))
        else:
            class_id = int(class_ids[name])
            taken.append(Foreground(image.image_id, class_id, number, "annotation_id", mask, one.score))
    if not taken:
        raise InputError(_nothing(called, left_out, remarks))
    return FileForegrounds(in_painting_order(taken), left_out, f"{path} {matches.said}", tuple(summarise(remarks)))


def match_images(listed_images: Sequence[ListedImage], images: Sequence[NamedImage], called: str) -> ImageMatches:
    """The image of data/images that each of ``listed_images`` is, where it is one.

    By file name where they have some (`image_keys.match_names`), by their ids where none has. `InputError`, which calls
    the file ``called``, where only some have one.
    """
    nameless = [one.image_id for one in listed_images if not one.file_name]
    if nameless and len(nameless) < len(listed_images):
        raise InputError(
            f"{called}: images {listed(nameless)} have no file_name, others have; write it for all, or, to name "
            "images by the ids of data/images/images.parquet, for none"
        )
    if nameless:
        by_id = {one.image_id: one for one in images}
        return ImageMatches({key: by_id[key] for key in nameless if key in by_id}, {}, "names images by id")
    names = match_names({one.file_name for one in listed_images}, images)
    ids = {one.image_id: one.file_name for one in listed_images}
    return ImageMatches(
        {key: names.found[name] for key, name in ids.items() if name in names.found},
        {key: names.unclear[name] for key, name in ids.items() if name in names.unclear},
        "names images by file name",
    )


def _numbers(content: ForeignCoco, called: str) -> Sequence[int]:
    """The ids of the annotations; their numbers from 1 where none has one."""
    ids = [one.annotation_id for one in content.instances]
    if all(one is None for one in ids):
        return range(1, len(ids) + 1)
    numbers = [one for one in ids if isinstance(one, int)]
    if len(numbers) < len(ids):
        first = next(place for place, one in enumerate(ids) if not isinstance(one, int))
        raise InputError(
            f"{called}: annotations[{first}].id is {shown(ids[first])}; each annotation has a whole number of its own, "
            "or none has"
        )
    return numbers


def _training_image(
    one: ListedInstance, listed_image: ListedImage, matches: ImageMatches, sizes: Mapping[int, tuple[int, int]]
) -> NamedImage:
    """The training image of an instance; `InputError` where it is none, or is of another size than the file says."""
    image = matches.found.get(one.image_id)
    called = listed_image.file_name or one.image_id
    if image is None and one.image_id in matches.unclear:
        raise InputError(
            f"{one.origin} lies in image {called}, which {matches.unclear[one.image_id]}; name images with their "
            "folders, as in data/images/images.parquet"
        )
    if image is None or image.split != "train":
        raise InputError(
            f"{one.origin} lies in image {called}, which is no training image of data/images; name images as there, "
            "and leave out what lies in others"
        )
    height, width = sizes[image.image_id]
    if listed_image.size_hw not in (None, (height, width)):
        said = " × ".join(str(side) for side in listed_image.size_hw or ())
        raise InputError(
            f"{one.origin} was made for {said} pixels (height × width), {image.file_name} of data/images has "
            f"{height} × {width}; make it again on the images of data/images"
        )
    return image


def _mask(one: ListedInstance, size_hw: tuple[int, int], remarks: list[Remark]) -> RLE:
    """The mask of an instance in an image of this size, what lies outside cut off."""
    if isinstance(one.segmentation, list) and beyond(corners(one.segmentation), *size_hw) > ROUNDING:
        remarks.append(Remark("annotations lead out of their images; what lies outside is cut off", one.origin))
    return segmentation_rle(one.segmentation, size_hw, one.origin)


def _nothing(called: str, left_out: Counter[str], remarks: Sequence[Remark]) -> str:
    others = "".join(f"; {line}" for line in summarise(remarks))
    return (
        f"{called} holds no instance to paste ({sum(left_out.values())} of classes that the labels of their images do "
        f"not name{others}); make another with empaste pseudo-labels, or set paste.foregrounds to fem"
    )

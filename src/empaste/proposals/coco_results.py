"""Segments that some other program found, read from a COCO results file.

For a source that wants an environment of its own: run it there on ``data/images``, write COCO results (a list of
``{"image_id", "segmentation", "score"}``, as detection servers take them), and name the file here. ``image_id`` is that
of ``data/images/images.parquet``, or the image's file name; which of them, is decided once per file
(`artifacts.image_keys`). Other keys (``bbox``, ``category_id``) are not looked at. What the segments learned from is
for the user to say.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from empaste.artifacts import fields
from empaste.artifacts.fields import listed
from empaste.artifacts.image_keys import KeyMatches, NamedImage, image_key, match_keys, require_known
from empaste.artifacts.json_files import read_json
from empaste.artifacts.remarks import Remark, summarise
from empaste.errors import InputError
from empaste.masks import decode_masks
from empaste.proposals.method import Context, Keys, Method, Segments
from empaste.proposals.suppression import first_of_each
from empaste.rle import RLE, read_rle
from empaste.settings import FileName, Positive, Settings

Found = tuple[RLE, float]


class CocoResultsSettings(Settings):
    """A file of COCO results, and how many of an image's results are taken."""

    file: FileName
    num_best: Positive


def propose(image: UInt8[np.ndarray, "h w 3"], settings: CocoResultsSettings, context: Context) -> Segments:
    """Masks and scores of the image's ``num_best`` best results, best first; none where the file has none for it.

    Without the keys that `match_images` gives for all images, this image is all that is known. Equal and empty masks
    are left out. `InputError` where the file is none of COCO results, or a mask has another size than the image.
    """
    height, width = image.shape[:2]
    file, keys = str(settings.file), context.keys
    results = read_results(file)
    if keys is None:
        known = [NamedImage(context.image_id, context.file_name, "train")]
        keys = _keys_by_image(match_keys(results, known, _called(file)))
    found = [one for key in keys.get(context.image_id, ()) for one in results[key]]
    found = sorted(found, key=lambda one: -one[1])[: settings.num_best]
    for rle, _ in found:
        if list(rle["size"]) != [height, width]:
            raise InputError(
                f"{file}: the masks of image {context.image_id} ({context.file_name}) have "
                f"{rle['size'][0]} × {rle['size'][1]} pixels (height × width), the image has {height} × {width}; "
                "make them again on the images of data/images"
            )
    if not found:
        return np.zeros((0, height, width), bool), np.zeros(0)
    masks = decode_masks([rle for rle, _ in found])
    kept = first_of_each(masks)
    return masks[kept], np.array([score for _, score in found])[kept]


def match_images(images: Sequence[NamedImage], settings: CocoResultsSettings) -> tuple[Keys, list[str]]:
    """By which keys the file names each of ``images``, and what a person should know of the file.

    `InputError` where the file names images by id and by file name, or by names that several images could be called.
    """
    file = str(settings.file)
    results = read_results(file)
    matches = match_keys(results, images, _called(file))
    require_known(matches, images, _called(file))
    if matches.unclear:
        unclear = listed([f"{name} {why}" for name, why in matches.unclear.items()], 3)
        raise InputError(f"{_called(file)}: {unclear}; write their folders, too, as in data/images/images.parquet")
    return _keys_by_image(matches), [f"{file} {matches.said}", *_left_out(matches, images, file, results)]


def _left_out(
    matches: KeyMatches, images: Sequence[NamedImage], file: str, results: Mapping[str, list[Found]]
) -> Iterable[str]:
    """What of the file no image gets, and how many training images get nothing of it."""
    validation = [key for key, one in matches.found.items() if one.split != "train"]
    unknown = [Remark("results are of images that are not in data/images", key) for key in matches.unknown
               for _ in results[key]]  # fmt: skip
    unneeded = [Remark("results are of validation images, which get no segments", key) for key in validation
                for _ in results[key]]  # fmt: skip
    yield from (f"WARNING: {file}: {line}" for line in summarise([*unknown, *unneeded]))
    training = [one for one in images if one.split == "train"]
    with_some = {one.image_id for one in matches.found.values()}
    lacking = [one.file_name for one in training if one.image_id not in with_some]
    if lacking:
        share = f"{len(lacking):,} of {len(training):,} training images"
        yield f"WARNING: {file} has no result for {share}: {listed(lacking)}"


def _keys_by_image(matches: KeyMatches) -> dict[int, list[str]]:
    keys: defaultdict[int, list[str]] = defaultdict(list)
    for key, one in matches.found.items():
        keys[one.image_id].append(key)
    return dict(keys)


def _called(file: str) -> str:
    return f"proposals.coco_results.file {file}"


@lru_cache(maxsize=1)
def read_results(file: str) -> dict[str, list[Found]]:
    """The key of ``image_id`` (`artifacts.image_keys.image_key`) -> masks and scores."""
    content = read_json(Path(file), _called(file))
    if not isinstance(content, list) or not content:
        raise InputError(f"{file} is no list of COCO results; it must hold [{{image_id, segmentation, score}}, …]")
    results: defaultdict[str, list[Found]] = defaultdict(list)
    for number, row in enumerate(content):
        image_id, found = _checked(row, f"{file}: result {number}")
        results[image_id].append(found)
    return dict(results)


def _checked(row: Any, place: str) -> tuple[str, Found]:
    """The image's key and what was found."""
    if not isinstance(row, dict) or not {"image_id", "segmentation", "score"} <= row.keys():
        raise InputError(f"{place} has no image_id, segmentation and score; write them all")
    key = image_key(row["image_id"], f"{place}: image_id")
    if isinstance(row["segmentation"], list):
        raise InputError(f"{place}: segmentation is no RLE with counts and size; polygons cannot be told from results")
    rle = read_rle(row["segmentation"], None, place)
    return key, (rle, fields.score(row["score"], f"{place}: score"))


METHOD = Method(
    "coco_results",
    propose,
    CocoResultsSettings,
    learned_from="whatever the other program learned from",
    runs="in one process",
    precomputed=True,
    match=match_images,
    asks=("file",),
    speed="70",
)

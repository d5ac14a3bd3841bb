"""Segments that some other program found, read from a COCO results file.

For a source that wants an environment of its own: run it there on ``data/images``, write COCO results (a list of
``{"image_id", "segmentation", "score"}``, as detection servers take them), and name the file here. ``image_id`` is that
of ``data/images/images.parquet``, or the image's file name without folder and suffix. Other keys (``bbox``,
``category_id``) are not looked at. What the segments learned from is for the user to say.
"""

import json
from collections import defaultdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, UInt8

from empaste.errors import InputError
from empaste.masks import RLE, decode_masks, run_lengths
from empaste.proposals.duplicates import first_of_each

Found = tuple[RLE, float]


def propose(
    image: UInt8[np.ndarray, "h w 3"], image_id: int, file_name: str, file: str, num_best: int
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """Masks and scores of the image's ``num_best`` best results, best first; none where the file has none for it.

    Equal and empty masks are left out. `InputError` where the file is none of COCO results, or a mask has another size
    than the image.
    """
    height, width = image.shape[:2]
    results = read_results(file)
    found = [*results.get(str(image_id), ()), *results.get(Path(file_name).stem, ())]
    found = sorted(found, key=lambda one: -one[1])[:num_best]
    for rle, _ in found:
        if list(rle["size"]) != [height, width]:
            raise InputError(
                f"{file}: the masks of image {image_id} ({file_name}) have {rle['size'][0]} × {rle['size'][1]} pixels "
                f"(height × width), the image has {height} × {width}; make them again on the images of data/images"
            )
    if not found:
        return np.zeros((0, height, width), bool), np.zeros(0)
    masks = decode_masks([rle for rle, _ in found])
    kept = first_of_each(masks)
    return masks[kept], np.array([score for _, score in found])[kept]


@lru_cache(maxsize=1)
def read_results(file: str) -> dict[str, list[Found]]:
    """``image_id`` as text -> masks and scores."""
    try:
        content = json.loads(Path(file).read_bytes())
    except OSError as error:
        raise InputError(f"proposals.coco_results.file is {file!r}, which cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{file} is not valid JSON: {error}; write it again") from error
    if not isinstance(content, list) or not content:
        raise InputError(f"{file} is no list of COCO results; it must hold [{{image_id, segmentation, score}}, …]")
    results: defaultdict[str, list[Found]] = defaultdict(list)
    for number, row in enumerate(content):
        image_id, found = _checked(row, f"{file}: result {number}")
        results[image_id].append(found)
    return dict(results)


def _checked(row: Any, place: str) -> tuple[str, Found]:
    """The image's id and what was found."""
    if not isinstance(row, dict) or not {"image_id", "segmentation", "score"} <= row.keys():
        raise InputError(f"{place} has no image_id, segmentation and score; write them all")
    score, image_id = row["score"], row["image_id"]
    if not isinstance(score, int | float) or not 0 <= score <= 1:
        raise InputError(f"{place}: score is {score!r}; scores are numbers from 0 to 1")
    return str(image_id), (_rle(row["segmentation"], place), float(score))


def _rle(segmentation: Any, place: str) -> RLE:
    """The segmentation with its runs as text."""
    from pycocotools import mask as coco_mask

    size = segmentation.get("size") if isinstance(segmentation, dict) else None
    counts = segmentation.get("counts") if isinstance(segmentation, dict) else None
    if not (isinstance(size, list) and len(size) == 2 and all(isinstance(side, int) for side in size)):
        raise InputError(f"{place}: segmentation is no RLE with counts and size; polygons cannot be told from results")
    runs = run_lengths(counts) if isinstance(counts, str) else counts
    if not isinstance(runs, list) or not all(isinstance(run, int) and run >= 0 for run in runs):
        raise InputError(f"{place}: counts is {counts!r}; it must be the text or the list of the mask's runs")
    if sum(runs) != size[0] * size[1]:
        raise InputError(f"{place}: counts add up to {sum(runs)} pixels, size is {size}; write the mask again")
    encoded = coco_mask.frPyObjects({"counts": runs, "size": size}, *size)
    return {"size": size, "counts": encoded["counts"].decode("ascii")}

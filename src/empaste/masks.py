"""Instance masks: boolean arrays (h, w) in memory, run-length encodings (`empaste.rle`) in files.

pycocotools is imported inside the functions, so that code which computes on arrays alone runs where it is not
installed.
"""

from collections.abc import Sequence

import cv2
import numpy as np
from jaxtyping import Bool, Integer

from empaste.rle import RLE


def encode_mask(mask: Bool[np.ndarray, "h w"] | Integer[np.ndarray, "h w"]) -> RLE:
    """The RLE of ``mask``: of what is true, or not 0."""
    from pycocotools import mask as coco_mask

    values = np.asarray(mask, dtype=bool)
    if not values.flags.f_contiguous:  # transposed by OpenCV, which takes a tenth of NumPy's time for a large mask
        values = cv2.transpose(np.ascontiguousarray(values).view(np.uint8)).T
    encoded = coco_mask.encode(values.view(np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def decode_mask(rle: RLE) -> Bool[np.ndarray, "h w"]:
    """The mask of ``rle``."""
    from pycocotools import mask as coco_mask

    mask: Bool[np.ndarray, "h w"] = coco_mask.decode(rle).astype(bool)
    return mask


def decode_masks(rles: Sequence[RLE]) -> Bool[np.ndarray, "n h w"]:
    """The masks of RLEs of one size; at least one."""
    from pycocotools import mask as coco_mask

    # One at a time, transposed by OpenCV: five times faster than pycocotools' stack, which has the masks innermost.
    masks = np.empty((len(rles), *rles[0]["size"]), np.uint8)
    for number, rle in enumerate(rles):
        masks[number] = cv2.transpose(coco_mask.decode(rle).T)
    return masks.view(bool)


def rle_area_box_xywh(rle: RLE) -> tuple[int, tuple[int, int, int, int]]:
    """Area and tight box (x, y, width, height) of an RLE, without decoding it; all zero where it is empty."""
    from pycocotools import mask as coco_mask

    x, y, width, height = (int(side) for side in coco_mask.toBbox(rle))
    return int(coco_mask.area(rle)), (x, y, width, height)


def mask_box_xywh(mask: Bool[np.ndarray, "h w"]) -> tuple[int, int, int, int]:
    """The tight box (x, y, width, height) of ``mask``; all zero where the mask is empty."""
    columns, rows = np.flatnonzero(mask.any(axis=0)), np.flatnonzero(mask.any(axis=1))
    if not columns.size:
        return 0, 0, 0, 0
    x, y = int(columns[0]), int(rows[0])
    return x, y, int(columns[-1]) - x + 1, int(rows[-1]) - y + 1

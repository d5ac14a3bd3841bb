"""From an image file to its rows of the segments table: shrink, propose, filter, scale back, encode."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8

from empaste.artifacts.image_keys import NamedImage
from empaste.images import fit_within, read_rgb
from empaste.masks import encode_mask, mask_box_xywh
from empaste.proposals import BY_IMAGE, MATCHED, METHODS
from empaste.proposals.filters import best_first, is_eligible

COLUMNS = ["image_id", "counts", "height", "width", "area", "x", "y", "box_width", "box_height", "score"]


def propose_rows(
    item: tuple[int, Path],
    method: str,
    options: Mapping[str, Any],
    max_side: int,
    min_area: float,
    max_extent: float,
    max_segments: int,
) -> pd.DataFrame:
    """The rows of one image, best score first; ``item`` is its id and file. For `scaleout.map_items`.

    Segments are sought and filtered in the image with its longest side at most ``max_side`` pixels (0: as it is); what
    is written are masks of the image as it is. What was computed elsewhere (`BY_IMAGE`) is for the image as it is.
    """
    image_id, path = item
    image = read_rgb(path)
    if method in BY_IMAGE:
        options, max_side = {**options, "image_id": image_id, "file_name": path.name}, 0
    masks, scores = propose_segments(fit_within(image, max_side), method, options, min_area, max_extent, max_segments)
    # One mask at a time at full size: all of a large image's together would not fit into memory.
    rows = [
        (image_id, *_mask_cells(_enlarged(mask, image.shape[:2])), float(score))
        for mask, score in zip(masks, scores, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def match_source(source: Mapping[str, Any], images: Sequence[NamedImage]) -> tuple[dict[str, Any], list[str]]:
    """The arguments ``source`` of `propose_rows`, a method's file compared with all ``images`` where it has one.

    Also returned: what a person should know of the file.
    """
    if source["method"] not in MATCHED:
        return dict(source), []
    further, lines = MATCHED[source["method"]](images, **source["options"])
    return {**source, "options": {**source["options"], **further}}, lines


def propose_segments(
    image: UInt8[np.ndarray, "h w 3"],
    method: str,
    options: Mapping[str, Any],
    min_area: float,
    max_extent: float,
    max_segments: int,
) -> tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]:
    """The segments of ``image`` by ``METHODS[method]`` that pass the `filters`, best score first."""
    masks, scores = METHODS[method](image, **options)
    kept = np.flatnonzero(is_eligible(masks, min_area, max_extent))
    kept = kept[best_first(scores[kept], max_segments)]
    return masks[kept], scores[kept]


def segment_table(rows: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All images' rows in order, numbered from 0: the table of `schemas.Segments`."""
    found = [part for part in rows if len(part)]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)
    table.insert(0, "segment_id", np.arange(len(table)))
    return table


def _enlarged(mask: Bool[np.ndarray, "h w"], size_hw: tuple[int, ...]) -> Bool[np.ndarray, "h2 w2"]:
    """``mask`` at ``size_hw``, by nearest pixel."""
    if mask.shape == tuple(size_hw):
        return mask
    # By columns, as they are encoded: no copy is made to turn them.
    columns = np.ascontiguousarray(mask.T).view(np.uint8)
    return cv2.resize(columns, tuple(size_hw), interpolation=cv2.INTER_NEAREST).view(bool).T


def _mask_cells(mask: Bool[np.ndarray, "h w"]) -> tuple[Any, ...]:
    """counts, height, width, area and box of one mask."""
    return (encode_mask(mask)["counts"], *mask.shape, int(np.count_nonzero(mask)), *mask_box_xywh(mask))

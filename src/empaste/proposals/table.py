"""From an image file to its rows of the segments table: shrink, propose, filter, scale back, encode."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8

from empaste.artifacts.image_keys import NamedImage
from empaste.errors import InputError
from empaste.images import fit_within, read_rgb
from empaste.masks import encode_mask, mask_box_xywh
from empaste.proposals import METHODS
from empaste.proposals.filters import best_first, is_eligible
from empaste.proposals.method import Context, Keys, Segments
from empaste.proposals.settings import ProposalsSettings

COLUMNS = ["image_id", "counts", "height", "width", "area", "x", "y", "box_width", "box_height", "score"]


def training_files(images: pd.DataFrame, folder: Path) -> list[tuple[int, Path]]:
    """The id and the file, in ``folder``, of every training image; ``images`` are rows of `schemas.Images`."""
    train = images[images["split"] == "train"]
    return [(number, folder / name) for number, name in zip(train["image_id"], train["file_name"], strict=True)]


def propose_rows(item: tuple[int, Path], settings: ProposalsSettings, keys: Keys | None = None) -> pd.DataFrame:
    """The rows of one image, best score first; ``item`` is its id and file. For `scaleout.map_items`.

    Segments are sought and filtered in the image with its longest side at most `seen_side` pixels; what is written are
    masks of the image as it is. ``keys`` are what `match_images` gave for all images.
    """
    image_id, path = item
    image = read_rgb(path)
    context = Context(settings, image_id, path.name, keys)
    masks, scores = propose_segments(fit_within(image, seen_side(settings)), context)
    # One mask at a time at full size: all of a large image's together would not fit into memory.
    rows = [
        (image_id, *_mask_cells(_enlarged(mask, image.shape[:2])), float(score))
        for mask, score in zip(masks, scores, strict=True)
    ]
    return pd.DataFrame(rows, columns=COLUMNS)


def seen_side(settings: ProposalsSettings) -> int:
    """The longest side, in pixels, of the images that the method sees; 0: as they are.

    Networks see more than superpixels need, so a section of theirs has a ``max_side`` of its own. What was computed
    elsewhere was computed for the image as it is.
    """
    method = METHODS[settings.method]
    if method.precomputed:
        return 0
    side: int = getattr(method.section(settings), "max_side", settings.max_side)
    return side


def match_images(settings: ProposalsSettings, images: Sequence[NamedImage]) -> tuple[Keys | None, list[str]]:
    """The keys of ``images`` in the method's file, None where it has none; and what a person should know of it."""
    method = METHODS[settings.method]
    return method.match(images, method.section(settings)) if method.match else (None, [])


def propose_segments(image: UInt8[np.ndarray, "h w 3"], context: Context) -> Segments:
    """The segments of ``image`` by the method of the settings that pass the `filters`, best score first."""
    settings = context.settings
    method = METHODS[settings.method]
    masks, scores = method.propose(image, method.section(settings), context)
    kept = np.flatnonzero(is_eligible(masks, settings.min_area, settings.max_extent))
    kept = kept[best_first(scores[kept], settings.max_segments)]
    return masks[kept], scores[kept]


def segment_table(rows: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All images' rows in order, numbered from 0: the table of `schemas.Segments`."""
    found = [part for part in rows if len(part)]
    table = pd.concat(found, ignore_index=True) if found else pd.DataFrame(columns=COLUMNS)
    table.insert(0, "segment_id", np.arange(len(table)))
    return table


def require_segments(segments: pd.DataFrame, method: str, num_images: int) -> None:
    """`InputError` where the method gave none of the images a segment."""
    if segments.empty:
        raise InputError(
            f"proposals.method {method} gave none of {num_images} images an eligible segment; loosen "
            "proposals.min_area or max_extent, or see that the method fits the images"
        )


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

"""From an image file to its rows of the segments table: shrink, propose, filter, scale back, encode."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8

from empaste.artifacts.image_keys import NamedImage
from empaste.errors import InputError
from empaste.images import fit_within, read_rgb
from empaste.masks import encode_mask, mask_box_xywh
from empaste.proposals import METHODS
from empaste.proposals.filters import filtered
from empaste.proposals.method import Context, KeysByMethod, Networks, Segments
from empaste.proposals.settings import ProposalsSettings, running_methods
from empaste.proposals.sizes import enlarged

COLUMNS = ["image_id", "counts", "height", "width", "area", "x", "y", "box_width", "box_height", "score"]


ImageFile = tuple[int, Path]
"""The id of an image, and its file."""


class Proposed(NamedTuple):
    """The rows of one image, best score first; and how many segments each method found that the chosen one joins."""

    rows: pd.DataFrame
    found: dict[str, int]


def propose_image(
    item: ImageFile,
    settings: ProposalsSettings,
    keys: KeysByMethod | None = None,
    networks: Networks | None = None,
) -> Proposed:
    """The segments of one image; ``item`` is its id and file. For `scaleout.map_items`.

    Segments are sought and filtered in the image with its longest side at most `seen_side` pixels; what is written are
    masks of the image as it is. ``keys`` are what `match_images` gave for all images, ``networks`` give those of
    `settings.network_loaders`.
    """
    image_id, path = item
    image = read_rgb(path)
    context = Context(settings, image_id, path.name, keys_by_method=keys, networks=networks, found={})
    masks, scores = propose_segments(fit_within(image, seen_side(settings)), context.of_method(settings.method))
    # One mask at a time at full size: all of a large image's together would not fit into memory.
    rows = [
        (image_id, *_mask_cells(enlarged(mask, image.shape[:2])), float(score))
        for mask, score in zip(masks, scores, strict=True)
    ]
    return Proposed(pd.DataFrame(rows, columns=COLUMNS), context.found or {})


def seen_side(settings: ProposalsSettings) -> int:
    """The longest side, in pixels, of the images that the method sees; 0: as they are.

    Of methods that are joined, the longest of theirs.
    """
    sides = [method.seen_side(settings) for method in running_methods(settings)]
    return 0 if 0 in sides else max(sides)


def match_images(settings: ProposalsSettings, images: Sequence[NamedImage]) -> tuple[KeysByMethod, list[str]]:
    """The keys of ``images`` in the file of each method that has one; and what a person should know of the files."""
    running = [method for method in running_methods(settings) if method.match]
    matched = {method.name: method.match(images, method.section(settings)) for method in running if method.match}
    return {name: keys for name, (keys, _) in matched.items()}, [line for _, said in matched.values() for line in said]


def propose_segments(image: UInt8[np.ndarray, "h w 3"], context: Context) -> Segments:
    """The segments of ``image`` by the method of the settings that pass the `filters`, best score first."""
    settings = context.settings
    method = METHODS[settings.method]
    return filtered(*method.propose(image, method.section(settings), context), settings)


def segment_table(rows: Iterable[pd.DataFrame]) -> pd.DataFrame:
    """All images' rows in order, numbered from 0: the table of `schemas.proposals.Segments`."""
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


def _mask_cells(mask: Bool[np.ndarray, "h w"]) -> tuple[Any, ...]:
    """counts, height, width, area and box of one mask."""
    return (encode_mask(mask)["counts"], *mask.shape, int(np.count_nonzero(mask)), *mask_box_xywh(mask))

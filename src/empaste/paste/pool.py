"""The canvases of composites (EM-Paste §2): originals with an extraction, repeated, and synthesised backgrounds."""

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from jaxtyping import UInt8

from empaste.artifacts.coco_records import Coco
from empaste.artifacts.shards import ShardEntry, Shards
from empaste.artifacts.truth import is_ignored_region
from empaste.errors import InputError
from empaste.images import read_rgb
from empaste.paste.foregrounds import Foreground
from empaste.rle import RLE

if TYPE_CHECKING:  # every worker process imports this module, and none touches a table
    import pandas as pd


class Canvas(NamedTuple):
    """What a composite is made on: an image, the foregrounds that are its own, and whether anything is pasted on it.

    ``kind`` is "original" (``source_id``: its image_id) or "background" (its background_id); ``copy`` counts the times
    that it is used. The three seed every draw of its composite. ``void`` are masks of pixels of which
    nobody knows what they show: they are not free, and belong to no instance.
    """

    kind: str
    source_id: int
    copy: int
    image: Path | ShardEntry
    own: tuple[Foreground, ...]
    pasted_on: bool
    void: tuple[RLE, ...] = ()

    def read_rgb(self) -> UInt8[np.ndarray, "h w 3"]:
        """The image; `InputError` where it is missing or cannot be decoded."""
        return read_rgb(self.image) if isinstance(self.image, Path) else self.image.read_rgb()


def void_regions(coco: Coco) -> dict[int, tuple[RLE, ...]]:
    """Per image of ``coco``, whose masks are RLEs, its void pixels, crowds and objects without a mask."""
    found: dict[int, tuple[RLE, ...]] = {row["id"]: (row["void"],) for row in coco["images"] if "void" in row}
    for row in coco["annotations"]:
        if is_ignored_region(row) and row.get("segmentation"):
            found[row["image_id"]] = (*found.get(row["image_id"], ()), row["segmentation"])
    return found


def list_originals(
    foregrounds: list[Foreground],
    paths: Mapping[int, Path],
    folder: Path,
    void: Mapping[int, tuple[RLE, ...]] = MappingProxyType({}),
) -> list[Canvas]:
    """The images that hold foregrounds, by id, each with its own; ``paths`` are those of ``folder``'s training images.

    ``void`` holds regions of images that are nobody's and not free; an image may lack it.
    """
    originals = []
    for image_id, own in groupby(foregrounds, key=lambda foreground: foreground.image_id):
        if image_id not in paths:
            raise InputError(
                f"a foreground lies in image {image_id}, which is no training image of {folder}; "
                "run: dvc repro foregrounds"
            )
        own_void = void.get(image_id, ())
        originals.append(Canvas("original", image_id, 0, paths[image_id], tuple(own), False, own_void))
    return originals


def list_synthesised(backgrounds: "pd.DataFrame", folder: Path) -> list[Canvas]:
    """The selected of ``backgrounds`` (rows of `schemas.backgrounds.Backgrounds`), by id; they own no instance.

    Their shards are in ``folder``.
    """
    chosen = backgrounds[backgrounds["selected"]].sort_values("background_id")
    shards = Shards(folder)
    return [
        Canvas("background", background_id, 0, shards.entry(name), (), True)
        for background_id, name in zip(chosen["background_id"], chosen["file_name"], strict=True)
    ]


def list_canvases(
    originals: list[Canvas], synthesised: list[Canvas], duplicate_originals: int, keep_originals: bool
) -> list[Canvas]:
    """What composites are made of, in order: every original ``duplicate_originals`` times, every synthesised background
    once, and with ``keep_originals`` every original once more with nothing pasted on it.
    """
    pasted = [
        original._replace(copy=copy, pasted_on=True) for original in originals for copy in range(duplicate_originals)
    ]
    return pasted + synthesised + (originals if keep_originals else [])

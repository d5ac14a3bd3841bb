"""What a format has no place for: counted before anything is written, in sentences."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from tqdm import tqdm

from empaste.exporting.annotated import AnnotatedSet, Instance
from empaste.exporting.format import Format, Trait
from empaste.exporting.outlines import count_parts, cropped
from empaste.masks import decode_mask, rle_area_box_xywh


class Shapes(NamedTuple):
    """How many instances have holes, have several pieces, lose pixels to smaller ones, or lose all of them."""

    with_holes: int = 0
    with_pieces: int = 0
    overlapped: int = 0
    hidden: int = 0


def painted_order(instances: tuple[Instance, ...]) -> list[Instance]:
    """The largest first, so that where two share a pixel the smaller one is painted on top; of equal ones the later."""
    return sorted(instances, key=lambda one: -rle_area_box_xywh(one.mask)[0])


def tell_losses(data: AnnotatedSet, target: Format) -> Iterator[str]:
    """A sentence for everything in ``data`` that ``target`` lacks a place for and that is there at least once.

    Folders apart: they move into the names of images, which are counted as renamed. Of crowds that are left out nothing
    else is lost.
    """
    kept = without_crowds(data) if "crowds" in target.lacks else data
    shapes = _shapes(kept, target)
    for trait, sentence in SENTENCES.items():
        if trait in target.lacks and (said := sentence(data if trait == "crowds" else kept, shapes)):
            yield f"{target.called} {said}"


def without_crowds(data: AnnotatedSet) -> AnnotatedSet:
    """``data`` less its crowds."""
    images = (
        image._replace(instances=tuple(one for one in image.instances if not one.is_crowd)) for image in data.images
    )
    return data._replace(images=tuple(images))


def _shapes(data: AnnotatedSet, target: Format) -> Shapes:
    """Of `Shapes` what ``target`` may lose; masks are decoded one at a time, and only where there is need."""
    found = Shapes()
    if not {"holes", "pieces", "overlaps"} & target.lacks:
        return found
    for image in tqdm(data.images, desc="looking at masks", unit="image"):
        if {"holes", "pieces"} & target.lacks:
            parts = [count_parts(cropped(one.mask)[0]) for one in image.instances]
            found = found._replace(
                with_holes=found.with_holes + sum(holes > 0 for _, holes in parts),
                with_pieces=found.with_pieces + sum(pieces > 1 for pieces, _ in parts),
            )
        if "overlaps" in target.lacks:
            overlapped, hidden = _overlaps(image.instances, image.size_hw)
            found = found._replace(overlapped=found.overlapped + overlapped, hidden=found.hidden + hidden)
    return found


def _overlaps(instances: tuple[Instance, ...], size_hw: tuple[int, int]) -> tuple[int, int]:
    """How many lose some pixels and no more, and how many lose all."""
    covered = np.zeros(size_hw, bool)
    some = every = 0
    for one in reversed(painted_order(instances)):
        mask = decode_mask(one.mask)
        lost, area = int(np.count_nonzero(mask & covered)), int(np.count_nonzero(mask))
        every += lost == area
        some += 0 < lost < area
        covered |= mask
    return some, every


def _holes(data: AnnotatedSet, shapes: Shapes) -> str | None:
    share = f"{shapes.with_holes} of {data.num_instances} instances are filled"
    return f"cannot hold holes: {share}" if shapes.with_holes else None


def _pieces(data: AnnotatedSet, shapes: Shapes) -> str | None:
    share = f"those of {shapes.with_pieces} of {data.num_instances} instances are joined by a thin line"
    return f"has one outline per instance, not several pieces: {share}" if shapes.with_pieces else None


def _shared_pixels(data: AnnotatedSet, shapes: Shapes) -> str | None:
    gone = f", and {shapes.hidden} all of theirs" if shapes.hidden else ""
    share = f"{shapes.overlapped} of {data.num_instances} instances lose some to smaller ones{gone}"
    return f"gives each pixel to one instance: {share}" if shapes.overlapped or shapes.hidden else None


def _scores(data: AnnotatedSet, shapes: Shapes) -> str | None:
    number = sum(one.score is not None for image in data.images for one in image.instances)
    return f"has no place for scores: {number} scores are left out" if number else None


def _crowds(data: AnnotatedSet, shapes: Shapes) -> str | None:
    number = sum(one.is_crowd for image in data.images for one in image.instances)
    return f"has no place for crowds: {number} are left out" if number else None


def _class_names(data: AnnotatedSet, shapes: Shapes) -> str | None:
    odd = [name for name in data.class_names.values() if set(name) & set(":#") or name.casefold() == "background"]
    shown = ", ".join(odd[:3]) + (", …" if len(odd) > 3 else "")
    return f"takes neither : nor # in names of classes, nor the class background: {shown} is changed" if odd else None


SENTENCES: dict[Trait, Callable[[AnnotatedSet, Shapes], str | None]] = {
    "holes": _holes,
    "pieces": _pieces,
    "overlaps": _shared_pixels,
    "scores": _scores,
    "crowds": _crowds,
    "class names": _class_names,
}

"""Instance masks: boolean arrays (h, w) in memory, COCO run-length encoding in files.

An RLE is the dict that COCO files hold: ``{"size": [h, w], "counts": str}``. pycocotools is imported inside the
functions, so that code which computes on arrays alone runs where it is not installed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict

import cv2
import numpy as np
from jaxtyping import Bool, Float, Int

from empaste.errors import InputError

MAX_PIXELS = 2**31
"""Pixels of the largest mask: pycocotools counts them in 32 bits."""
MAX_SHIFT = 40
"""Bits of a run in COCO's compressed text; longer ones stand in no file that a program wrote."""


BATCH = 4096
"""RLEs whose texts are looked at together."""


class RLE(TypedDict):
    """A COCO run-length encoded mask, its counts as text."""

    size: list[int]
    counts: str


def encode_mask(mask: Bool[np.ndarray, "h w"]) -> RLE:
    """The RLE of ``mask``."""
    from pycocotools import mask as coco_mask

    values = np.asarray(mask, dtype=bool)
    if not values.flags.f_contiguous:  # transposed by OpenCV, which takes a tenth of NumPy's time for a large mask
        values = cv2.transpose(np.ascontiguousarray(values).view(np.uint8)).T
    encoded = coco_mask.encode(values.view(np.uint8))
    return {"size": [int(side) for side in encoded["size"]], "counts": encoded["counts"].decode("ascii")}


def decode_mask(rle: RLE) -> Bool[np.ndarray, "h w"]:
    """The mask of ``rle``."""
    from pycocotools import mask as coco_mask

    return coco_mask.decode(rle).astype(bool)


def decode_masks(rles: Sequence[RLE]) -> Bool[np.ndarray, "n h w"]:
    """The masks of RLEs of one size; at least one."""
    from pycocotools import mask as coco_mask

    # One at a time, transposed by OpenCV: five times faster than pycocotools' stack, which has the masks innermost.
    masks = np.empty((len(rles), *rles[0]["size"]), np.uint8)
    for number, rle in enumerate(rles):
        masks[number] = cv2.transpose(coco_mask.decode(rle).T)
    return masks.view(bool)


def read_rle(segmentation: Any, size_hw: Sequence[int] | None, origin: str) -> RLE:
    """A foreign RLE, its counts as text; ``size_hw`` is its image's size where that is known.

    The one check of run lengths: pycocotools trusts them and writes beyond its memory. `InputError`, which calls the
    mask ``origin``, where it is no RLE, of another size, or its counts are no runs that fill it.
    """
    from pycocotools import mask as coco_mask

    size = segmentation.get("size") if isinstance(segmentation, dict) else None
    counts = segmentation.get("counts") if isinstance(segmentation, dict) else None
    sides = [_whole(side) for side in size] if isinstance(size, list | tuple) and len(size) == 2 else []
    if len(sides) != 2 or min(sides) < 0:
        raise InputError(f"{origin}: segmentation is {str(segmentation)[:60]!r}; it is no RLE with counts and size")
    if size_hw is not None and sides != list(size_hw):
        raise InputError(
            f"{origin}: the RLE is of size {sides}, its image {list(size_hw)} (height, width); "
            "correct or remove this annotation, or make it again for this image"
        )
    if isinstance(counts, bytes):
        counts = counts.decode("latin1")
    runs = run_lengths(counts) if isinstance(counts, str) else counts
    runs = [_whole(run) for run in runs] if isinstance(runs, list) else [-1]
    if min(runs, default=0) < 0 or sum(runs) != sides[0] * sides[1] or sum(runs) > MAX_PIXELS:
        raise InputError(
            f"{origin}: the RLE's counts do not add up to {sides[0]} × {sides[1]} pixels; "
            "correct or remove this annotation"
        )
    encoded = coco_mask.frPyObjects({"size": sides, "counts": runs}, *sides)
    return {"size": sides, "counts": encoded["counts"].decode("ascii")}


def _whole(value: Any) -> int:
    """``value`` as a whole number, -1 where it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def run_lengths(counts: str) -> list[int]:
    """The run lengths in COCO's compressed text; negative ones, or a text cut off, show as lengths that do not add up.

    pycocotools trusts the text and reads beyond its end, so it is read here first.
    """
    runs: list[int] = []
    value, shift = 0, 0
    for letter in counts:
        part = ord(letter) - 48
        if not 0 <= part < 64 or shift > MAX_SHIFT:
            return [-1]
        value |= (part & 0x1F) << shift
        shift += 5
        if not part & 0x20:
            value -= (1 << shift) if part & 0x10 else 0
            runs.append(value + (runs[-2] if len(runs) > 2 else 0))
            value, shift = 0, 0
    return [*runs, -1] if shift else runs


class RunLengths(NamedTuple):
    """Run lengths of many masks in order: whose each is, which of its mask's it is, from 0, and its length."""

    owner: Int[np.ndarray, " runs"]
    position: Int[np.ndarray, " runs"]
    length: Int[np.ndarray, " runs"]


def parse_runs(counts: Sequence[str]) -> RunLengths:
    """The run lengths in COCO's compressed texts, as `run_lengths` of each, which must be sound (`are_sound`).

    Notes
    -----
    COCO writes the lengths of runs, off and on in turn, in digits of five bits, lowest first: a sixth bit says that
    another digit follows, the fifth bit of the last one is the sign. From the fourth length on it writes the difference
    to the length before the last. Each character is the digit plus 48.
    """
    texts = [text.encode("ascii") for text in counts]
    return _join_digits(np.frombuffer(b"".join(texts), np.uint8).astype(np.int64) - 48, [len(text) for text in texts])


def are_sound(rles: Sequence[RLE]) -> Bool[np.ndarray, " n"]:
    """Whether the counts of every RLE are runs that fill its size: pycocotools trusts them, and writes elsewhere."""
    sound = [np.zeros(0, bool)]
    for start in range(0, len(rles), BATCH):
        part = rles[start : start + BATCH]
        pixels = np.array([rle["size"][0] * rle["size"][1] for rle in part], float)
        sound.append((_filled([rle["counts"] for rle in part]) == pixels) & (pixels <= MAX_PIXELS))
    return np.concatenate(sound)


def _filled(counts: Sequence[str]) -> Int[np.ndarray, " n"]:
    """How many pixels the runs of every text fill; -1 where they are no runs."""
    texts = [text.encode("ascii", errors="replace") for text in counts]
    sizes = np.array([len(text) for text in texts])
    digits = np.frombuffer(b"".join(texts), np.uint8).astype(np.int64) - 48
    owner = np.repeat(np.arange(len(texts)), sizes)
    is_broken = (digits < 0) | (digits > 63)
    last = np.cumsum(sizes)[sizes > 0] - 1
    is_broken[last] |= (digits[last] & 32) > 0  # cut off
    digits[is_broken] = 0
    ends = np.flatnonzero(digits < 32)
    is_broken[ends] |= np.diff(ends, prepend=-1) > MAX_SHIFT // 5 + 1
    runs = _join_digits(digits, sizes)
    wrong = [owner[is_broken], runs.owner[(runs.length < 0) | (runs.length > MAX_PIXELS)]]
    filled = np.zeros(len(texts), np.int64)
    np.add.at(filled, runs.owner, runs.length)
    filled[np.concatenate(wrong)] = -1
    return filled


def _join_digits(digits: Int[np.ndarray, " digits"], sizes: Sequence[int] | Int[np.ndarray, " n"]) -> RunLengths:
    """The run lengths that the digits of texts of these sizes spell."""
    if not len(digits):
        return RunLengths(*np.zeros((3, 0), np.int64))
    ends = np.flatnonzero(digits < 32)
    begins = np.concatenate([[0], ends[:-1] + 1])
    place = np.minimum(np.arange(len(digits)) - np.repeat(begins, ends - begins + 1), MAX_SHIFT // 5 + 1)
    lengths = np.add.reduceat((digits & 31) << (5 * place), begins)
    lengths -= np.where(digits[ends] & 16, np.int64(1) << (5 * (place[ends] + 1)), 0)
    owner = np.searchsorted(np.cumsum(sizes), ends, side="right")
    position = np.arange(len(ends)) - np.searchsorted(owner, np.arange(len(sizes)))[owner]
    for parity in (0, 1):
        # Whatever a length adds to lies two places before it, so that the two halves are sums of their own.
        lengths[parity::2] = cumulate(lengths[parity::2], position[parity::2] < 3)
    return RunLengths(owner, position, lengths)


def cumulate(values: Int[np.ndarray, " n"], begins: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Cumulative sums that begin anew at every place of ``begins``, the first among them."""
    if not len(values):
        return values
    sums = np.cumsum(values)
    at = np.flatnonzero(begins)
    return sums - np.repeat(sums[at] - values[at], np.diff(np.append(at, len(values))))


def mask_ious(
    first: Sequence[RLE], second: Sequence[RLE], regions: Sequence[bool] | None = None
) -> Float[np.ndarray, "n m"]:
    """Intersection over union of every pair; an empty side gives an empty array.

    Where one of ``second`` is a region in which anything may lie (``regions``), the share of the first mask that lies
    in it, as COCO does with crowds.
    """
    from pycocotools import mask as coco_mask

    if not first or not second:
        return np.zeros((len(first), len(second)))
    return np.asarray(coco_mask.iou(list(first), list(second), [int(one) for one in regions or [False] * len(second)]))


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

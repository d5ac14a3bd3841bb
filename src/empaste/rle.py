"""Run-length encodings of masks (RLE) as COCO files hold them: read, checked, taken apart.

COCO writes the lengths of a mask's runs, down its columns, off and on in turn. Compressed to text, a length stands in
digits of five bits, lowest first: a sixth bit says that another digit follows, the fifth bit of the last digit is the
sign. From the fourth length on the text holds the difference to the length before the last. Each character is the digit
plus 48. pycocotools trusts such texts and writes beyond its memory where they are wrong, so nothing may decode an RLE
that was not checked here. pycocotools is imported inside the functions, so that code which computes on arrays alone
runs where it is not installed.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypedDict, TypeGuard

import numpy as np
from jaxtyping import Bool, Int

from empaste.errors import InputError

MAX_PIXELS = 2**31
"""Pixels of the largest mask: pycocotools counts them in 32 bits."""
MAX_DIGITS = 9
"""Digits of a length; longer ones stand in no file that a program wrote."""
BATCH = 4096
"""RLEs whose texts are looked at together."""


class RLE(TypedDict):
    """A COCO run-length encoded mask: ``size`` is [height, width], the counts are text."""

    size: list[int]
    counts: str


class RunLengths(NamedTuple):
    """Lengths of the runs of many masks in order: whose each is, its place in that mask from 0, and the length."""

    owner: Int[np.ndarray, " runs"]
    position: Int[np.ndarray, " runs"]
    length: Int[np.ndarray, " runs"]


def is_rle(value: object) -> TypeGuard[RLE]:
    """Whether ``value`` has the form of an `RLE`; whether its counts fill its size, `are_sound` says."""
    if not isinstance(value, dict) or not isinstance(value.get("counts"), str):
        return False
    size = value.get("size")
    return isinstance(size, list) and len(size) == 2 and all(type(side) is int and 0 <= side < 2**31 for side in size)


def are_sound(rles: Sequence[RLE]) -> Bool[np.ndarray, " n"]:
    """Whether the counts of every RLE are runs that fill its size."""
    sound = [np.zeros(0, bool)]
    for start in range(0, len(rles), BATCH):
        part = rles[start : start + BATCH]
        pixels = np.array([rle["size"][0] * rle["size"][1] for rle in part], float)
        sound.append((_filled([rle["counts"] for rle in part]) == pixels) & (pixels <= MAX_PIXELS))
    return np.concatenate(sound)


def first_unsound(values: Sequence[object]) -> int | None:
    """The place of the first of ``values`` that is no RLE, else of the first that is not sound; None without."""
    rles = [value for value in values if is_rle(value)]
    if len(rles) < len(values):
        return next(place for place, value in enumerate(values) if not is_rle(value))
    return next(iter(np.flatnonzero(~are_sound(rles)).tolist()), None)


def read_rle(segmentation: Any, size_hw: Sequence[int] | None, origin: str) -> RLE:
    """A foreign RLE, its counts as text; ``size_hw`` is its image's size where that is known.

    `InputError`, which calls the mask ``origin``, where it is no RLE, of another size, or its counts are no runs that
    fill it.
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
    runs = _read_counts(counts)
    if runs is None or sum(runs) != sides[0] * sides[1] or sum(runs) > MAX_PIXELS:
        raise InputError(
            f"{origin}: the RLE's counts do not add up to {sides[0]} × {sides[1]} pixels; "
            "correct or remove this annotation"
        )
    encoded = coco_mask.frPyObjects({"size": sides, "counts": runs}, *sides)
    return {"size": sides, "counts": encoded["counts"].decode("ascii")}


def run_lengths(counts: str) -> list[int]:
    """The lengths of the runs in COCO's compressed text, which must be sound (`are_sound`)."""
    lengths: list[int] = parse_runs([counts]).length.tolist()
    return lengths


def parse_runs(counts: Sequence[str]) -> RunLengths:
    """The lengths of the runs in COCO's compressed texts, which must be sound (`are_sound`)."""
    digits, sizes = _digits(counts)
    return _join_digits(digits, sizes)


def cumulate(values: Int[np.ndarray, " n"], begins: Bool[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
    """Cumulative sums that begin anew at every place of ``begins``, the first among them."""
    if not len(values):
        return values
    sums = np.cumsum(values)
    at = np.flatnonzero(begins)
    cumulated: Int[np.ndarray, " n"] = sums - np.repeat(sums[at] - values[at], np.diff(np.append(at, len(values))))
    return cumulated


def _read_counts(counts: Any) -> list[int] | None:
    """The lengths of a foreign RLE's runs, given as text or as numbers; None where they are none."""
    if isinstance(counts, bytes):
        counts = counts.decode("latin1")
    if isinstance(counts, str):
        found, is_wrong = _parse_doubtful([counts])
        return None if is_wrong[0] else found.length.tolist()
    runs = [_whole(run) for run in counts] if isinstance(counts, list) else [-1]
    return runs if min(runs, default=0) >= 0 else None


def _whole(value: Any) -> int:
    """``value`` as a whole number, -1 where it is none."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20:
        return int(value)
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value if isinstance(value, int) and not isinstance(value, bool) else -1


def _filled(counts: Sequence[str]) -> Int[np.ndarray, " n"]:
    """How many pixels the runs of every text fill; -1 where they are no runs."""
    runs, is_wrong = _parse_doubtful(counts)
    filled = np.zeros(len(counts), np.int64)
    np.add.at(filled, runs.owner, runs.length)
    filled[is_wrong] = -1
    return filled


def _parse_doubtful(counts: Sequence[str]) -> tuple[RunLengths, Bool[np.ndarray, " n"]]:
    """The lengths of the runs as `parse_runs` finds them, and which of the texts are no runs."""
    digits, sizes = _digits(counts)
    owner = np.repeat(np.arange(len(sizes)), sizes)
    is_broken = (digits < 0) | (digits > 63)
    last = np.cumsum(sizes)[sizes > 0] - 1
    is_broken[last] |= (digits[last] & 32) > 0  # cut off
    digits[is_broken] = 0
    ends = np.flatnonzero(digits < 32)
    is_broken[ends] |= np.diff(ends, prepend=-1) > MAX_DIGITS
    runs = _join_digits(digits, sizes)
    is_wrong = np.zeros(len(sizes), bool)
    is_wrong[owner[is_broken]] = True
    is_wrong[runs.owner[(runs.length < 0) | (runs.length > MAX_PIXELS)]] = True
    return runs, is_wrong


def _digits(counts: Sequence[str]) -> tuple[Int[np.ndarray, " digits"], Int[np.ndarray, " n"]]:
    """The digits of all texts in a row, and how many each has; of a character that is none, some beyond 63."""
    texts = [text.encode("utf-8", errors="surrogatepass") for text in counts]
    sizes = np.array([len(text) for text in texts], np.int64)
    return np.frombuffer(b"".join(texts), np.uint8).astype(np.int64) - 48, sizes


def _join_digits(digits: Int[np.ndarray, " digits"], sizes: Int[np.ndarray, " n"]) -> RunLengths:
    """The lengths that the digits of texts of these sizes spell."""
    if not len(digits):
        return RunLengths(*np.zeros((3, 0), np.int64))
    ends = np.flatnonzero(digits < 32)
    begins = np.concatenate([[0], ends[:-1] + 1])
    place = np.minimum(np.arange(len(digits)) - np.repeat(begins, ends - begins + 1), MAX_DIGITS)
    lengths = np.add.reduceat((digits & 31) << (5 * place), begins)
    lengths -= np.where(digits[ends] & 16, np.int64(1) << (5 * (place[ends] + 1)), 0)
    owner = np.searchsorted(np.cumsum(sizes), ends, side="right")
    position = np.arange(len(ends)) - np.searchsorted(owner, np.arange(len(sizes)))[owner]
    for parity in (0, 1):
        # Whatever a length adds to lies two places before it, so that the two halves are sums of their own.
        lengths[parity::2] = cumulate(lengths[parity::2], position[parity::2] < 3)
    return RunLengths(owner, position, lengths)

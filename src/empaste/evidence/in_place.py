"""Insertion and deletion: what the classifier sees of a class with a segment alone in its place, and without it.

After V. Petsiuk et al.: RISE, BMVC 2018 (insertion and deletion of pixels), asked of whole segments. Everything is
measured in the square that the classifier sees; what is not shown is gray, or the image blurred.

Notes
-----
EM-Paste §3.1 judges a segment by its crop on gray. A classifier that was trained on whole photographs alone has never
seen such a crop; a segment in its place, on what the image looks like from far away, is nearer to what it knows.
"""

from collections.abc import Callable, Iterable, Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, UInt8

from empaste.images import GRAY, mixed
from empaste.squares import SquareFrame, blur_square, fit_square_mask

Square = UInt8[np.ndarray, "side side 3"]


def cover_squares(masks: Iterable[Bool[np.ndarray, "h w"]], side: int) -> Float[np.ndarray, "n side side"]:
    """How much of each pixel of the classifier's square every mask covers, 0 to 1."""
    covers = [fit_square_mask(mask, side) for mask in masks]
    return np.stack(covers) if covers else np.zeros((0, side, side), np.float32)


def _gray(square: Square, _frame: SquareFrame) -> Square:
    return np.full_like(square, GRAY)


FILLS: dict[str, Callable[[Square, SquareFrame], Square]] = {"blur": blur_square, "gray": _gray}
"""What a square shows where no segment is: its image blurred, or gray."""


def show_in_place(
    square: Square, frame: SquareFrame, covers: Float[np.ndarray, "n side side"], fill: str
) -> UInt8[np.ndarray, "m side side 3"]:
    """The image, what ``fill`` makes of it, then each segment alone, then the image without each: ``m = 2 + 2 n``."""
    filled = FILLS[fill](square, frame)
    shown = [mixed(square, filled, cover) for cover in covers]
    hidden = [mixed(filled, square, cover) for cover in covers]
    return np.stack([square, filled, *shown, *hidden])


def insert_and_delete(
    answers: Sequence[Float[np.ndarray, "m c"]],
) -> tuple[Float[np.ndarray, "n c"], Float[np.ndarray, "n c"]]:
    """By how much each segment alone raises every class's logit over nothing, and by how much it falls without it.

    Means over ``answers``, the probabilities of what `show_in_place` gave for each fill; both are high where the
    segment is what the classifier goes by.
    """
    num = len(answers[0]) // 2 - 1
    insertion, deletion = np.zeros((2, num, answers[0].shape[1]))
    for probs in answers:
        logits = logits_of(probs)
        whole, nothing, logits = logits[0], logits[1], logits[2:]
        insertion += (logits[:num] - nothing) / len(answers)
        deletion += (whole - logits[num:]) / len(answers)
    return insertion, deletion


def logits_of(probs: Float[np.ndarray, "m c"]) -> Float[np.ndarray, "m c"]:
    """The logits of probabilities, within ±16."""
    # Probabilities of a sure classifier round to 1; a logit over 16 says no more than 16.
    return np.asarray(torch.logit(torch.from_numpy(probs.astype(np.float64)), eps=1e-7))

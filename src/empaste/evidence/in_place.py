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

from empaste.artifacts.classifier import TrainedClassifier, classify_squares
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


def insert_and_delete(
    classifier: TrainedClassifier,
    square: Square,
    frame: SquareFrame,
    covers: Float[np.ndarray, "n side side"],
    fills: Sequence[str],
    batch_size: int,
) -> tuple[Float[np.ndarray, "n c"], Float[np.ndarray, "n c"]]:
    """By how much each segment alone raises every class's logit over nothing, and by how much it falls without it.

    Means over ``fills``; both are high where the segment is what the classifier goes by.
    """
    insertion = np.zeros((len(covers), len(classifier.class_ids)))
    deletion = np.zeros_like(insertion)
    for fill in fills:
        filled = FILLS[fill](square, frame)
        shown = [mixed(square, filled, cover) for cover in covers]
        hidden = [mixed(filled, square, cover) for cover in covers]
        logits = _logits(classifier, np.stack([square, filled, *shown, *hidden]), batch_size)
        whole, nothing, logits = logits[0], logits[1], logits[2:]
        insertion += (logits[: len(covers)] - nothing) / len(fills)
        deletion += (whole - logits[len(covers) :]) / len(fills)
    return insertion, deletion


def _logits(
    classifier: TrainedClassifier, squares: UInt8[np.ndarray, "n side side 3"], batch_size: int
) -> Float[np.ndarray, "n c"]:
    batches = (squares[start : start + batch_size] for start in range(0, len(squares), batch_size))
    probs = classify_squares(classifier, batches)[0].astype(np.float64)
    # Probabilities of a sure classifier round to 1; a logit over 16 says no more than 16.
    return np.asarray(torch.logit(torch.from_numpy(probs), eps=1e-7))

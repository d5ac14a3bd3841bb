"""The instances in the map of a class: its connected pieces, and what may be more of it."""

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Bool, Float

from empaste.masks import decode_mask, encode_mask
from empaste.refinement.settings import RefineSettings
from empaste.rle import RLE


class Piece(NamedTuple):
    """An instance: its mask, and the mean of the network's map in it, in [0, 1]."""

    mask_rle: RLE
    confidence: float


class Seen(NamedTuple):
    """What is seen of a class: its instances, the largest first, and pixels that may show more of it, if any."""

    pieces: Sequence[Piece]
    void: RLE | None


def find_void(chances: Float[np.ndarray, "h w"], pieces: Sequence[Piece], settings: RefineSettings) -> RLE | None:
    """The pixels with ``chances`` over ``void_threshold`` that lie in none of ``pieces``; None where there are none."""
    left_over = np.asarray(chances > settings.void_threshold)
    for piece in pieces:
        left_over &= ~decode_mask(piece.mask_rle)
    return encode_mask(left_over) if left_over.any() else None


def find_pieces(
    chances: Float[np.ndarray, "h w"], prob: Float[np.ndarray, "h w"], settings: RefineSettings
) -> list[Piece]:
    """The connected pieces of the pixels with ``chances`` over the threshold, the largest first.

    Of two of one size the one that begins higher comes first, of two as high the one farther left. Dropped are pieces
    under ``min_area`` of the image or under ``min_piece`` of the largest; the ``max_instances`` largest of the others
    stay. Their confidence is taken from ``prob``, the network's map. None where no pixel is over the threshold.
    """
    inside = np.asarray(chances > settings.threshold)
    return [Piece(encode_mask(piece), float(prob[piece].mean())) for piece in _large_enough(inside, settings)]


def _large_enough(inside: Bool[np.ndarray, "h w"], settings: RefineSettings) -> list[Bool[np.ndarray, "h w"]]:
    num, labels, statistics, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    areas = statistics[1:, cv2.CC_STAT_AREA]
    least = max(settings.min_area * inside.size, settings.min_piece * areas.max(initial=0))
    order = np.lexsort((statistics[1:, cv2.CC_STAT_LEFT], statistics[1:, cv2.CC_STAT_TOP], -areas))
    kept = [1 + int(number) for number in order if areas[number] >= least][: settings.max_instances]
    assert num == 1 + len(areas)
    return [labels == number for number in kept]

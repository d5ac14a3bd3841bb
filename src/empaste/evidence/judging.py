"""One image's segments judged for every class that it shows: rows of the evidence table."""

from collections.abc import Iterable, Mapping

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, UInt8

from empaste.artifacts.classifier import TrainedClassifier
from empaste.evidence.in_place import cover_squares, insert_and_delete
from empaste.evidence.scoring import (
    Terms,
    cam_overlap,
    coarse_score,
    frame_share,
    score_segments,
    shortlist,
)
from empaste.evidence.settings import EvidenceSettings
from empaste.squares import SquareFrame, fit_square, square_frame

COLUMNS = ["class_id", *Terms._fields, "judged", "score"]


def judge_image(
    classifier: TrainedClassifier,
    image: UInt8[np.ndarray, "h w 3"],
    masks: Iterable[Bool[np.ndarray, "h w"]],
    objectness: Float[np.ndarray, " n"],
    heatmaps: Mapping[int, Float[np.ndarray, "gh gw"]],
    settings: EvidenceSettings,
) -> pd.DataFrame:
    """Rows of `COLUMNS`, by class in the order of ``heatmaps``, then by mask; ``heatmaps`` are keyed by class id.

    ``objectness`` is the proposal source's score of each mask.
    """
    side, weights = classifier.image_size, settings.weights
    frame = square_frame(image.shape[0], image.shape[1], side)
    covers = cover_squares(masks, side)
    unknown = np.full(len(covers), np.nan)
    of_all = (frame_share(covers, frame), objectness, unknown, unknown)
    at_first = {
        class_id: Terms(cam_overlap(covers, _in_square(heatmap, frame, side)), *of_all)
        for class_id, heatmap in heatmaps.items()
    }
    best = [shortlist(coarse_score(terms, weights), settings.num_judged) for terms in at_first.values()]
    judged = np.unique(np.concatenate([*best, np.zeros(0, int)]))
    found = insert_and_delete(
        classifier, fit_square(image, side), frame, covers[judged], settings.fills, settings.batch_size
    )
    tables = []
    for class_id, coarse in at_first.items():
        column = classifier.class_ids.index(class_id)
        insertion, deletion = (_spread(values[:, column], judged, len(covers)) for values in found)
        terms = coarse._replace(insertion=insertion, deletion=deletion)
        in_place = np.isin(np.arange(len(covers)), judged)
        scored = {"class_id": class_id, "judged": in_place, "score": score_segments(terms, weights)}
        tables.append(pd.DataFrame(terms._asdict() | scored)[COLUMNS])
    return pd.concat(tables) if tables else pd.DataFrame(columns=COLUMNS)


def _in_square(heatmap: Float[np.ndarray, "gh gw"], frame: SquareFrame, side: int) -> Float[np.ndarray, "side side"]:
    """The heat map at the square's pixels, nothing outside the image."""
    heat = np.zeros((side, side), np.float32)
    heat[frame.inside] = cv2.resize(heatmap.astype(np.float32), (side, side))[frame.inside]
    return heat


def _spread(values: np.ndarray, at: np.ndarray, num: int) -> Float[np.ndarray, " num"]:
    """``values`` at the places ``at`` of ``num``, NaN elsewhere."""
    spread = np.full(num, np.nan)
    spread[at] = values
    return spread

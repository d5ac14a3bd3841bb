"""One image's segments judged for every class that it shows: rows of the evidence table."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float, Int, UInt8

from empaste.evidence.in_place import cover_squares, show_in_place
from empaste.evidence.reranking import Scene, look_first
from empaste.evidence.scoring import (
    Terms,
    cam_overlap,
    coarse_score,
    frame_share,
    score_segments,
    shortlist,
)
from empaste.evidence.settings import EvidenceSettings, EvidenceWeights
from empaste.squares import SquareFrame, fit_square, square_frame

COLUMNS = ["class_id", *Terms._fields, "judged", "score"]


class Shown(NamedTuple):
    """An image ready to be judged.

    ``terms`` are what is known of all its segments before the classifier is asked, by class id; ``judged`` the places
    of those that are judged in place, and ``squares`` what the classifier sees for them first: of every fill all, or,
    where some are judged again (`reranking`), of the ``scene`` what `look_first` shows.
    """

    terms: dict[int, Terms]
    judged: Int[np.ndarray, " k"]
    squares: list[UInt8[np.ndarray, "m side side 3"]]
    scene: Scene | None = None


def show_image(
    image: UInt8[np.ndarray, "h w 3"],
    masks: Iterable[Bool[np.ndarray, "h w"]],
    objectness: Float[np.ndarray, " n"],
    heatmaps: Mapping[int, Float[np.ndarray, "gh gw"]],
    side: int,
    settings: EvidenceSettings,
) -> Shown:
    """What the classifier, which sees squares of ``side`` pixels, is to be asked of an image.

    ``heatmaps`` are keyed by class id; ``objectness`` is the proposal source's score of each mask.
    """
    frame = square_frame(image.shape[0], image.shape[1], side)
    covers = cover_squares(masks, side)
    unknown = np.full(len(covers), np.nan)
    of_all = (frame_share(covers, frame), objectness, unknown, unknown)
    terms = {
        class_id: Terms(cam_overlap(covers, _in_square(heatmap, frame, side)), *of_all)
        for class_id, heatmap in heatmaps.items()
    }
    best = [shortlist(coarse_score(one, settings.weights), settings.num_judged) for one in terms.values()]
    judged = np.unique(np.concatenate([*best, np.zeros(0, int)]))
    square = fit_square(image, side)
    if settings.num_reranked:
        scene = Scene(square, frame, covers[judged])
        return Shown(terms, judged, [look_first(scene, settings.fills[0])], scene)
    return Shown(terms, judged, [show_in_place(square, frame, covers[judged], fill) for fill in settings.fills])


def judge_image(
    shown: Shown,
    found: tuple[Float[np.ndarray, "k c"], Float[np.ndarray, "k c"]],
    class_ids: Sequence[int],
    weights: EvidenceWeights,
) -> pd.DataFrame:
    """Rows of `COLUMNS`, by class in the order of ``shown.terms``, then by mask.

    ``found`` are insertion and deletion of those of ``shown.judged``, their columns those of ``class_ids``.
    """
    tables = []
    for class_id, coarse in shown.terms.items():
        column, num = class_ids.index(class_id), len(coarse.objectness)
        insertion, deletion = (_spread(values[:, column], shown.judged, num) for values in found)
        terms = coarse._replace(insertion=insertion, deletion=deletion)
        in_place = np.isin(np.arange(num), shown.judged)
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

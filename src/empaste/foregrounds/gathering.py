"""The segments of the images that show one class, gathered from the tables, with what the evidence says of them."""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float, Int

from empaste.artifacts.segments import segment_rles
from empaste.errors import InputError
from empaste.foregrounds.em import Candidates
from empaste.foregrounds.initial import rank_within
from empaste.foregrounds.settings import ForegroundsSettings
from empaste.foregrounds.tables import asks_for_evidence
from empaste.rle import RLE


class SegmentIndex(NamedTuple):
    """The table of segments, and which of its rows belong to which image: ``order[start:stop]`` of its place."""

    table: pd.DataFrame
    image_ids: Int[np.ndarray, " images"]
    order: Int[np.ndarray, " n"]
    start: Int[np.ndarray, " images"]
    stop: Int[np.ndarray, " images"]


class ClassSegments(NamedTuple):
    """One class's images, in order, and the segments of these, by image, with its probability."""

    cams: pd.DataFrame
    candidates: Candidates
    probs: Float[np.ndarray, " n"]
    table: pd.DataFrame
    """All segments; ``candidates.rows`` are rows of it."""

    @property
    def bounds(self) -> Int[np.ndarray, " bounds"]:
        """Where the candidates of each image begin, and where the last ones end."""
        return np.searchsorted(self.candidates.image, np.arange(len(self.cams) + 1))

    def ids(self, at: Int[np.ndarray, " m"] | slice = slice(None)) -> np.ndarray:
        """The ids of the candidates ``at``."""
        ids: np.ndarray = self.table["segment_id"].to_numpy()[self.candidates.rows[at]]
        return ids

    def masks(self, at: Int[np.ndarray, " m"] | slice) -> list[RLE]:
        """The masks of the candidates ``at``."""
        rows = self.candidates.rows[at]
        # Column by column: several columns at once are copied whole, whatever rows are asked for.
        return segment_rles(pd.DataFrame({name: self.table[name].iloc[rows] for name in ("counts", "height", "width")}))


def index_segments(segments: pd.DataFrame) -> SegmentIndex:
    """The rows of each image, images in order of their ids."""
    order = np.argsort(segments["image_id"].to_numpy(), kind="stable")
    image_ids, start = np.unique(segments["image_id"].to_numpy()[order], return_index=True)
    return SegmentIndex(segments, image_ids, order, start, np.append(start[1:], len(order)))


def gather(cams: pd.DataFrame, segments: SegmentIndex, probs: Float[np.ndarray, " n"]) -> ClassSegments:
    """One class's candidates, image after image in the order of ``cams``, all eligible, without evidence."""
    places = np.searchsorted(segments.image_ids, cams["image_id"])
    counts = segments.stop[places] - segments.start[places]
    image = np.repeat(np.arange(len(places)), counts)
    within = np.arange(len(image)) - np.repeat(np.cumsum(counts) - counts, counts)
    rows = segments.order[segments.start[places][image] + within]
    candidates = Candidates(rows, image, np.zeros(len(rows)), np.ones(len(rows), bool))
    return ClassSegments(cams, candidates, np.asarray(probs[rows], float), segments.table)


def evidence_asked_for(evidence: pd.DataFrame | None, settings: ForegroundsSettings) -> pd.DataFrame | None:
    """``evidence`` where something asks for it, else None; `InputError` where it is asked for and is not there."""
    if not asks_for_evidence(settings):
        return None
    if evidence is None:
        raise InputError(
            "foregrounds.initial, evidence_weight or num_best ask for evidence, and there is none; run: dvc repro "
            "evidence, or set them to published, 0 and 0"
        )
    return evidence


def judge(segments: ClassSegments, evidence: pd.DataFrame, num_best: int) -> ClassSegments:
    """The class with what the ``evidence``, of all classes, says of its candidates.

    Of an image, the judged segments are eligible, of these the ``num_best`` (0: all); all, where none is judged.
    """
    class_id = segments.cams["class_id"].iloc[0]
    evidence = evidence[evidence["class_id"] == class_id]
    rows = pd.Index(evidence["segment_id"]).get_indexer(pd.Index(segments.ids()))
    if (rows < 0).any():
        missing = segments.table.iloc[segments.candidates.rows[int(np.argmin(rows))]]
        raise InputError(
            f"data/evidence says nothing of segment {missing['segment_id']} of image {missing['image_id']} for class "
            f"{class_id}; run: dvc repro evidence"
        )
    scores = evidence["score"].to_numpy()[rows]
    image, judged = segments.candidates.image, evidence["judged"].to_numpy()[rows]
    if num_best:
        judged = judged & (rank_within(np.where(judged, -scores, np.inf), image) < num_best)
    judged = judged | (np.bincount(image, judged) == 0)[image]
    return segments._replace(candidates=replace(segments.candidates, evidence=scores, eligible=judged))

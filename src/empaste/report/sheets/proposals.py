"""The segments of the training images."""

import pandas as pd

from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import segment_rles
from empaste.artifacts.tables import file_of
from empaste.images import RGB
from empaste.masks import decode_mask
from empaste.report import drawing
from empaste.report.inputs import Run, read_rows
from empaste.report.sheets.panels import Facts, Group, Panel, Sheet

MAX_SEGMENTS = 80
"""Segments drawn per image; the best by score."""


def proposal_sheet(run: Run) -> Sheet:
    """The segments of the training images, outlined."""
    segments = read_rows(file_of(run.files.segments, Segments), Segments, run.train_ids)
    panels = []
    for image_id in run.train_ids:
        own = segments[segments["image_id"] == image_id]
        image = _draw_segments(run.pixels(image_id), own)
        panels.append(Panel(image, f"{image_id} · {len(own)} segments", facts=Facts(run.names_in(image_id))))
    guide = (
        "Every outline is one class-agnostic segment, a candidate for a foreground. Each object should have one "
        "outline of its own that follows its border; where none does, no later stage can find the object."
    )
    return Sheet("proposals", "Proposals", guide, [Group(panels)])


def best_segments(segments: pd.DataFrame, num: int = MAX_SEGMENTS) -> pd.DataFrame:
    """The ``num`` of ``segments`` (rows of `schemas.proposals.Segments`) with the highest scores, as they are drawn.

    Large ones come first, so that small ones stay visible.
    """
    best = segments.nlargest(num, "score", keep="first")
    return best.sort_values("area", ascending=False, kind="stable")


def _draw_segments(pixels: RGB, segments: pd.DataFrame) -> RGB:
    image = drawing.enlarge(pixels)
    for number, rle in enumerate(segment_rles(best_segments(segments))):
        drawing.draw_mask(image, drawing.enlarge_mask(decode_mask(rle)), drawing.colour_of(number), 0.12)
    return image

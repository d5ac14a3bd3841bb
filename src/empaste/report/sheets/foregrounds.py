"""Class activation maps, and the foreground chosen in every iteration."""

from typing import Any

import numpy as np
import pandas as pd

from empaste.artifacts.arrays import read_array
from empaste.artifacts.chosen_masks import read_by_hand
from empaste.artifacts.coco_records import Annotation
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.tables import file_of, read_from
from empaste.artifacts.truth import IOU50
from empaste.masks import decode_mask
from empaste.report import drawing
from empaste.report.figures import iteration_title, round_title
from empaste.report.inputs import Label, Run, of_label, read_iterations, read_masks, read_rounds, read_rows
from empaste.report.names import isolated
from empaste.report.sheets.panels import Facts, Group, Panel, Sheet
from empaste.rle import RLE

BY_HAND = "by hand"
"""What a mask of a person's decision, which is no segment, is called beside the iterations."""
LEFT_OUT = "not in the pool: under the least probability, or no choice"


GUIDE = (
    "From left to right: where the classifier sees the class (its centre of gravity marked by a cross), Step 1's "
    "choice of a segment, then the choice after each EM iteration. Watch whether wrong choices get corrected. "
)
REDRAWN = "Then what the segmentation network of each round drew. "
JUDGED = (
    f"Green and ✓: right, at an IoU of {IOU50} or more with an instance of the class; red and ✗: wrong. The ground "
    "truth is used for this judgement alone."
)
UNJUDGED = "This data set has no masks for its training images, so right and wrong are left to your eyes."


def foreground_sheet(run: Run) -> Sheet:
    """Per (image, class): the CAM with its centre, then the choice of every iteration, judged where there are masks."""
    cams = read_from(run.files.cams, Cams)
    heatmaps = read_array(run.files.cams / "heatmaps.npy", len(cams), str(file_of(run.files.cams, Cams)), "cams")
    iterations = read_iterations(run.files.foregrounds, run.train_ids)
    pool = read_rows(run.files.foregrounds / "pool.parquet", Foregrounds, run.train_ids)
    segments = read_masks(run.files, [*iterations.values(), pool])
    rounds = read_rounds(run.files.refined)
    by_hand = read_by_hand(run.files.foregrounds)
    drawn = pool[pool["segment_id"].isin([] if by_hand is None else by_hand["segment_id"])]
    groups = []
    for row in np.flatnonzero(cams["image_id"].isin(run.train_ids)):
        cam = cams.iloc[row]
        key = (int(cam["image_id"]), int(cam["class_id"]))
        choices = [_choice(run, number, of_label(table, key), segments, key) for number, table in iterations.items()]
        redrawn = [_redrawn(run, round_title(number), found.get(key, []), key) for number, found in rounds.items()]
        rles = [segments[segment_id] for segment_id in of_label(drawn, key)["segment_id"]]
        mended = [judged_panel(run, BY_HAND, rles, key)] if rles else []
        panels = [_cam_panel(run, cam, heatmaps[row]), *choices, *mended, *redrawn]
        kept = of_label(pool, key)
        heading = f"{key[0]} · {isolated(run.class_names[key[1]])}"
        groups.append(Group(panels, heading, () if len(kept) else (LEFT_OUT,), _facts(run, key, panels[-1], kept)))
    guide = GUIDE + (REDRAWN if rounds else "") + (JUDGED if run.train_truth.outlined else UNJUDGED)
    none = "" if groups else "No training image on these sheets has a labelled class."
    return Sheet("foregrounds", "Class activation and foreground per iteration", guide, groups, none)


def _facts(run: Run, label: Label, last: Panel, kept: pd.DataFrame) -> Facts:
    """Whether the last choice is right, and how sure the pool is of it."""
    right = last.tone == "good" if run.train_truth.outlined else None
    return Facts([run.class_names[label[1]]], right, float(kept["confidence"].iloc[0]) if len(kept) else None)


def _cam_panel(run: Run, cam: "pd.Series[Any]", heat: np.ndarray) -> Panel:
    pixels = run.pixels(int(cam["image_id"]))
    image = drawing.draw_heat(drawing.enlarge(pixels), np.asarray(heat, np.float32))
    if cam["cam_empty"]:
        return Panel(image, f"CAM is empty · p {cam['prob']:.2f}", "bad")
    scale = image.shape[1] / pixels.shape[1]
    drawing.draw_cross(image, cam["centre_x"] * scale, cam["centre_y"] * scale)
    return Panel(image, f"CAM · p {cam['prob']:.2f}")


def _choice(run: Run, number: int, chosen: pd.DataFrame, segments: dict[int, RLE], key: tuple[int, int]) -> Panel:
    """The segments chosen for one (image, class) in one iteration."""
    label = iteration_title(number)
    if chosen.empty:
        return Panel(drawing.enlarge(run.pixels(key[0])), f"{label} · no choice", "bad")
    rles = [segments[segment_id] for segment_id in chosen["segment_id"]]
    return judged_panel(run, f"{label} · p {chosen['prob'].iloc[0]:.2f}", rles, key)


def _redrawn(run: Run, label: str, found: list[Annotation], key: tuple[int, int]) -> Panel:
    """What a round of the refinement drew of one (image, class)."""
    if not found:
        return Panel(drawing.enlarge(run.pixels(key[0])), f"{label} · nothing", "bad")
    sure = f"{label} · sure {found[0].get('score') or 0:.2f}"
    return judged_panel(run, sure, [one["segmentation"] for one in found], key)


def judged_panel(run: Run, caption: str, rles: list[RLE], key: tuple[int, int]) -> Panel:
    """Masks of one (image, class), the first one's verdict in the caption where there is ground truth."""
    image = drawing.enlarge(run.pixels(key[0]))
    masks = [drawing.enlarge_mask(decode_mask(rle)) for rle in rles]
    ious = run.train_truth.best_ious(rles, *key).tolist() if run.train_truth.outlined else [None] * len(rles)
    drawing.dim_outside(image, np.any(masks, axis=0))
    for mask, iou in zip(masks, ious, strict=True):
        drawing.draw_mask(image, mask, _verdict_colour(iou), 0.0)
    if ious[0] is None:
        return Panel(image, caption)
    right = ious[0] >= IOU50
    return Panel(image, f"{caption} · IoU {ious[0]:.2f} {'✓' if right else '✗'}", "good" if right else "bad")


def _verdict_colour(iou: float | None) -> drawing.Colour:
    if iou is None:
        return drawing.NEUTRAL
    return drawing.GOOD if iou >= IOU50 else drawing.BAD

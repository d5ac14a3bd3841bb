"""How the foregrounds of a class get cleaner from iteration to iteration (EM-Paste, Fig. 2 and 6): a block per class.

A column is an image, a row an iteration; after them come the rounds of the refinement, where there are any.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
from jaxtyping import Bool, UInt8

from empaste.artifacts.coco_records import Annotation
from empaste.artifacts.metrics import read_metrics
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.tables import read_table
from empaste.artifacts.truth import IOU50
from empaste.errors import InputError
from empaste.images import RGB
from empaste.layout import HERE, Layout
from empaste.masks import decode_mask, mask_box_xywh
from empaste.paper_figures.choosing import classes_to_show, labels_to_show, middles
from empaste.paper_figures.figure import Drawing, PaperFigure, Wish
from empaste.paper_figures.panels import BLUE, ORANGE, SOFT, Frame, Key, Panel, Row, Words
from empaste.paper_figures.sheets import draw_rows
from empaste.report.drawing import enlarge, enlarge_mask
from empaste.report.figures import find, iteration_title, round_title
from empaste.report.inputs import Label, Run, evenly_spaced, of_label, read_iterations, read_masks, read_rounds
from empaste.rle import RLE

NUM, NUM_IMAGES = 2, 8
"""Classes, and images of a class, where no number is asked for."""
ROOM = 0.15
"""What a crop shows around its foreground, as a share of its longer side."""
SIDE = 320
"""Pixels: the side of a crop."""
KEPT, LEFT_OUT, RIGHT, WRONG = (
    Key(Frame(SOFT), "kept"), Key(Frame(SOFT, dashed=True), "left out"),
    Key(Frame(BLUE), f"right (IoU of at least {IOU50})"), Key(Frame(ORANGE), "wrong"),
)  # fmt: skip
FADED = 0.8
"""How far pixels beside a foreground, and foregrounds that were left out, are moved towards white."""


class Choices(NamedTuple):
    """What every iteration and round chose in the images that are shown, and of what was judged how much was right."""

    iterations: Mapping[int, pd.DataFrame]
    pool: pd.DataFrame
    rounds: Mapping[int, Mapping[Label, Sequence[Annotation]]]
    masks: Mapping[int, RLE]
    metrics: Mapping[str, Any]


def draw_iterations(files: Layout, wish: Wish) -> Drawing:
    """Per class and iteration the chosen segments of the same images, faded where the iteration leaves them out.

    An iteration keeps the inliers of its M-step; the last one what comes into the pool. Half of the images are such
    whose choice changes. Where the training split has masks, frames say what is right at `IOU50`.
    """
    run = Run(files, 0)
    labels = labels_to_show(run, wish)
    class_ids = [one for one in classes_to_show(run, wish) if (labels["class_id"] == one).any()]
    shown_classes = class_ids if wish.class_names and not wish.num else evenly_spaced(class_ids, wish.num or NUM)
    tables = read_iterations(files.foregrounds, labels["image_id"].unique().tolist())
    shown = {class_id: _images(tables, class_id, bool(wish.image_ids)) for class_id in shown_classes}
    if not any(shown.values()):
        raise InputError(f"{files.foregrounds} holds no choice in these images; run: dvc repro foregrounds")
    choices = _read(run, tables, sorted({image_id for ids in shown.values() for image_id in ids}))
    rows = [row for class_id, ids in shown.items() if ids for row in _block(run, choices, class_id, ids)]
    named = ", ".join(run.class_names[class_id] for class_id, ids in shown.items() if ids)
    keys = [KEPT, LEFT_OUT, RIGHT, WRONG] if run.train_truth.outlined else [KEPT, LEFT_OUT]
    return Drawing(draw_rows(rows, keys), f"Step 1 and {len(tables) - 1} iterations: {named}")


def _images(tables: Mapping[int, pd.DataFrame], class_id: int, all_of_them: bool) -> list[int]:
    """Up to `NUM_IMAGES` images with a choice of the class: first those whose choice changes, at most half of all."""
    chosen = pd.concat([table[table["class_id"] == class_id] for table in tables.values()])
    changes = chosen.groupby("image_id")["segment_id"].nunique() > 1
    changing, same = changes.index[changes].tolist(), changes.index[~changes].tolist()
    if all_of_them:
        return [*changing, *same]
    num_changing = max(NUM_IMAGES // 2, NUM_IMAGES - len(same))
    first = middles(changing, num_changing)
    return [*first, *middles(same, NUM_IMAGES - len(first))]


def _read(run: Run, tables: Mapping[int, pd.DataFrame], image_ids: list[int]) -> Choices:
    files = run.files
    path = files.metrics / "foregrounds.json"
    return Choices(
        tables,
        read_table(files.foregrounds / "pool.parquet", Foregrounds),
        read_rounds(files.refined),
        read_masks(files, tables.values()),
        {"foregrounds": read_metrics(path)} if path.exists() else {},
    )


def _block(run: Run, choices: Choices, class_id: int, image_ids: Sequence[int]) -> Iterator[Row]:
    """The rows of a class, the first of them under its name."""
    name = run.class_names[class_id]
    head = Row((), lines=[[Words(name, bold=True)]], titles=[f"image {image_id}" for image_id in image_ids])
    for number, table in choices.iterations.items():
        last = number == max(choices.iterations)
        panels = [_chosen(run, choices, table, (image_id, class_id), last) for image_id in image_ids]
        label = f"{iteration_title(number)}{' (pool)' * last}\n{_kept(choices, table, class_id, last)}"
        right = find(choices.metrics, "foregrounds", "per_class", name, "precision50", f"iter_{number}")
        yield replace(head, panels=panels, label=label + ("" if right is None else f"\n{right:.0f} % right"))
        head = Row(())
    for number, found in choices.rounds.items():
        redrawn = [_redrawn(run, found.get((image_id, class_id), []), (image_id, class_id)) for image_id in image_ids]
        yield Row(redrawn, round_title(number))


def _kept(choices: Choices, table: pd.DataFrame, class_id: int, last: bool) -> str:
    own = table[table["class_id"] == class_id]
    if not last:
        return f"{int(own['inlier'].sum())} of {len(own)} kept"
    pool = choices.pool[(choices.pool["class_id"] == class_id) & (choices.pool["instance"] == 0)]
    return f"{len(pool)} of {len(own)} kept"


def _chosen(run: Run, choices: Choices, table: pd.DataFrame, label: Label, last: bool) -> Panel | None:
    """The segment that an iteration chose for a label; None where it chose none."""
    row = of_label(table, label)
    if row.empty:
        return None
    kept = len(of_label(choices.pool, label)) > 0 if last else bool(row["inlier"].iloc[0])
    return _crop_panel(run, choices.masks[int(row["segment_id"].iloc[0])], label, kept)


def _redrawn(run: Run, found: Sequence[Annotation], label: Label) -> Panel | None:
    """What a round of the refinement drew of a label first; None where it drew nothing."""
    return _crop_panel(run, found[0]["segmentation"], label, True) if found else None


def _crop_panel(run: Run, rle: RLE, label: Label, kept: bool) -> Panel:
    image, colour = crop(run.pixels(label[0]), decode_mask(rle), kept), SOFT
    if label[0] in run.train_truth.outlined:
        right = run.train_truth.best_ious([rle], *label)[0] >= IOU50
        colour = BLUE if right else ORANGE
    return Panel(image, frame=Frame(colour, dashed=not kept))


def crop(pixels: RGB, mask: Bool[np.ndarray, "h w"], kept: bool) -> RGB:
    """The square around ``mask``, which is not empty, with all else faded; what is not ``kept`` is faded, too.

    It is `SIDE` pixels wide and high, and white beyond the image.
    """
    x, y, width, height = mask_box_xywh(mask)
    side = max(1, round(max(width, height) * (1 + 2 * ROOM)))
    left, top = x + (width - side) // 2, y + (height - side) // 2
    box = slice(top + side, top + 2 * side), slice(left + side, left + 2 * side)
    image = enlarge(_padded(pixels, side, 255)[box], SIDE)
    inside = enlarge_mask(_padded(mask.view(np.uint8), side, 0)[box].astype(bool), SIDE)
    return np.where(inside[..., None], image if kept else whitened(image, 0.5), whitened(image, FADED))


def _padded(image: UInt8[np.ndarray, "..."], margin: int, value: int) -> UInt8[np.ndarray, "..."]:
    around = cv2.copyMakeBorder(image, margin, margin, margin, margin, cv2.BORDER_CONSTANT, value=(value,) * 3)
    return np.asarray(around)


def whitened(image: RGB, share: float) -> RGB:
    """``image`` moved towards white."""
    return cv2.addWeighted(image, 1 - share, np.full_like(image, 255), share, 0)


def _needs(wish: Wish) -> tuple[Path, ...]:
    return HERE.images, HERE.labels, HERE.train_truth, HERE.segments, HERE.foregrounds


FIGURE = PaperFigure("2, 6", draw_iterations, _needs, frozenset({"image", "class", "num"}))

"""Proposals, class activation map and choice, image by image (EM-Paste, Fig. 1 and 5): a row per label."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float
from matplotlib.colors import to_hex

from empaste.artifacts.arrays import read_array
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import segment_rles
from empaste.artifacts.tables import file_of, read_from
from empaste.errors import InputError
from empaste.images import RGB
from empaste.layout import HERE, Layout
from empaste.masks import decode_mask
from empaste.paper_figures.choosing import labels_to_show, spread_labels
from empaste.paper_figures.figure import Drawing, PaperFigure, Wish
from empaste.paper_figures.panels import BLUE, ORANGE, Cross, Outline, Panel, Row
from empaste.paper_figures.sheets import draw_rows
from empaste.report.drawing import colour_of, dim_outside, draw_heat
from empaste.report.inputs import Label, Run, of_label, read_iterations, read_masks, read_rows
from empaste.report.sheets.proposals import best_segments
from empaste.rle import RLE

NUM = 4
"""Rows, where no number is asked for."""
TITLES = ("image", "proposals", "activation map", "Step 1", "F-EM")


class Found(NamedTuple):
    """What the stages found in the images that are shown."""

    cams: pd.DataFrame
    heatmaps: Float[np.ndarray, "n h w"]
    segments: pd.DataFrame
    first: pd.DataFrame
    last: pd.DataFrame
    pool: pd.DataFrame
    masks: dict[int, RLE]


def draw_choice(files: Layout, wish: Wish) -> Drawing:
    """Per label: the image, its proposals, the class's activation map with its centre, what Step 1 and F-EM chose.

    Without a wish, rows alternate between labels whose choice F-EM changed and labels where it kept Step 1's.
    """
    run = Run(files, 0)
    rows = labels_to_show(run, wish)
    wanted: list[Label] = list(zip(rows["image_id"].tolist(), rows["class_id"].tolist(), strict=True))
    first, last = read_ends(files.foregrounds, sorted({image_id for image_id, _ in wanted}))
    num = wish.num or (len(wanted) if wish.image_ids else NUM)
    shown = spread_labels(wanted, _changed(first, last), num)
    found = _read(files, sorted({image_id for image_id, _ in shown}), first, last)
    sheet = [_row(run, found, label) for label in shown]
    sheet[0] = Row(sheet[0].panels, sheet[0].label, titles=TITLES)
    named = ", ".join(f"{run.class_names[class_id]} in image {image_id}" for image_id, class_id in shown)
    return Drawing(draw_rows(sheet), f"{TITLES[1]}, {TITLES[2]} and choices: {named}")


def read_ends(folder: Path, image_ids: list[int]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The choices of Step 1 and of the last iteration in ``image_ids``; `InputError` where ``folder`` has none."""
    tables = read_iterations(folder, image_ids)
    if 0 not in tables:
        raise InputError(f"{folder} holds no iter_0.parquet; run: dvc repro foregrounds")
    return tables[0], tables[max(tables)]


def _changed(first: pd.DataFrame, last: pd.DataFrame) -> set[Label]:
    """The labels for which the last iteration has another segment than the first."""
    both = first.merge(last, on=["image_id", "class_id"], suffixes=("", "_last"))
    other = both[both["segment_id"] != both["segment_id_last"]]
    return set(zip(other["image_id"].tolist(), other["class_id"].tolist(), strict=True))


def _read(files: Layout, image_ids: list[int], first: pd.DataFrame, last: pd.DataFrame) -> Found:
    cams = read_from(files.cams, Cams)
    pool = read_rows(files.foregrounds / "pool.parquet", Foregrounds, image_ids)
    return Found(
        cams,
        read_array(files.cams / "heatmaps.npy", len(cams), str(file_of(files.cams, Cams)), "cams"),
        read_rows(file_of(files.segments, Segments), Segments, image_ids),
        first,
        last,
        pool,
        read_masks(files, [first, last, pool]),
    )


def _row(run: Run, found: Found, label: Label) -> Row:
    image_id, class_id = label
    pixels = run.pixels(image_id)
    first, last, pool = (of_label(table, label) for table in (found.first, found.last, found.pool))
    dropped = "" if len(pool) else ", not in the pool"
    panels = [
        Panel(pixels, caption=f"image {image_id}"),
        _proposals(pixels, found.segments[found.segments["image_id"] == image_id]),
        _activation(pixels, found, label),
        _chosen(pixels, first, found.masks, ORANGE, ""),
        _chosen(pixels, pool if len(pool) else last, found.masks, BLUE, dropped),
    ]
    return Row(panels, run.class_names[class_id])


def _proposals(pixels: RGB, segments: pd.DataFrame) -> Panel:
    """The outlines of the best proposals, large ones first, so that small ones stay visible."""
    best = best_segments(segments)
    masks = map(decode_mask, segment_rles(best))
    marks = [Outline(mask, _colour(number), 0.15, thin=True) for number, mask in enumerate(masks)]
    of = f"the best {len(best)} of " if len(best) < len(segments) else ""
    return Panel(pixels, marks, f"{of}{len(segments)} segments")


def _colour(number: int) -> str:
    """The report's colour of a segment, as matplotlib writes it."""
    red, green, blue = colour_of(number)
    return to_hex((red / 255, green / 255, blue / 255))


def _activation(pixels: RGB, found: Found, label: Label) -> Panel:
    rows = np.flatnonzero((found.cams["image_id"] == label[0]) & (found.cams["class_id"] == label[1]))
    if not len(rows):
        return Panel(None, text="no activation map")
    cam = found.cams.iloc[rows[0]]
    image = draw_heat(pixels, np.asarray(found.heatmaps[rows[0]], np.float32))
    if cam["cam_empty"]:
        return Panel(image, caption=f"empty, p {cam['prob']:.2f}")
    return Panel(image, [Cross(cam["centre_x"], cam["centre_y"])], f"p {cam['prob']:.2f}")


def _chosen(pixels: RGB, rows: pd.DataFrame, masks: dict[int, RLE], colour: str, remark: str) -> Panel:
    """The chosen segments, of which there is one unless the pool holds further instances."""
    if rows.empty:
        return Panel(None, text="no segment to choose")
    image = pixels.copy()
    chosen = [decode_mask(masks[segment_id]) for segment_id in rows["segment_id"]]
    dim_outside(image, np.any(chosen, axis=0))
    return Panel(image, [Outline(mask, colour) for mask in chosen], f"p {rows['prob'].iloc[0]:.2f}{remark}")


def _needs(wish: Wish) -> tuple[Path, ...]:
    return HERE.images, HERE.labels, HERE.segments, HERE.cams, HERE.foregrounds


FIGURE = PaperFigure(
    "1, 5",
    draw_choice,
    _needs,
    frozenset({"image", "class", "num"}),
)

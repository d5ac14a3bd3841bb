"""Space-maximize paste, step by step (EM-Paste, Fig. 3): a row per background.

The composites are made by `empaste.paste` itself, seeded as the stage seeds them, and the circles are those in which it
put the objects. Where the run pastes otherwise, the figure shows what this placement makes of the same pool.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np
from jaxtyping import Float, Integer

from empaste.artifacts.fields import listed
from empaste.errors import InputError
from empaste.images import RGB
from empaste.layout import HERE, Layout
from empaste.masks import decode_mask
from empaste.paper_figures.choosing import classes_to_show, labels_to_show, middles, spread
from empaste.paper_figures.figure import Drawing, PaperFigure, Wish
from empaste.paper_figures.panels import BLUE, ORANGE, Outline, Panel, Ring, Row
from empaste.paper_figures.sheets import draw_rows
from empaste.paste import PLACEMENTS
from empaste.paste.compose import Composite, paste_on
from empaste.paste.gathering import Gathered, gather
from empaste.paste.placement import Circle, Placement, Pose, enclosing_circle, free_distances
from empaste.paste.pool import Canvas
from empaste.paste.settings import PasteSettings
from empaste.report.inputs import Run
from empaste.scaleout import map_items
from empaste.settings import load_settings

NUM = 3
"""Rows, where no number is asked for."""
NAME = "space_maximize"


class Step(NamedTuple):
    """The map of instances before an object was pasted, 0 where free, and the circle in which it was put."""

    ids: Integer[np.ndarray, "h w"]
    circle: Circle


def draw_space_maximize(files: Layout, wish: Wish) -> Drawing:
    """Per background: its objects, for every paste the free distance and its largest circle, and the composite.

    Without a wish, the last row is a synthesised background, where there is one; the others are originals.
    """
    settings = load_settings(files.params, "paste", PasteSettings).model_copy(update={"placement": NAME})
    gathered = gather(settings, files, "figures", partial(map_items, what="cut out"))
    shown = _canvases(Run(files, 0), gathered.canvases, wish)
    rows = [_row(one, gathered, settings) for one in shown]
    num_steps = settings.n_p_range[1]
    titles = ("background", *(f"free space {number}" for number in range(1, num_steps + 1)), "composite")
    rows[0] = Row(rows[0].panels, rows[0].label, titles=titles)
    named = ", ".join(_called(one) for one in shown)
    return Drawing(draw_rows(rows), f"up to {num_steps} foregrounds pasted on {named}")


def _canvases(run: Run, canvases: Sequence[Canvas], wish: Wish) -> list[Canvas]:
    """What is pasted on in the rows; `InputError` where an image that is asked for holds no foreground."""
    originals = {one.source_id: one for one in canvases if one.kind == "original" and one.pasted_on and one.copy == 0}
    for image_id in wish.image_ids:
        if image_id not in originals:
            raise InputError(
                f"--image is {image_id}, but the pool of paste has no foreground in it, so that nothing is pasted on "
                f"it; choose from {listed(list(originals), 8)}"
            )
    allowed = set(labels_to_show(run, wish)["image_id"])
    groups = [
        [one for image_id, one in originals.items() if image_id in allowed and one.own[0].class_id == class_id]
        for class_id in classes_to_show(run, wish)
    ]
    num = wish.num or len(wish.image_ids) or NUM
    synthesised = [] if wish.image_ids or wish.class_names else [one for one in canvases if one.kind == "background"]
    last = middles(synthesised, 1 if num > 1 else 0)
    shown = spread(middles([group for group in groups if group], num), num - len(last)) + last
    if not shown:
        raise InputError(f"the pool of paste has no foreground of {', '.join(wish.class_names)}; choose another class")
    return shown


def watch_paste(canvas: Canvas, cutouts: Path, settings: PasteSettings) -> tuple[Composite, list[Step]]:
    """The composite on ``canvas`` as `compose` makes it, and every placement on the way."""
    steps: list[Step] = []
    real = PLACEMENTS[settings.placement]

    def place(
        hull_xy: Float[np.ndarray, "k 2"],
        ids: Integer[np.ndarray, "h w"],
        rng: np.random.Generator,
        options: PasteSettings,
    ) -> Pose | None:
        pose = real.place(hull_xy, ids, rng, options)
        if pose is not None:
            steps.append(Step(ids.copy(), enclosing_circle(hull_xy).posed(pose)))
        return pose

    watched = {str(settings.placement): Placement(place, real.in_mixed)}
    return paste_on(canvas.read_rgb(), canvas, cutouts, settings, watched), steps


def _row(canvas: Canvas, gathered: Gathered, settings: PasteSettings) -> Row:
    composite, steps = watch_paste(canvas, gathered.cutouts, settings)
    own = [Outline(decode_mask(one.mask_rle), ORANGE, 0.2) for one in canvas.own]
    panels: list[Panel | None] = [Panel(canvas.read_rgb(), own, _called(canvas))]
    panels += [_step_panel(step, composite.image) for step in steps]
    panels += [None] * (settings.n_p_range[1] - len(steps))
    pasted = [one for one in composite.annotations if one["source"] == "pasted"]
    outlines = [
        Outline(decode_mask(one["segmentation"]), BLUE if one["source"] == "pasted" else ORANGE)
        for one in composite.annotations
    ]
    return Row([*panels, Panel(composite.image, outlines, f"{len(pasted)} pasted")])


def _called(canvas: Canvas) -> str:
    return f"{'image' if canvas.kind == 'original' else 'background'} {canvas.source_id}"


def _step_panel(step: Step, composite: RGB) -> Panel:
    """How far each free pixel is from what is taken, the objects that are there already, and the largest circle."""
    distances = free_distances(step.ids)
    level = np.round(255 * distances / max(float(distances.max()), 1e-6)).astype(np.uint8)
    heat = cv2.cvtColor(cv2.applyColorMap(level, cv2.COLORMAP_VIRIDIS), cv2.COLOR_BGR2RGB)
    image = np.where((step.ids != 0)[..., None], composite, heat)
    x, y, radius = step.circle
    return Panel(image, [Ring(x, y, radius)], f"r = {radius:.1f} px")


def _needs(wish: Wish) -> tuple[Path, ...]:
    return HERE.images, HERE.labels, HERE.segments, HERE.foregrounds, HERE.backgrounds


FIGURE = PaperFigure("3", draw_space_maximize, _needs, frozenset({"image", "class", "num"}))

"""What composites are made of: read from the artifacts of earlier stages, checked, and cut out."""

import sys
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
from jaxtyping import Float

from empaste.artifacts.coco import read_coco
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.prepare import Classes
from empaste.artifacts.tables import read_from
from empaste.artifacts.work import remove_other_work, work_folder
from empaste.layout import Layout
from empaste.paste import SELECTIONS
from empaste.paste.cutouts import MapOriginals, cut_out
from empaste.paste.foregrounds import Foreground, check_classes
from empaste.paste.pool import Canvas, list_canvases, list_originals, list_synthesised, void_regions
from empaste.paste.sampling import columns_of, write_draws
from empaste.paste.settings import PasteSettings
from empaste.paste.sources import SOURCES


class Gathered(NamedTuple):
    """What composites are made of, and the folder for unfinished work, with the cutouts where anything is pasted."""

    classes: pd.DataFrame
    pool: list[Foreground]
    canvases: list[Canvas]
    work: Path

    @property
    def cutouts(self) -> Path:
        """The folder of the pools of cutouts and of the shares that they are drawn by."""
        return self.work / "cutouts"


def gather(settings: PasteSettings, places: Layout, called: str, map_originals: MapOriginals) -> Gathered:
    """Everything that composing needs from ``places``, cut out into ``.work/called``, where other work is removed.

    ``map_originals`` maps a function over the images to cut out from. `InputError` where an artifact is missing, does
    not fit the others, or holds nothing to paste.
    """
    classes = read_from(places.labels, Classes)
    source = SOURCES[settings.foregrounds]
    pool = source.read(settings, places)
    check_classes(pool, classes)
    void = void_regions(read_coco(source.outlines(places))) if source.outlines else {}
    originals = list_originals(pool, read_image_paths(places.images, "train"), places.images, void)
    work = _open_work(settings, places, called)
    if settings.placement == "none":
        return Gathered(classes, pool, originals, work)
    synthesised = list_synthesised(read_from(places.backgrounds, Backgrounds), places.backgrounds)
    canvases = list_canvases(originals, synthesised, settings.duplicate_originals, settings.keep_originals)
    gathered = Gathered(classes, pool, canvases, work)
    return gathered._replace(pool=_cut_out(gathered.cutouts, originals, settings, map_originals))


def _open_work(settings: PasteSettings, places: Layout, called: str) -> Path:
    inputs = [
        places.images, places.labels, places.segments, places.foregrounds, places.refined, places.backgrounds,
        places.train_truth,
    ]  # fmt: skip
    work = work_folder("paste", settings, inputs, called=called)
    remove_other_work(work)
    return work


def _cut_out(
    folder: Path, originals: list[Canvas], settings: PasteSettings, map_originals: MapOriginals
) -> list[Foreground]:
    """``folder`` holds the pools of cutouts and what they are drawn by; returns the foregrounds in them."""
    pool = cut_out(folder, originals, settings.blending, map_originals)
    weights = SELECTIONS[settings.selection](columns_of(pool), settings)
    _warn_of_even_weights(weights, settings)
    write_draws(folder, weights)
    return pool


def _warn_of_even_weights(weights: Float[np.ndarray, " n"], settings: PasteSettings) -> None:
    if settings.selection == "repeat_factor" and weights.min() == weights.max():
        print(
            f"WARNING: paste.repeat_threshold is {settings.repeat_threshold}, by which no foreground is repeated more "
            "than others: the pool is drawn from uniformly; set it between the classes' shares of the images",
            file=sys.stderr,
        )

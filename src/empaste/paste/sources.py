"""The foregrounds that ``paste.foregrounds`` names, read from their files: a new source is one function and one line.

The masks of the training split are opened for the sources that name them alone.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from empaste.artifacts.chosen_masks import read_chosen_masks
from empaste.artifacts.coco import read_coco
from empaste.artifacts.file_index import same_file
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.segments import chosen_rows, segment_rles
from empaste.artifacts.tables import read_from, read_table
from empaste.errors import InputError
from empaste.layout import Layout, in_main_repository
from empaste.paste.foreground_file import read_foreground_file
from empaste.paste.foregrounds import Foreground, annotated_instances, instances_found
from empaste.paste.settings import PasteSettings


class Source(NamedTuple):
    """Where foregrounds are read from: ``read(settings, places)`` gives them in painting order.

    `InputError` where there is none. ``outlines(places)`` is the COCO file whose void pixels, crowds and objects
    without a mask are void in the originals; None where no file says which these are.
    """

    read: Callable[[PasteSettings, Layout], list[Foreground]]
    outlines: Callable[[Layout], Path] | None = None


def read_fem(settings: PasteSettings, places: Layout) -> list[Foreground]:
    """The final pool of F-EM."""
    return _read_segments(_pool(places), places)


def read_step1(settings: PasteSettings, places: Layout) -> list[Foreground]:
    """What F-EM's first step chose."""
    return _read_segments(places.foregrounds / "iter_0.parquet", places)


def read_refined(settings: PasteSettings, places: Layout) -> list[Foreground]:
    """The foregrounds of the last round of the refinement."""
    pool = _refined_pool(places)
    trouble = (
        f"{pool} holds no foreground, so paste.foregrounds cannot be refined; set refine.rounds to 1 or more and run: "
        "dvc repro, or set paste.foregrounds to fem"
    )
    return _some(annotated_instances(read_coco(pool)), trouble)


def read_truth(settings: PasteSettings, places: Layout) -> list[Foreground]:
    """The annotated instances of the training split."""
    truth = places.train_truth
    trouble = f"{truth} holds no instance mask, so paste.foregrounds cannot be gt; set it to fem or step1"
    return _some(annotated_instances(read_coco(truth)), trouble)


def read_truth_found(settings: PasteSettings, places: Layout) -> list[Foreground]:
    """The annotated instances of the training split that F-EM's final pool meets."""
    found, truth = read_fem(settings, places), places.train_truth
    trouble = f"{_pool(places)} meets no instance of {truth}, so paste.foregrounds cannot be gt_and_fem; set it to fem"
    return _some(instances_found(annotated_instances(read_coco(truth)), found), trouble)


def read_file(settings: PasteSettings, places: Layout) -> list[Foreground]:
    """The instances of ``foregrounds_file`` that the images' labels allow; what else it holds is told on stderr."""
    file = in_main_repository(str(settings.foregrounds_file))
    _refuse_truth(file, places.train_truth)
    found = read_foreground_file(
        file,
        read_from(places.images, Images),
        read_from(places.labels, Labels),
        read_from(places.labels, Classes),
    )
    print(f"paste: {found.said}", file=sys.stderr)
    for line in found.warnings:
        print(f"WARNING: {file}: {line}", file=sys.stderr)
    if found.left_out:
        counts = ", ".join(f"{name} ({count})" for name, count in found.left_out.most_common())
        print(
            f"WARNING: {file}: {sum(found.left_out.values())} instances are left out, since the labels of their images "
            f"do not name them: {counts}",
            file=sys.stderr,
        )
    return found.foregrounds


def _pool(places: Layout) -> Path:
    return places.foregrounds / "pool.parquet"


def _refined_pool(places: Layout) -> Path:
    return places.refined / "pool.json"


def _truth(places: Layout) -> Path:
    return places.train_truth


SOURCES = {
    "fem": Source(read_fem),
    "step1": Source(read_step1),
    "refined": Source(read_refined, _refined_pool),
    "gt": Source(read_truth, _truth),
    "gt_and_fem": Source(read_truth_found, _truth),
    "file": Source(read_file),
}


def _read_segments(table: Path, places: Layout) -> list[Foreground]:
    chosen = read_table(table, Foregrounds)
    trouble = f"{table} holds no foreground; lower foregrounds.min_prob or proposals.min_area and run: dvc repro"
    return _some(chosen_segments(chosen, read_chosen_masks(places.segments, places.foregrounds)), trouble)


def chosen_segments(chosen: pd.DataFrame, segments: pd.DataFrame) -> list[Foreground]:
    """The foregrounds that ``chosen`` (rows of `schemas.foregrounds.Foregrounds`) picks from ``segments``.

    Those are rows of `schemas.proposals.Segments`.
    """
    rows = chosen_rows(chosen, segments).sort_values(
        ["image_id", "area", "prob", "segment_id", "class_id"], ascending=[True, False, True, True, True]
    )
    return [
        Foreground(row["image_id"], row["class_id"], row["segment_id"], "segment_id", rle, row["confidence"])
        for row, rle in zip(rows.to_dict("records"), segment_rles(rows), strict=True)
    ]


def _some(foregrounds: list[Foreground], trouble: str) -> list[Foreground]:
    if not foregrounds:
        raise InputError(trouble)
    return foregrounds


def _refuse_truth(file: Path, truth: Path) -> None:
    """`InputError` where ``file`` is the ground truth of the training split, or a copy of it."""
    if same_file(file, truth):
        raise InputError(
            f"paste.foregrounds_file is {file}, the ground truth of the training split; give another file, or, to "
            "study how much perfect extraction would gain, set paste.foregrounds to gt"
        )

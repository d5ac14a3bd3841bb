"""``data/composites`` holds images with pasted foregrounds and annotations of exactly what is visible (EM-Paste §3)."""

import filecmp
import sys
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import pandas as pd
import typer

from empaste.artifacts.coco import read_coco
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table
from empaste.artifacts.work import remove_other_work, remove_work, work_folder
from empaste.errors import InputError
from empaste.layout import HERE, in_main_repository
from empaste.paste import SELECTIONS
from empaste.paste.compose import Recipe, compose_encoded
from empaste.paste.composites import class_shares, summarise, write_composites
from empaste.paste.cutouts import cut_out
from empaste.paste.foreground_file import read_foreground_file
from empaste.paste.pool import Background, list_items, list_originals, list_synthesised, void_regions
from empaste.paste.sampling import list_candidates, write_draws
from empaste.paste.settings import PasteSettings
from empaste.paste.sources import Foreground, annotated_instances, check_classes, chosen_segments, instances_found
from empaste.scaleout import map_items
from empaste.settings import load_settings
from stages.runner import stage

if TYPE_CHECKING:
    from empaste.paste.online import OnlineComposites


@stage("paste")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    segments: Path = HERE.segments,
    foregrounds: Path = HERE.foregrounds,
    backgrounds: Path = HERE.backgrounds,
    ground_truth: Path = HERE.train_truth,
    out: Path = HERE.composites,
    metrics: Path = HERE.metrics / "paste.json",
    plot: Path = HERE.plots / "paste.csv",
    params: Path = HERE.params,
) -> None:
    """Paste foregrounds on the originals that hold some and on the selected backgrounds. Goes on where it stopped."""
    settings = load_settings(params, "paste", PasteSettings)
    read = _gather(settings, "paste", images, labels, segments, foregrounds, backgrounds, ground_truth)
    function = partial(
        compose_encoded, cutouts=read.work / "cutouts", recipe=_recipe(settings), jpeg_quality=settings.jpeg_quality
    )
    with whole_directory(out) as folder:
        compose_all = partial(map_items, function, what="compose")
        total = write_composites(folder, read.work, read.items, compose_all, read.classes)
    summary = summarise(total, read.pool, read.classes)
    write_json(metrics, summary)
    write_whole(plot, class_shares(summary).to_csv(index=False, float_format="%.3f").encode())
    remove_work(read.work)
    _warn_of_missing(summary["foregrounds_per_class"])


def open_online(root: Path = Path()) -> tuple["OnlineComposites", dict[int, int]]:
    """The composites as a torch data set with new ones every epoch, of the pipeline's run in ``root``.

    For trainings of one's own. By the section paste of ``root``'s params.yaml; ``data/composites`` is not needed. Also
    returned: per class id the label, from 1 in the order of ids. The cutouts lie in ``.work/online``.
    """
    from empaste.paste.online import OnlineComposites

    settings = load_settings(root / "params.yaml", "paste", PasteSettings)
    data = root / "data"
    read = _gather(settings, "online", data / "images", data / "labels", data / "segments", data / "foregrounds",
                   data / "backgrounds", data / "ground_truth" / "train.json")  # fmt: skip
    labels = {int(class_id): place for place, class_id in enumerate(sorted(read.classes["class_id"]), start=1)}
    return OnlineComposites(read.items, read.work / "cutouts", _recipe(settings)), labels


class Gathered(NamedTuple):
    """What composites are made of, and the folder for unfinished work, with the cutouts where anything is pasted."""

    classes: pd.DataFrame
    pool: list[Foreground]
    items: list[Background]
    work: Path


def _gather(
    settings: PasteSettings,
    name: str,
    images: Path,
    labels: Path,
    segments: Path,
    foregrounds: Path,
    backgrounds: Path,
    ground_truth: Path,
) -> Gathered:
    """Everything that composing needs, read, checked, and cut out into ``.work/name``."""
    classes = read_table(labels / "classes.parquet", Classes)
    file = _foregrounds_file(settings, ground_truth)
    if file:
        pool = _read_file(file, images, labels)
    else:
        pool = _read_foregrounds(settings.foregrounds, foregrounds, segments, ground_truth)
    check_classes(pool, classes)
    reads_truth = "gt" in settings.foregrounds
    void = void_regions(read_coco(ground_truth)) if reads_truth else {}
    originals = list_originals(pool, read_table(images / "images.parquet", Images), images, void)
    inputs = [images, labels, segments, foregrounds, backgrounds, ground_truth]
    work = work_folder("paste", settings.model_dump(), inputs, called=name)
    remove_other_work(work)
    if settings.placement == "none":
        return Gathered(classes, pool, originals, work)
    synthesised = list_synthesised(read_table(backgrounds / "backgrounds.parquet", Backgrounds), backgrounds)
    items = list_items(originals, synthesised, settings.duplicate_originals, settings.keep_originals)
    return Gathered(classes, _write_cutouts(work / "cutouts", originals, settings), items, work)


def _write_cutouts(folder: Path, originals: list[Background], settings: PasteSettings) -> list[Foreground]:
    """``folder`` holds the pools of cutouts and what they are drawn by; returns the foregrounds in them."""
    pool = cut_out(folder, originals, settings.blending, partial(map_items, what="cut out"))
    weights = SELECTIONS[settings.selection](
        list_candidates(pool),
        repeat_threshold=settings.repeat_threshold,
        confidence_temperature=settings.confidence_temperature,
    )
    if settings.selection == "repeat_factor" and weights.min() == weights.max():
        print(
            f"WARNING: paste.repeat_threshold is {settings.repeat_threshold}, by which no foreground is repeated more "
            "than others: the pool is drawn from uniformly; set it between the classes' shares of the images",
            file=sys.stderr,
        )
    write_draws(folder, weights)
    return pool


def _foregrounds_file(settings: PasteSettings, ground_truth: Path) -> Path | None:
    """The file to read foregrounds from; None where they are not from one."""
    if settings.foregrounds != "file":
        return None
    file = in_main_repository(str(settings.foregrounds_file))
    if _is_same_file(file, ground_truth):
        raise InputError(
            f"paste.foregrounds_file is {file}, the ground truth of the training split; give another file, or, to "
            "study how much perfect extraction would gain, set paste.foregrounds to gt"
        )
    return file


def _is_same_file(first: Path, second: Path) -> bool:
    """Whether two paths lead to one file, or to two of the same bytes."""
    if first.resolve() == second.resolve():
        return True
    return first.is_file() and second.is_file() and filecmp.cmp(first, second, shallow=False)


def _read_file(file: Path, images: Path, labels: Path) -> list[Foreground]:
    """The foregrounds of ``file`` that the images' labels allow; what else it holds is told."""
    found = read_foreground_file(
        file,
        read_table(images / "images.parquet", Images),
        read_table(labels / "labels.parquet", Labels),
        read_table(labels / "classes.parquet", Classes),
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


def _read_foregrounds(source: str, foregrounds: Path, segments: Path, ground_truth: Path) -> list[Foreground]:
    """The foregrounds of ``source``; the masks of the training split are opened for gt and gt_and_fem alone."""
    if source == "gt":
        trouble = f"{ground_truth} holds no instance mask, so paste.foregrounds cannot be gt; set it to fem or step1"
        return _some(annotated_instances(read_coco(ground_truth)), trouble)
    table = foregrounds / ("iter_0.parquet" if source == "step1" else "pool.parquet")
    chosen = read_table(table, Foregrounds)
    trouble = f"{table} holds no foreground; lower foregrounds.min_prob or proposals.min_area and run: dvc repro"
    pool = _some(chosen_segments(chosen, read_table(segments / "segments.parquet", Segments)), trouble)
    if source != "gt_and_fem":
        return pool
    trouble = f"{table} meets no instance of {ground_truth}, so paste.foregrounds cannot be gt_and_fem; set it to fem"
    return _some(instances_found(annotated_instances(read_coco(ground_truth)), pool), trouble)


def _some(foregrounds: list[Foreground], trouble: str) -> list[Foreground]:
    if not foregrounds:
        raise InputError(trouble)
    return foregrounds


def _recipe(settings: PasteSettings) -> Recipe:
    low, high = settings.n_p if isinstance(settings.n_p, list) else (settings.n_p, settings.n_p)
    return Recipe(
        placement=settings.placement,
        num_pasted=(low, high),
        scale=(settings.scale[0], settings.scale[1]),
        rotation=settings.rotation,
        blending=tuple(settings.blending),
        blur_sigma=settings.blur_sigma,
        min_visible=settings.min_visible,
        min_pixels=settings.min_pixels,
        seed=settings.seed,
        min_radius=settings.min_radius,
        flip=settings.flip,
        brightness=(settings.brightness[0], settings.brightness[1]),
    )


def _warn_of_missing(foregrounds_per_class: dict[str, int]) -> None:
    missing = [name for name, count in foregrounds_per_class.items() if not count]
    if missing:
        print(f"WARNING: no foreground of {', '.join(missing)}; the composites do not show it", file=sys.stderr)


if __name__ == "__main__":
    typer.run(main)

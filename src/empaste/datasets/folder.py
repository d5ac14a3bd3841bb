"""A plain folder: ``images/`` and ``labels.csv`` with the columns file, label and perhaps split.

A file with several classes has several rows, or one with its labels separated by ``;``. Without a split column a share
of the images, drawn by seed, validates. Class ids count from 1 by name; ``classes.csv`` (name, supercategory) may fix
classes and order. Where ``instances_train.json`` and ``instances_val.json`` (COCO) lie beside, their masks serve for
measuring and their categories are the classes.
"""

import csv
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from empaste.datasets.coco import load_annotated, merge_categories, outlines_by_image, read_annotations, stated_size
from empaste.datasets.naming import existing_folder, inside, listed, name_files
from empaste.datasets.records import ClassName, DataSet, Example, Outline, Source, Split
from empaste.errors import InputError

SUFFIXES = {".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp", ".gif"}
LAYOUT = "a folder data set is images/ and labels.csv with the columns file,label and perhaps split"


@dataclass
class Listed:
    """What labels.csv says about one file."""

    labels: list[str]
    split: str | None


def open_folder(source: Source) -> DataSet:
    """The data set in the folder ``source.root``; `InputError` where a file, column, label or split is wrong."""
    root = existing_folder(source.root)
    table, images = root / "labels.csv", root / "images"
    for needed in (table, images):
        if not needed.exists():
            raise InputError(f"{needed} does not exist; {LAYOUT}")
    files = _read_labels(table)
    _check_files(images, table, files)
    truth = {path: read_annotations(path) for path in _truth_files(root)}
    classes = _classes(root, truth, files, table)
    ids = {one.name: one.class_id for one in classes}
    splits = _splits(table, files, source)
    ordered = sorted(files, key=lambda name: (splits[name] == "val", name))
    examples = [
        Example(number, splits[name], name, tuple(sorted({ids[label] for label in files[name].labels})),
                inside(images, name, str(table)))
        for number, name in enumerate(ordered, 1)
    ]  # fmt: skip
    examples, warnings = _with_truth(examples, truth)
    return DataSet(classes, name_files(examples), load_annotated, warnings=tuple(warnings))


def _rows(path: Path, needed: tuple[str, ...]) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and row of a CSV file that has the columns ``needed``."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file, skipinitialspace=True)
            columns = reader.fieldnames or []
            missing = [name for name in needed if name not in columns]
            if missing:
                raise InputError(
                    f"{path} lacks the column {', '.join(missing)}; its columns are {', '.join(columns)}; {LAYOUT}"
                )
            for row in reader:
                yield (
                    reader.line_num,
                    {key: (value or "").strip() for key, value in row.items() if isinstance(key, str)},
                )
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path} is not a readable CSV file in UTF-8: {error}; save it as such") from error


def _read_labels(table: Path) -> dict[str, Listed]:
    """Per file, in order of appearance, its labels and split."""
    files: dict[str, Listed] = {}
    for line, row in _rows(table, ("file", "label")):
        labels = [label.strip() for label in row["label"].split(";") if label.strip()]
        if not row["file"]:
            raise InputError(f"{table}, line {line}: the file is empty; name it or remove the line")
        if not labels:
            raise InputError(f"{table}, line {line}: {row['file']} has no label; give it one or remove the line")
        split = row.get("split")
        if split is not None and split not in ("train", "val"):
            raise InputError(f"{table}, line {line}: split is {split!r}; choose from train, val")
        known = files.setdefault(row["file"], Listed([], split))
        if known.split != split:
            raise InputError(
                f"{table}, line {line}: {row['file']} is in {split} here, in {known.split} above; choose one"
            )
        known.labels.extend(labels)
    return files


def _check_files(images: Path, table: Path, files: dict[str, Listed]) -> None:
    """`InputError` for files that are listed but missing, or there but not listed."""
    missing = [name for name in files if not inside(images, name, str(table)).is_file()]
    if missing:
        raise InputError(f"{table} lists files that {images} has not: {listed(missing)}; add them or remove the lines")
    known = {inside(images, name, str(table)) for name in files}
    found = [path for path in sorted(images.rglob("*")) if path.suffix.lower() in SUFFIXES and path not in known]
    if found:
        names = listed([path.relative_to(images).as_posix() for path in found])
        raise InputError(
            f"{images} holds images without any label in {table.name}: {names}; label them or move them away"
        )


def _truth_files(root: Path) -> list[Path]:
    return [path for path in (root / "instances_train.json", root / "instances_val.json") if path.exists()]


def _classes(root: Path, truth: dict[Path, dict], files: dict[str, Listed], table: Path) -> tuple[ClassName, ...]:
    """The classes: those of classes.csv, else of the COCO files beside, else the labels themselves, by name."""
    used = sorted({label for entry in files.values() for label in entry.labels})
    fixed = root / "classes.csv"
    if fixed.exists():
        rows = [row for _, row in _rows(fixed, ("name",))]
        classes = tuple(
            ClassName(number, row["name"], row.get("supercategory") or "object") for number, row in enumerate(rows, 1)
        )
    elif truth:
        classes = merge_categories(truth.items())
    else:
        return tuple(ClassName(number, name, "object") for number, name in enumerate(used, 1))
    names = [one.name for one in classes]
    for name, entry in files.items():
        if unknown := [label for label in entry.labels if label not in names]:
            raise InputError(
                f"{table}: {name} has the label {unknown[0]!r}, which is no class; choose from {', '.join(names)}"
            )
    return classes


def _splits(table: Path, files: dict[str, Listed], source: Source) -> dict[str, Split]:
    """Per file its split: as listed, else drawn by seed, at least one on either side."""
    if all(entry.split is not None for entry in files.values()):
        return {name: "train" if entry.split == "train" else "val" for name, entry in files.items()}
    names = sorted(files)
    if len(names) < 2:
        raise InputError(f"{table} lists {len(names)} images; to train and to validate it takes at least 2")
    count = min(max(1, round(source.val_fraction * len(names))), len(names) - 1)
    chosen = np.random.default_rng([source.seed, 72]).permutation(len(names))[:count]
    val = {names[at] for at in chosen}
    return {name: "val" if name in val else "train" for name in names}


def _with_truth(examples: list[Example], truth: dict[Path, dict]) -> tuple[list[Example], list[str]]:
    """The examples with the outlines that the COCO files have for them, and a warning where some have none."""
    if not truth:
        return examples, []
    by_name: dict[str, tuple[tuple[int, int] | None, tuple[Outline, ...]]] = {}
    for path, content in truth.items():
        outlines = outlines_by_image(path, content)
        by_name |= {row["file_name"]: (stated_size(row), outlines.get(row["id"], ())) for row in content["images"]}
    bare = [example.file_name for example in examples if example.file_name not in by_name]
    warnings = [f"no masks to measure with for {len(bare)} images: {listed(bare)}"] if bare else []
    known = [(example, *by_name.get(example.file_name, (None, ()))) for example in examples]
    return [replace(example, size_hw=size_hw, outlines=outlines) for example, size_hw, outlines in known], warnings

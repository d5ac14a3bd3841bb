"""A plain folder: ``images/`` and ``labels.csv`` with the columns file, label and perhaps split.

A file with several classes has several rows, or one with its labels separated by ``;``. Without a split column a share
of the images, drawn by seed, validates. Class ids count from 1 by name; ``classes.csv`` (name, supercategory) may fix
classes and order. ``left_out.csv`` (file, reason) names images that are not used. Where ``instances_train.json`` and
``instances_val.json`` (COCO) lie beside, their masks serve for measuring and their categories are the classes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

from empaste.artifacts import fields
from empaste.artifacts.csv_tables import Table, read_csv
from empaste.artifacts.fields import listed
from empaste.artifacts.file_index import real_path
from empaste.artifacts.foreign_coco import ForeignCoco, read_foreign_coco
from empaste.artifacts.remarks import Remark, summarise
from empaste.datasets.coco import (
    annotated_size,
    as_outlines,
    count_from_one,
    load_annotated,
    merge_categories,
)
from empaste.datasets.coco_layout import image_paths
from empaste.datasets.naming import ImageFiles, existing_folder, is_file, name_files, split_called
from empaste.datasets.records import ClassName, DataSet, Example, Outline, Split
from empaste.datasets.settings import PrepareSettings
from empaste.datasets.splitting import splits_by_seed
from empaste.errors import InputError
from empaste.images import SUFFIXES
from empaste.photograph_files import UNREADABLE_SUFFIXES, visible_files

LAYOUT = "a folder data set is images/ and labels.csv with the columns file,label and perhaps split"
LEFT_OUT = "left_out.csv"
"""The file that names images that are there and not used."""
LEFT_OUT_BY = f"left out by {LEFT_OUT}"
"""What the remarks on these images say."""
NO_LABEL = "no label"
"""The reason in it for images that nobody labelled."""
SHOWN_NAMES = 3
"""Files that an error names as examples of those in a folder."""


@dataclass
class Listed:
    """What labels.csv says about one file: its name as the first row spells it, its labels and split."""

    name: str
    labels: list[str]
    split: str | None


def open_folder(settings: PrepareSettings) -> DataSet:
    """The data set in the folder ``settings.root``; `InputError` where a file, column, label or split is wrong."""
    root = existing_folder(settings.folder)
    path, folder = root / "labels.csv", root / "images"
    for needed in (path, folder):
        if not needed.exists():
            raise InputError(f"{needed} does not exist; {LAYOUT}")
    remarks: list[Remark] = []
    images = ImageFiles(folder)
    table = read_csv(path, ("file", "label"), ("split",), LAYOUT)
    remarks += [Remark(f"columns of {path.name} are not read", name) for name in table.unread]
    files = read_labels(path, table, images, remarks)
    unused = read_left_out(root, images)
    _check_unlisted(images, path, [*files, *unused])
    remarks += [
        Remark(f"images are {LEFT_OUT_BY} ({reason})", name_below(images, file)) for file, reason in unused.items()
    ]
    files = _without(files, unused)
    truth = [read_foreign_coco(one) for one in _truth_files(root)]
    remarks += [remark for content in truth for remark in content.remarks]
    classes = _classes(root, truth, files, path)
    ids = {one.name: one.class_id for one in classes}
    splits = _splits(path, files, settings)
    ordered = sorted(files, key=lambda file: (splits[file] == "val", files[file].name))
    examples = [
        Example(number, splits[file], files[file].name, tuple(sorted({ids[label] for label in files[file].labels})),
                file, listed_as=files[file].name)
        for number, file in enumerate(ordered, 1)
    ]  # fmt: skip
    examples, warnings = _with_truth(examples, truth, ids, ImageFiles(root), remarks)
    classes, named = count_from_one(classes, name_files(examples), warnings)
    num_without_label = list(unused.values()).count(NO_LABEL)
    return DataSet(classes, named, load_annotated, num_without_label, (*warnings, *summarise(remarks)))


def read_labels(path: Path, table: Table, images: ImageFiles, remarks: list[Remark]) -> dict[Path, Listed]:
    """Per file, in order of appearance, what the rows of ``table`` say of it, however they spell its name.

    ``path`` is the table's, for errors: `InputError` where a row has no meaning, or names a file that is not there.
    """
    files: dict[Path, Listed] = {}
    by_key: dict[tuple[int, int] | str, Path] = {}
    missing: list[str] = []
    spellings: dict[str, str] = {}
    for line, row in table.rows:
        place = f"{path}, line {line}"
        if not row["file"]:
            raise InputError(f"{place}: the file is empty; name it or remove the line")
        labels = _labels(row, place, spellings, remarks)
        split = _split(row.get("split"), place)
        file = find_image(images, row["file"], str(path))
        if not is_file(file):
            missing.append(row["file"])
            continue
        known = files.setdefault(by_key.setdefault(real_path(file), file), Listed(row["file"], [], split))
        _check_same(known, row["file"], split, place, remarks)
        known.labels.extend(labels)
    if missing:
        _refuse_missing(path, images, list(dict.fromkeys(missing)), len(files))
    return files


def _refuse_missing(path: Path, images: ImageFiles, missing: list[str], found: int) -> NoReturn:
    there = ", ".join(name_below(images, file) for file in images.paths[:SHOWN_NAMES]) or "no photograph at all"
    raise InputError(
        f"{path} lists files that {images.root} has not: {listed(missing)}; add them or remove the lines. "
        f"Of its {found + len(missing):,} files {found:,} are there; the folder holds {len(images.paths):,} "
        f"photographs, such as {there}"
    )


def unlisted_images(root: Path) -> list[str]:
    """The images in the folder ``root`` that its labels.csv does not name, by their paths below images/.

    `InputError` as for `open_folder`.
    """
    path, images = root / "labels.csv", ImageFiles(root / "images")
    table = read_csv(path, ("file", "label"), ("split",), LAYOUT)
    return [name_below(images, file) for file in unlisted_files(images, read_labels(path, table, images, []))]


def read_left_out(root: Path, images: ImageFiles) -> dict[Path, str]:
    """The images that left_out.csv in ``root`` names, and why they are not used; none without such a file.

    `InputError` where it is broken, or names a file that is not there.
    """
    path = root / LEFT_OUT
    if not path.exists():
        return {}
    layout = f"{LEFT_OUT} has the columns file and perhaps reason"
    unused: dict[Path, str] = {}
    for line, row in read_csv(path, ("file",), ("reason",), layout).rows:
        file = find_image(images, row["file"], f"{path}, line {line}") if row["file"] else images.root
        if not is_file(file):
            raise InputError(
                f"{path}, line {line}: there is no image {row['file']!r} in {images.root}; remove the line"
            )
        unused[file] = row.get("reason") or "no reason given"
    return unused


def _without(files: dict[Path, Listed], unused: Iterable[Path]) -> dict[Path, Listed]:
    keys = {real_path(file) for file in unused}
    return {file: entry for file, entry in files.items() if real_path(file) not in keys}


def name_below(images: ImageFiles, file: Path) -> str:
    """The path of ``file`` below images/."""
    return file.relative_to(images.root).as_posix()


def _labels(row: dict[str, str], place: str, spellings: dict[str, str], remarks: list[Remark]) -> list[str]:
    """The labels of a row, cleaned; ``spellings`` holds how each was first written."""
    labels = []
    for raw in row["label"].split(";"):
        if not raw.strip():
            continue
        label = fields.name(raw, f"{place}: a label")
        if spellings.setdefault(label, raw.strip()) != raw.strip():
            reason = "labels are written in another form of Unicode, or with other blanks; each is one class"
            remarks.append(Remark(reason, f"{label} ({place})"))
        labels.append(label)
    if not labels:
        raise InputError(f"{place}: {row['file']} has no label; give it one or remove the line")
    return labels


def find_image(images: ImageFiles, name: str, origin: str) -> Path:
    """The file that a row names, below images/ or with ``images/`` in front."""
    found = images.below(images.root, name) or images.below(images.root, name.removeprefix(f"{images.root.name}/"))
    return found or images.find(images.root, name, origin)


def _split(value: str | None, place: str) -> str | None:
    """The split that a row names; None where the table has no such column."""
    if value is None:
        return None
    if (split := split_called(value)) is None:
        raise InputError(f"{place}: split is {value!r}; choose from train, val")
    return split


def _check_same(known: Listed, name: str, split: str | None, place: str, remarks: list[Remark]) -> None:
    """`InputError` where a further row of a file names another split than its first one."""
    if known.split != split:
        spelt = "" if known.name == name else f" (spelt {known.name})"
        raise InputError(f"{place}: {name} is in {split} here, in {known.split} above{spelt}; choose one")
    if known.name != name:
        remarks.append(Remark("rows spell a file otherwise than an earlier row; they are one image",
                              f"{name} beside {known.name} ({place})"))  # fmt: skip


def _check_unlisted(images: ImageFiles, path: Path, files: Iterable[Path]) -> None:
    """`InputError` for images that are there but not listed."""
    if found := unlisted_files(images, files):
        names = listed([name_below(images, file) for file in found])
        raise InputError(
            f"{images.root} holds images without any label in {path.name}: {names}; label them, name them in "
            f"{LEFT_OUT} (columns file,reason), or move them away"
        )


def unlisted_files(images: ImageFiles, files: Iterable[Path]) -> list[Path]:
    """The images that are none of ``files``, also those of kinds that are not read."""
    known = {real_path(file) for file in files}
    there = (file for file in visible_files(images.root) if file.suffix.lower() in (*SUFFIXES, *UNREADABLE_SUFFIXES))
    return [file for file in there if real_path(file) not in known]


def _truth_files(root: Path) -> list[Path]:
    return [path for path in (root / "instances_train.json", root / "instances_val.json") if path.exists()]


def _classes(root: Path, truth: Sequence[ForeignCoco], files: dict[Path, Listed], path: Path) -> tuple[ClassName, ...]:
    """The classes: those of classes.csv, else of the COCO files beside, else the labels themselves, by name."""
    used = sorted({label for entry in files.values() for label in entry.labels})
    fixed = root / "classes.csv"
    if fixed.exists():
        classes = _listed_classes(fixed)
    elif truth:
        classes = merge_categories(truth)
    else:
        return tuple(ClassName(number, name, "object") for number, name in enumerate(used, 1))
    names = [one.name for one in classes]
    for entry in files.values():
        if unknown := [label for label in entry.labels if label not in names]:
            raise InputError(
                f"{path}: {entry.name} has the label {unknown[0]!r}, which is no class; choose from {', '.join(names)}"
            )
    return classes


def _listed_classes(path: Path) -> tuple[ClassName, ...]:
    """The classes of classes.csv, in its order."""
    layout = "classes.csv has the columns name and perhaps supercategory"
    lines: dict[str, int] = {}
    classes: list[ClassName] = []
    for line, row in read_csv(path, ("name",), ("supercategory",), layout).rows:
        name = fields.name(row["name"], f"{path}, line {line}: the name")
        if (first := lines.setdefault(name, line)) != line:
            raise InputError(f"{path}, line {line}: the class {name!r} stands in line {first} already; remove one")
        above = row.get("supercategory")
        supercategory = fields.name(above, f"{path}, line {line}: the supercategory") if above else "object"
        classes.append(ClassName(len(classes) + 1, name, supercategory))
    return tuple(classes)


def _class_ids(content: ForeignCoco, ids: Mapping[str, int]) -> dict[int, int]:
    """The class that every category with instances means, by the category's id; `InputError` where it means none."""
    used = {one.category_id for one in content.instances}
    for one in content.categories:
        if one.category_id in used and one.name not in ids:
            raise InputError(
                f"{content.path}: the category {one.name!r} is none of the classes of classes.csv; add it there, or "
                "remove its annotations"
            )
    return {one.category_id: ids[one.name] for one in content.categories if one.category_id in used}


def _splits(path: Path, files: dict[Path, Listed], settings: PrepareSettings) -> dict[Path, Split]:
    """Per file its split: as listed, else drawn by seed, at least one on either side."""
    if all(entry.split is not None for entry in files.values()):
        return {file: "train" if entry.split == "train" else "val" for file, entry in files.items()}
    drawn = splits_by_seed([entry.name for entry in files.values()], settings, path)
    return {file: drawn[entry.name] for file, entry in files.items()}


def _with_truth(
    examples: list[Example],
    truth: Sequence[ForeignCoco],
    ids: Mapping[str, int],
    images: ImageFiles,
    remarks: list[Remark],
) -> tuple[list[Example], list[str]]:
    """The examples with the outlines that the COCO files have for them, and a warning where some have none.

    A category is the class of its name, whose id is in ``ids``, whatever its own id.
    """
    if not truth:
        return examples, []
    known: dict[tuple[int, int] | str, tuple[tuple[int, int] | None, tuple[Outline, ...], str]] = {}
    own = {real_path(example.path) for example in examples if example.path}
    for content in truth:
        class_ids = _class_ids(content, ids)
        instances, paths = content.instances_by_image(), image_paths(images, "", content, remarks)
        for one in content.images:
            key = real_path(paths[one.image_id])
            if key not in own:
                remarks.append(Remark("images of the COCO files are not in labels.csv and are left out", one.file_name))
                continue
            outlines = tuple(
                replace(outline, class_id=class_ids[outline.class_id])
                for outline in as_outlines(instances.get(one.image_id, ()), remarks)
            )
            if key in known and outlines and known[key][1]:
                raise InputError(
                    f"{content.path}: the image {one.file_name} has instances in {known[key][2]}, too; keep one of them"
                )
            if key not in known or outlines:
                known[key] = annotated_size(one, outlines), outlines, str(content.path)
    keys = [real_path(example.path) if example.path else "" for example in examples]
    bare = [example.file_name for example, key in zip(examples, keys, strict=True) if key not in known]
    warnings = [f"no masks to measure with for {len(bare)} images: {listed(bare)}"] if bare else []
    found = [(example, *known.get(key, (None, (), ""))[:2]) for example, key in zip(examples, keys, strict=True)]
    return [replace(example, size_hw=size_hw, outlines=outlines) for example, size_hw, outlines in found], warnings

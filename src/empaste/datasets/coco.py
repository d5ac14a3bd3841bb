"""COCO detection data sets: ``annotations/instances_{train,val}*.json`` and folders of images, in the usual layouts.

Ids and supercategories are kept. Image-level labels are the categories of an image's annotations, crowds among them.
Training images without annotation are left out and counted; validation images without annotation stay.
"""

import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from empaste.datasets.decoding import masks_upright, to_picture
from empaste.datasets.naming import existing_folder, inside, name_files
from empaste.datasets.outlines import draw_outlines
from empaste.datasets.records import ClassName, DataSet, Example, Outline, Picture, Source, Split
from empaste.errors import InputError
from empaste.photographs import read_photograph

ANNOTATION_FILES = (
    "annotations/instances_{split}*.json",
    "instances_{split}*.json",
    "annotations/{split}.json",
    "{split}*/_annotations.coco.json",
)
IMAGE_FOLDERS = ("{name}", "images/{name}", "{split}", "images/{split}", "{split}*", "images/{split}*", "images", ".")


def open_coco(source: Source) -> DataSet:
    """The COCO data set under ``source.root``; `InputError` where its layout or its annotations are broken."""
    root = existing_folder(source.root)
    files = {split: _annotation_file(root, split) for split in ("train", "val")}
    contents = {split: read_annotations(path) for split, path in files.items()}
    classes = merge_categories([(files[split], contents[split]) for split in files])
    found = {split: _examples(root, split, files[split], contents[split]) for split in files}
    warnings: list[str] = []
    train = [example for example in found["train"] if example.class_ids]
    if dropped := len(found["train"]) - len(train):
        warnings.append(f"{files['train']}: {dropped} training images have no annotation and are left out")
    val = _separate_ids(train, found["val"], warnings)
    examples = name_files(sorted([*train, *val], key=lambda example: example.image_id))
    classes, examples = _count_from_one(classes, examples, warnings)
    return DataSet(classes, examples, load_annotated, dropped, tuple(warnings))


def load_annotated(example: Example, max_side: int) -> Picture:
    """The picture of an example that has a file and outlines."""
    assert example.path is not None
    photograph = read_photograph(example.path)
    masks = masks_upright(
        photograph,
        example.size_hw,
        lambda height, width: draw_outlines(example.outlines, height, width),
        str(example.path),
    )
    instances = [(one.class_id, mask, one.iscrowd) for one, mask in zip(example.outlines, masks, strict=True)]
    return to_picture(photograph, example.class_ids, instances, max_side, str(example.path))


def read_annotations(path: Path) -> dict[str, Any]:
    """The content of a COCO file whose ids are whole numbers, given once, and refer to what exists."""
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not valid JSON: {error}; restore the file") from error
    for key in ("images", "annotations", "categories"):
        rows = content.get(key) if isinstance(content, dict) else None
        if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
            raise InputError(
                f"{path}: {key} is no list of objects; it must be a COCO detection file (instances_*.json)"
            )
    _check_rows(path, "images", content["images"], {"id": int, "file_name": str})
    _check_rows(path, "categories", content["categories"], {"id": int, "name": str})
    _check_rows(path, "annotations", content["annotations"], {"id": int, "image_id": int, "category_id": int})
    for key, table in (("image_id", "images"), ("category_id", "categories")):
        _check_references(path, key, content["annotations"], table, {row["id"] for row in content[table]})
    return content


def merge_categories(contents: Iterable[tuple[Path, dict[str, Any]]]) -> tuple[ClassName, ...]:
    """The categories of several COCO files, by id; `InputError` where the files contradict each other."""
    by_id: dict[int, ClassName] = {}
    for path, content in contents:
        for row in content["categories"]:
            one = ClassName(row["id"], row["name"], str(row.get("supercategory") or "object"))
            known = by_id.setdefault(row["id"], one)
            if known.name != one.name:
                raise InputError(
                    f"{path}: category {one.class_id} is {one.name!r}, but {known.name!r} in the other split; "
                    "both files need the same categories"
                )
    names = [one.name for one in by_id.values()]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"categories {', '.join(doubled)} stand under several ids; every name needs one id")
    return tuple(by_id[key] for key in sorted(by_id))


def outlines_by_image(path: Path, content: dict[str, Any]) -> dict[int, tuple[Outline, ...]]:
    """Per image id the outlines of its annotations; annotations with a box alone have none."""
    found: dict[int, list[Outline]] = defaultdict(list)
    for row in content["annotations"]:
        if row.get("segmentation"):
            crowd = int(bool(row.get("iscrowd", 0)))
            origin = f"{path}: annotation {row['id']}"
            found[row["image_id"]].append(Outline(row["category_id"], row["segmentation"], crowd, origin))
    return {key: tuple(outlines) for key, outlines in found.items()}


def stated_size(row: dict[str, Any]) -> tuple[int, int] | None:
    """Height and width that a COCO image row states, None where it does not."""
    return (row["height"], row["width"]) if row.get("height") and row.get("width") else None


def _annotation_file(root: Path, split: str) -> Path:
    for pattern in ANNOTATION_FILES:
        if found := sorted(root.glob(pattern.format(split=split))):
            return found[-1]
    looked = ", ".join(str(root / pattern.format(split=split)) for pattern in ANNOTATION_FILES)
    raise InputError(f"{root} holds no annotations of the split {split}; looked for {looked}: set prepare.root")


def _check_rows(path: Path, table: str, rows: list[dict[str, Any]], types: dict[str, type]) -> None:
    """`InputError` for rows whose keys are missing, of the wrong type, or whose id is given twice."""
    seen: set[int] = set()
    for number, row in enumerate(rows):
        for key, kind in types.items():
            if not isinstance(row.get(key), kind) or isinstance(row[key], bool):
                expected = "a whole number" if kind is int else "text"
                raise InputError(f"{path}: {table}[{number}].{key} is {row.get(key)!r}; it must be {expected}")
        if row["id"] in seen:
            raise InputError(f"{path}: {table} has the id {row['id']} twice; ids must be unique")
        seen.add(row["id"])


def _check_references(path: Path, key: str, annotations: list[dict[str, Any]], table: str, ids: set[int]) -> None:
    dangling = [row for row in annotations if row[key] not in ids]
    if dangling:
        listed = ", ".join(f"annotation {row['id']} ({key} {row[key]})" for row in dangling[:5])
        more = f" and {len(dangling) - 5} more" if len(dangling) > 5 else ""
        raise InputError(
            f"{path}: {listed}{more}: no such entry in {table}, which has {len(ids)}; "
            f"correct {key} or remove these annotations"
        )


def _examples(root: Path, split: Split | str, path: Path, content: dict[str, Any]) -> list[Example]:
    """One example per image of a split, its file name still open."""
    outlines = outlines_by_image(path, content)
    labels: dict[int, set[int]] = defaultdict(set)
    for row in content["annotations"]:
        labels[row["image_id"]].add(row["category_id"])
    folder = _image_folder(root, split, path, content["images"])
    return [
        Example(
            row["id"],
            "train" if split == "train" else "val",
            row["file_name"],
            tuple(sorted(labels[row["id"]])),
            inside(folder, row["file_name"], f"{path}: image {row['id']}"),
            stated_size(row),
            outlines.get(row["id"], ()),
        )
        for row in content["images"]
    ]


def _image_folder(root: Path, split: str, path: Path, rows: list[dict[str, Any]]) -> Path:
    """The folder in which the first of the images lie."""
    name = path.stem.removeprefix("instances_")
    patterns = [pattern.format(name=name, split=split) for pattern in IMAGE_FOLDERS]
    folders = [path.parent] if path.name.startswith("_") else []
    folders += [
        folder
        for pattern in patterns
        for folder in (sorted(root.glob(pattern)) if "*" in pattern else [root / pattern])
    ]
    some = [PurePosixPath(row["file_name"]) for row in rows[:20]]
    for folder in folders:
        if any((folder / file).is_file() for file in some if ".." not in file.parts and not file.is_absolute()):
            return folder
    if not rows:
        return root
    for row in rows[:20]:
        inside(root, row["file_name"], f"{path}: image {row['id']}")
    raise InputError(f"{path} lists {some[0]}, but no folder has it; looked in {', '.join(map(str, folders))}")


def _separate_ids(train: list[Example], val: list[Example], warnings: list[str]) -> list[Example]:
    """Validation examples whose ids are none of the training's; where they clash, all are moved beyond those."""
    taken = {example.image_id for example in train}
    if not taken.intersection(example.image_id for example in val):
        return val
    shift = max(taken)
    warnings.append(f"both splits use the same image ids; those of the validation images are raised by {shift}")
    return [replace(example, image_id=example.image_id + shift) for example in val]


def _count_from_one(
    classes: tuple[ClassName, ...], examples: tuple[Example, ...], warnings: list[str]
) -> tuple[tuple[ClassName, ...], tuple[Example, ...]]:
    """The same with class ids of at least 1: where they start lower, all are raised."""
    shift = 1 - min((one.class_id for one in classes), default=1)
    if shift <= 0:
        return classes, examples
    warnings.append(f"category ids start at {1 - shift}; all are raised by {shift}")
    return tuple(replace(one, class_id=one.class_id + shift) for one in classes), tuple(
        replace(
            example,
            class_ids=tuple(class_id + shift for class_id in example.class_ids),
            outlines=tuple(replace(one, class_id=one.class_id + shift) for one in example.outlines),
        )
        for example in examples
    )

"""COCO detection data sets as COCO publishes them and as annotation tools export them.

Ids and supercategories are kept. Image-level labels are the categories of an image's annotations, crowds among them.
Training images without annotation are left out and counted; validation images without annotation stay. Which files hold
the splits: `annotation_files`; where the images lie: `image_paths`.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

from empaste.artifacts.fields import ID_LIMIT, listed
from empaste.artifacts.foreign_coco import (
    ForeignCoco,
    ListedCategory,
    ListedImage,
    ListedInstance,
    is_coco_file,
    read_foreign_coco,
)
from empaste.artifacts.remarks import Remark, summarise
from empaste.datasets.decoding import annotated_frame, box_upright, masks_upright, to_picture
from empaste.datasets.naming import (
    SPLIT_NAMES,
    ImageFiles,
    existing_folder,
    merge_spellings,
    name_files,
    same_file,
    split_called,
)
from empaste.datasets.outlines import draw_outlines, outside
from empaste.datasets.records import ClassName, DataSet, Example, Frame, Outline, Picture, Source, Split
from empaste.datasets.splitting import drawn_splits
from empaste.errors import InputError
from empaste.photographs import read_photograph, visible_files

OTHER_FILES = ("captions", "person_keypoints", "panoptic", "stuff", "image_info")
"""How the names of COCO's files begin that hold something else."""
EXACT, DATED, NEAR = range(3)
"""How well a name fits a split: it is the split's, with a year, with something more behind a mark."""
GENERAL = 9
"""The rank of folders whose names say nothing of a split."""


def open_coco(source: Source) -> DataSet:
    """The COCO data set under ``source.root``; `InputError` where its layout or its annotations are broken."""
    root = existing_folder(source.root)
    files = annotation_files(root)
    remarks: list[Remark] = []
    warnings: list[str] = []
    contents = {split: read_foreign_coco(path) for split, path in files.items()}
    remarks += [remark for content in contents.values() for remark in content.remarks]
    classes = merge_categories(list(contents.values()))
    images = ImageFiles(root)
    if "" in contents:
        found = _split_by_seed(_examples(images, "", contents[""], remarks), contents[""].path, source, warnings)
    else:
        found = {split: _examples(images, split, contents[split], remarks) for split in SPLIT_NAMES}
    train = [example for example in found["train"] if example.class_ids]
    if dropped := len(found["train"]) - len(train):
        origin = files.get("train", files.get(""))
        warnings.append(f"{origin}: {dropped} training images have no annotation and are left out")
    train, val = _separate_ids(train, found["val"], warnings)
    merged = merge_spellings(sorted([*train, *val], key=lambda example: example.image_id), remarks)
    examples = name_files(merged)
    classes, examples = _count_from_one(classes, examples, warnings)
    return DataSet(classes, examples, load_annotated, dropped, (*warnings, *summarise(remarks)))


def load_annotated(example: Example, max_side: int, frame: Frame = "upright") -> Picture:
    """The picture of an example that has a file and outlines, in the ``frame`` where their size does not tell."""
    assert example.path is not None
    photograph, name, outlines = read_photograph(example.path), str(example.path), example.outlines
    frame = annotated_frame(photograph, example.size_hw, name, frame)
    # One at a time: the masks of a large photograph together can be larger than memory.
    instances = (
        (
            one.class_id,
            masks_upright(photograph, example.size_hw, partial(draw_outlines, [one]), name, frame)[0],
            one.iscrowd,
        )
        for one in outlines
        if one.segmentation is not None
    )
    boxes = [
        (one.class_id, box_upright(one.box_xywh, photograph) if frame == "stored" else one.box_xywh, one.iscrowd)
        for one in outlines
        if one.segmentation is None and one.box_xywh is not None
    ]
    height, width = example.size_hw or photograph.image.shape[:2]
    remarks = outside(outlines, height, width)
    remarks += [
        Remark("annotations have a box and no mask; in mask AP their boxes are ignored as crowds are", one.origin)
        for one in outlines
        if one.segmentation is None and one.box_xywh is not None
    ]
    return to_picture(photograph, example.class_ids, instances, max_side, name, None, boxes, remarks)


def annotation_files(root: Path) -> dict[str, Path]:
    """The files of the splits train and val below ``root``; or the one file of all images, under "".

    A file is a split's by its own name (``instances_train2017.json``, ``train.json``) or, where it has none
    (``_annotations.coco.json``, ``labels.json``), by its folder's (``valid/``). The best fit wins:
    ``instances_train.json``, then other exact names and ``instances_`` with a year, then looser ones. `InputError`
    where several fit equally well and differ, or none does.
    """
    there = [path for path in visible_files(root) if path.suffix.lower() == ".json" and _is_candidate(root, path)]
    found = {split: _best_fit(root, there, split) for split in SPLIT_NAMES}
    files = {split: path for split, path in found.items() if path is not None}
    if len(files) == 2:
        return files
    whole = [path for path in there if path not in files.values() and is_coco_file(path)]
    if not files and len(whole) == 1:
        return {"": whole[0]}
    missing = next(split for split in SPLIT_NAMES if split not in files)
    others = listed([path.relative_to(root).as_posix() for path in whole]) or "no other COCO file"
    raise InputError(
        f"{root} holds no annotations of the split {missing}; looked for annotations/instances_{missing}*.json, "
        f"{missing}.json and {missing}/*.json; there is {others}: name the files after their splits, train and val, "
        "or set prepare.root"
    )


def merge_categories(contents: Sequence[ForeignCoco]) -> tuple[ClassName, ...]:
    """The categories of several COCO files, by id; `InputError` where the files contradict each other."""
    by_id: dict[int, ListedCategory] = {}
    for content in contents:
        for one in content.categories:
            known = by_id.setdefault(one.category_id, one)
            if known.name != one.name:
                raise InputError(
                    f"{content.path}: category {one.category_id} is {one.name!r}, but {known.name!r} in the other "
                    "split; both files need the same categories"
                )
    names = [one.name for one in by_id.values()]
    if doubled := sorted({name for name in names if names.count(name) > 1}):
        raise InputError(f"categories {', '.join(doubled)} stand under several ids; every name needs one id")
    ordered = (by_id[key] for key in sorted(by_id))
    return tuple(ClassName(one.category_id, one.name, one.supercategory) for one in ordered)


def as_outlines(instances: Iterable[ListedInstance], remarks: list[Remark]) -> tuple[Outline, ...]:
    """The instances of an image as outlines; one with neither mask nor box is left out with a remark."""
    kept = []
    for one in instances:
        if one.segmentation is None and one.box_xywh is None:
            remarks.append(Remark("annotations have neither mask nor box, and are labels alone", one.origin))
            continue
        kept.append(Outline(one.category_id, one.segmentation, one.iscrowd, one.origin, one.box_xywh))
    return tuple(kept)


def annotated_size(image: ListedImage, outlines: Iterable[Outline]) -> tuple[int, int] | None:
    """Height and width that annotations refer to: as the image's entry states, else as the first RLE does."""
    if image.size_hw is not None:
        return image.size_hw
    sizes = (one.segmentation["size"] for one in outlines if isinstance(one.segmentation, dict))
    match next(sizes, None):
        case [int(height), int(width)] if min(height, width) > 0:
            return height, width
    return None


def image_paths(images: ImageFiles, split: str, content: ForeignCoco, remarks: list[Remark]) -> dict[int, Path]:
    """The file of every image that ``content`` lists, by its id.

    All lie in one folder, as a rule; that named after the annotation file or the split wins over others that have all
    of them. `InputError` where several folders fit equally well, and their files differ, or where none has any.
    """
    if not content.images:
        return {}
    folder, is_named = _image_folder(images, split, content)
    paths = {}
    for one in content.images:
        path = images.below(folder, one.file_name)
        if path is None:
            elsewhere = None if is_named else _elsewhere(images, split, one.file_name)
            path = elsewhere or images.find(folder, one.file_name, f"{content.path}: image {one.image_id}")
            if path.is_file():
                remarks.append(Remark("images were found by their names in other folders than the files say",
                                      f"{one.file_name} is {path}"))  # fmt: skip
        paths[one.image_id] = path
    return paths


def _is_candidate(root: Path, path: Path) -> bool:
    """Whether a JSON file lies where annotations do, and is none of COCO's files of another kind."""
    return len(path.relative_to(root).parts) <= 3 and not path.name.lower().startswith(OTHER_FILES)


def _best_fit(root: Path, paths: Sequence[Path], split: str) -> Path | None:
    """The file that fits ``split`` best; None where none does."""
    fits: dict[int, list[Path]] = defaultdict(list)
    for path in paths:
        if (fit := _fit(root, path, split)) is not None:
            fits[fit].append(path)
    if not fits:
        return None
    best = fits[min(fits)]
    if len(best) > 1:
        best = [path for path in best if is_coco_file(path)] or best
    if any(not same_file(best[0], other) for other in best[1:]):
        there = listed([path.relative_to(root).as_posix() for path in best])
        raise InputError(
            f"{root} has several annotation files that could be those of the split {split}: {there}; keep one, or "
            f"name it annotations/instances_{split}.json"
        )
    return best[0]


def _fit(root: Path, path: Path, split: str) -> int | None:
    """How well a file fits ``split``, the lower the better; None where it does not.

    0 is COCO's own name without a year alone, so that nothing beside it is looked at.
    """
    stem, prefix = path.stem.lower(), "instances_"
    name = stem.removeprefix(prefix)
    if (own := _name_fit(name, split)) is not None:
        return own if stem != name else own + 1
    if re.match(r"train|val|test|dev|all\b", name) or (stem != name and name != "default") or path.parent == root:
        return None  # its own name says which images it is for
    by_folder = _name_fit(path.parent.name.lower(), split)
    return None if by_folder is None else by_folder + 1


def _name_fit(name: str, split: str) -> int | None:
    """`EXACT`, `DATED` or `NEAR` where ``name``, in lower case, is the split's; None where it is another's."""
    for rest in (name.removeprefix(called) for called in SPLIT_NAMES[split] if name.startswith(called)):
        if not rest:
            return EXACT
        if re.fullmatch(r"[-_ ]?\d{4}", rest):
            return DATED
        if not rest[0].isalpha() and not re.search(r"train|val|test", rest):
            return NEAR
    return None


def _split_by_seed(
    examples: Sequence[Example], path: Path, source: Source, warnings: list[str]
) -> dict[str, list[Example]]:
    """The labelled images of a file without splits, divided by seed; the others are handed on as training images."""
    labelled = [example for example in examples if example.class_ids]
    splits = drawn_splits([example.listed_as for example in labelled], source, path, warnings)
    found: dict[str, list[Example]] = {"train": [example for example in examples if not example.class_ids], "val": []}
    for example in labelled:
        split = splits[example.listed_as]
        found[split].append(replace(example, split=split))
    return found


def _examples(images: ImageFiles, split: str, content: ForeignCoco, remarks: list[Remark]) -> list[Example]:
    """One example per image of a split, its file name still open."""
    instances = content.instances_by_image()
    paths = image_paths(images, split, content, remarks)
    own: Split = "val" if split == "val" else "train"
    examples = []
    for one in content.images:
        shown = instances.get(one.image_id, ())
        outlines = as_outlines(shown, remarks)
        examples.append(
            Example(
                one.image_id,
                own,
                one.file_name,
                tuple(sorted({instance.category_id for instance in shown})),
                paths[one.image_id],
                annotated_size(one, outlines),
                outlines,
                one.file_name,
            )
        )
    return examples


def _image_folder(images: ImageFiles, split: str, content: ForeignCoco) -> tuple[Path, bool]:
    """The folder that the file names are relative to, and whether its name says that it is this split's."""
    names = [one.file_name for one in content.images]
    ranked = _usual_folders(images.root, split, content.path)
    for rank, folders in ranked.items():
        whole = [folder for folder in folders if all(images.below(folder, name) for name in names)]
        if whole:
            _refuse_copies(images, whole, names, content.path)
            return whole[0], rank < GENERAL
    places = [(rank, folder) for rank, folders in ranked.items() for folder in folders]
    counts = [sum(images.below(folder, name) is not None for name in names) for _, folder in places]
    if any(counts):
        rank, folder = places[counts.index(max(counts))]
        return folder, rank < GENERAL
    if any(_elsewhere(images, split, name) or images.called(name) for name in names[:20]):
        return images.root, False
    for one in content.images[:20]:
        images.find(images.root, one.file_name, f"{content.path}: image {one.image_id}")
    looked = ", ".join(str(folder) for _, folder in places)
    raise InputError(f"{content.path} lists {names[0]}, but no folder has it; looked in {looked}")


def _usual_folders(root: Path, split: str, path: Path) -> dict[int, list[Path]]:
    """Where images lie as a rule, by how well the folder's name fits, best first.

    `EXACT`: a folder named after the annotation file, or in which it lies; then those named after the split, and last
    (`GENERAL`) folders whose names say nothing.
    """
    name = re.sub(r"^instances_", "", path.stem, flags=re.IGNORECASE)
    ranked: dict[int, list[Path]] = defaultdict(list)
    ranked[EXACT] = [root / name, root / "images" / name]
    if path.parent != root and path.parent.name.lower() != "annotations":
        ranked[EXACT] += [path.parent, path.parent / "images", path.parent / "data"]
    for above in (root, root / "images") if split else ():
        ranked[EXACT + 1].append(above / split)
        for folder in sorted(above.glob("*")):
            if (fit := _name_fit(folder.name.lower(), split)) is not None and folder.is_dir():
                ranked[fit + 1].append(folder)
    ranked[GENERAL] = [root / "images", root / "data", root / "JPEGImages", root]
    return {rank: list(dict.fromkeys(ranked[rank])) for rank in sorted(ranked)}


def _refuse_copies(images: ImageFiles, folders: Sequence[Path], names: Sequence[str], path: Path) -> None:
    """`InputError` where several folders fit equally well, have all the images, and the files differ."""
    for folder in folders[1:]:
        for name in names:
            first, other = images.below(folders[0], name), images.below(folder, name)
            if first and other and not same_file(first, other):
                raise InputError(
                    f"{path} lists {name}, which could be {first} or {other}, two different files; name the folder of "
                    f"its images after it ({path.stem.removeprefix('instances_')}), or move the other away"
                )


def _elsewhere(images: ImageFiles, split: str, name: str) -> Path | None:
    """The one file below the root that ends in ``name``, outside folders of the other split; None without."""
    other = "train" if split == "val" else "val"
    found = [
        path
        for path in images.ending_in(name)
        if not split or not any(split_called(part) == other for part in path.relative_to(images.root).parts[:-1])
    ]
    if any(not same_file(found[0], path) for path in found[1:]):
        there = listed([path.relative_to(images.root).as_posix() for path in found])
        raise InputError(f"{name!r} could mean several files below {images.root}: {there}; remove the others")
    return found[0] if found else None


def _separate_ids(train: list[Example], val: list[Example], warnings: list[str]) -> tuple[list[Example], list[Example]]:
    """The examples with ids of their own in both splits; where they clash, those of validation are moved beyond."""
    taken = {example.image_id for example in train}
    if not taken.intersection(example.image_id for example in val):
        return train, val
    shift = max(taken) + 1 - min(example.image_id for example in val)
    if max(example.image_id for example in val) + shift >= ID_LIMIT:
        warnings.append("both splits use the same image ids, some near the largest of all; images are counted from 1")
        return _counted(train, 1), _counted(val, 1 + len(train))
    warnings.append(f"both splits use the same image ids; those of the validation images are raised by {shift}")
    return train, [replace(example, image_id=example.image_id + shift) for example in val]


def _counted(examples: Sequence[Example], first: int) -> list[Example]:
    ordered = sorted(examples, key=lambda example: example.image_id)
    return [replace(example, image_id=number) for number, example in enumerate(ordered, first)]


def _count_from_one(
    classes: tuple[ClassName, ...], examples: tuple[Example, ...], warnings: list[str]
) -> tuple[tuple[ClassName, ...], tuple[Example, ...]]:
    """The same with class ids of at least 1: where they start lower, all are raised."""
    shift = 1 - min((one.class_id for one in classes), default=1)
    if shift <= 0:
        return classes, examples
    if max(one.class_id for one in classes) + shift >= ID_LIMIT:
        raise InputError(f"category ids go from {1 - shift} to {max(one.class_id for one in classes)}; count from 1")
    warnings.append(f"category ids start at {1 - shift}; all are raised by {shift}")
    return tuple(replace(one, class_id=one.class_id + shift) for one in classes), tuple(
        replace(
            example,
            class_ids=tuple(class_id + shift for class_id in example.class_ids),
            outlines=tuple(replace(one, class_id=one.class_id + shift) for one in example.outlines),
        )
        for example in examples
    )

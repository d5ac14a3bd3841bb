"""Where the annotations and the images of a COCO data set lie, as published and as tools export them."""

import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from empaste.artifacts.fields import listed
from empaste.artifacts.file_index import same_file
from empaste.artifacts.foreign_coco import ForeignCoco, is_coco_file
from empaste.artifacts.remarks import Remark
from empaste.datasets.naming import SPLIT_NAMES, ImageFiles, differ, is_file, only_file, split_called
from empaste.errors import InputError
from empaste.photograph_files import visible_files

OTHER_FILES = ("captions", "person_keypoints", "panoptic", "stuff", "image_info")
"""How the names of COCO's files begin that hold something else."""
EXACT, DATED, NEAR = range(3)
"""How well a name fits a split: it is the split's, with a year, with something more behind a mark."""
GENERAL = 9
"""The rank of folders whose names say nothing of a split."""


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
            if is_file(path):
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
    if differ(best):
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
    return only_file(found, name, images.root)

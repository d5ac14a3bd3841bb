"""Where the user's images and labels lie, and what a project holds of them: links and small files, never the images.

A project's data set is a folder ``dataset/`` in a layout that ``prepare`` reads, in which ``images`` is a link to the
user's folder. COCO and VOC folders that ``prepare`` reads as they are stay where they are.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from empaste.beginning.folder_labels import label_by_folder, labels_text
from empaste.errors import InputError
from empaste.photograph_files import find_photographs, visible_files

DATASET = Path("dataset")
"""The folder of a project in which the data set lies."""
IMAGES, LABELS = "images", "labels.csv"
WAYS = "--labels FILE, --labels-from-folders, --coco JSON or --voc DIR"


@dataclass(frozen=True)
class Source:
    """A data set of the user's: its kind, and its ``root`` where that stays outside the project.

    Below `DATASET` the project gets ``links`` (name -> where it leads) and ``files`` (name -> content). ``origins``
    says which files of the user's the latter are copies of, ``said`` what was decided about them.
    """

    dataset: Literal["folder", "coco", "voc"]
    root: Path | None = None
    links: Mapping[str, Path] = field(default_factory=dict)
    files: Mapping[str, bytes] = field(default_factory=dict)
    origins: Mapping[str, Path] = field(default_factory=dict)
    said: tuple[str, ...] = ()

    @property
    def outside(self) -> list[Path]:
        """The user's folders and files that the project reads."""
        return [self.root] if self.root else list(self.links.values())

    @property
    def root_text(self) -> str:
        """``prepare.root``."""
        return str(self.root or DATASET)

    def write(self, folder: Path) -> None:
        """``folder`` holds the data set, as far as it lies in the project."""
        if self.root:
            return
        (folder / DATASET).mkdir(parents=True)
        for name, place in self.links.items():
            (folder / DATASET / name).symlink_to(place)
        for name, content in self.files.items():
            (folder / DATASET / name).write_bytes(content)


def find_source(
    images: Path | None, labels: Path | None, from_folders: bool, coco: Path | None, voc: Path | None
) -> Source:
    """The data set that the options of ``empaste init`` name.

    `InputError` where they name none, or several; where a folder is missing or holds no photograph.
    """
    given = [labels is not None, from_folders, coco is not None, voc is not None]
    if sum(given) != 1:
        many = "several of them are given; keep one" if sum(given) else "none is given"
        raise InputError(f"labels are named by one of {WAYS}; {many}")
    if coco is not None:
        return _coco(coco, images)
    if voc is not None:
        return _voc(voc, images)
    if images is None:
        raise InputError("--images is not given; name the folder of the images: --images DIR")
    folder = photograph_folder(images, "--images")
    return _by_folders(folder) if labels is None else _by_file(folder, labels)


def photograph_folder(path: Path, option: str) -> Path:
    """The absolute path of the folder ``path``; `InputError` where it is none or holds no photograph."""
    folder = _existing(path, option, is_folder=True)
    if not find_photographs(folder):
        others = sorted({file.suffix.lower() or "no ending" for file in visible_files(folder)})
        there = f"its files have the endings {', '.join(others[:8])}" if others else "it is empty"
        raise InputError(
            f"{option} {path} holds no photograph that can be read: {there}; name a folder of JPEG, PNG, …"
        )
    return folder


def _existing(path: Path, option: str, is_folder: bool) -> Path:
    kind = "folder" if is_folder else "file"
    if not (path.is_dir() if is_folder else path.is_file()):
        said = f"is no {kind}" if path.exists() else "does not exist"
        raise InputError(f"{option} {path} {said}; name the {kind}")
    real = Path(os.path.realpath(path))
    if "${" in str(real):
        raise InputError(f"{option} {real} has ${{ in its path, which DVC takes for a variable; rename the {kind}")
    return real


def _by_file(images: Path, labels: Path) -> Source:
    table = _existing(labels, "--labels", is_folder=False)
    return Source("folder", links={IMAGES: images}, files={LABELS: table.read_bytes()}, origins={LABELS: labels})


def _by_folders(images: Path) -> Source:
    found = label_by_folder(images)
    files = {LABELS: labels_text(found).encode()}
    return Source("folder", links={IMAGES: images}, files=files | found.left_out_file, said=found.said)


def _coco(path: Path, images: Path | None) -> Source:
    """A folder as ``prepare`` reads it, or one file and the folder of its images, by default the file's own."""
    if path.is_dir():
        if images is not None:
            raise InputError(f"--coco {path} is a folder, which has its images in it; leave --images out")
        return Source("coco", root=_existing(path, "--coco", is_folder=True))
    file = _existing(path, "--coco", is_folder=False)
    folder = (
        photograph_folder(file.parent, "--images is not given, and the file's own folder")
        if images is None
        else photograph_folder(images, "--images")
    )
    return Source("coco", links={"annotations.json": file, IMAGES: folder})


def _voc(path: Path, images: Path | None) -> Source:
    """A folder as ``prepare`` reads it, or a folder of XML files and one of images."""
    root = _existing(path, "--voc", is_folder=True)
    if images is None:
        return Source("voc", root=root)
    annotations = root / "Annotations" if (root / "Annotations").is_dir() else root
    if not any(annotations.rglob("*.xml")):
        raise InputError(f"--voc {path} holds no XML file; name the folder of the annotations, or a devkit")
    links = {IMAGES: photograph_folder(images, "--images"), "Annotations": annotations}
    known = ("ImageSets", "SegmentationObject", "SegmentationClass", "labelmap.txt")
    return Source("voc", links=links | {name: root / name for name in known if (root / name).exists()})

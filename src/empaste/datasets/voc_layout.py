"""Where the images, annotations and lists of a VOC data set lie, as published and as tools export them."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath
from typing import NamedTuple

from empaste.artifacts.fields import listed
from empaste.artifacts.image_names import without_ending
from empaste.datasets.naming import SPLIT_NAMES, ImageFiles, differ, split_called
from empaste.datasets.records import Split
from empaste.datasets.settings import PrepareSettings
from empaste.datasets.splitting import drawn_splits
from empaste.errors import InputError
from empaste.images import SUFFIXES, leads_out
from empaste.photograph_files import is_hidden

SETS: tuple[tuple[Split, tuple[str, ...]], ...] = (
    ("train", ("Segmentation/trainaug.txt", "Segmentation/train.txt", "Main/train.txt")),
    ("val", ("Segmentation/val.txt", "Main/val.txt")),
)
IMAGE_FOLDERS = ("JPEGImages", "images", "data")


class Place(NamedTuple):
    """An image of a set: its split, its name without ending, where its files lie, and the list that names it."""

    split: Split
    name: str
    images: ImageFiles
    annotations: Path
    origin: str


def year_folder(root: Path) -> Path:
    """The folder that has the images: ``root`` itself, or the one year below it."""
    if _is_voc(root):
        return root
    years = [place for pattern in ("VOC20*", "VOCdevkit/VOC20*") for place in sorted(root.glob(pattern))]
    years = [place for place in years if _is_voc(place)]
    if len(years) > 1:
        there = listed([place.relative_to(root).as_posix() for place in years])
        raise InputError(f"{root} holds several years: {there}; set prepare.root to one of them")
    if not years:
        raise InputError(
            f"{root} is no VOC devkit: neither it nor VOCdevkit/VOC20* in it has JPEGImages and ImageSets, images and "
            "Annotations, or folders train and valid with XML beside images; set prepare.root"
        )
    return years[0]


def _is_voc(place: Path) -> bool:
    has_lists = (place / "ImageSets").is_dir() or (place / "Annotations").is_dir()
    return (_image_folder(place) is not None and has_lists) or bool(_split_folders(place))


def _image_folder(root: Path) -> Path | None:
    return next((root / name for name in IMAGE_FOLDERS if (root / name).is_dir()), None)


def _split_folders(root: Path) -> dict[str, list[Path]]:
    """Folders named after a split that hold XML files, by split; empty unless there are some of both."""
    found: dict[str, list[Path]] = {}
    for folder in sorted(root.glob("*")):
        if folder.is_dir() and (split := split_called(folder.name)) and any(folder.glob("*.xml")):
            found.setdefault(split, []).append(folder)
    return found if len(found) == len(SPLIT_NAMES) else {}


def list_places(root: Path, settings: PrepareSettings, warnings: list[str]) -> list[Place]:
    """The images of both splits, in the order of the lists that name them."""
    folder = _image_folder(root)
    if folder is None:
        return _places_beside(root)
    images, annotations = ImageFiles(folder), root / "Annotations"
    chosen = {split: _image_set(root, choices) for split, choices in SETS}
    if any(chosen.values()):
        for split, choices in SETS:
            if chosen[split] is None:
                raise InputError(f"{root / 'ImageSets'} has none of {', '.join(choices)}; restore one of them")
        return [
            Place(split, name, images, annotations, str(path))
            for split, _ in SETS
            if (path := chosen[split]) is not None
            for name in _names_in(path, images)
        ]
    names, origin = _all_names(root, images)
    splits = drawn_splits(names, settings, origin, warnings)
    return [Place(splits[name], name, images, annotations, str(origin)) for name in names]


def _places_beside(root: Path) -> list[Place]:
    """The images of folders that are named after the splits and hold XML beside images."""
    places = []
    for split, _ in SETS:
        folders = _split_folders(root)[split]
        if len(folders) > 1:
            raise InputError(f"{root} has several folders of the split {split}: {listed(folders)}; keep one of them")
        images = ImageFiles(folders[0])
        places += [
            Place(split, path.stem, images, folders[0], str(folders[0]))
            for path in sorted(folders[0].glob("*.xml"))
            if not is_hidden(path.name)
        ]
    return places


def _all_names(root: Path, images: ImageFiles) -> tuple[list[str], Path]:
    """The names in the one list of images that there is, or of all XML files; and where they stand."""
    lists = [path for path in sorted((root / "ImageSets").glob("*/*.txt")) if path.stem.lower() in ("default", "all")]
    if lists:
        return list(dict.fromkeys(name for path in lists for name in _names_in(path, images))), lists[0]
    if (root / "ImageSets").is_dir() and any((root / "ImageSets").rglob("*.txt")):
        raise InputError(f"{root / 'ImageSets'} has none of {', '.join(SETS[0][1])}; restore one of them")
    folder = root / "Annotations"
    files = [path.relative_to(folder) for path in sorted(folder.rglob("*.xml"))]
    return [path.with_suffix("").as_posix() for path in files if not any(map(is_hidden, path.parts))], folder


def _image_set(root: Path, choices: Sequence[str]) -> Path | None:
    """The first of the image sets that is there, its split called as it may be (``Main/Validation.txt``)."""
    for choice in choices:
        exact = root / "ImageSets" / choice
        if exact.is_file():
            return exact
        others = [
            path
            for path in sorted(exact.parent.glob("*.txt"))
            if split_called(path.stem) == exact.stem and not is_hidden(path.name)
        ]
        if differ(others):
            raise InputError(f"{exact.parent} has several lists of the split {exact.stem}: {listed(others)}; keep one")
        if others:
            return others[0]
    return None


def _names_in(path: Path, images: ImageFiles) -> list[str]:
    """The names of an image set, each once; a line may name an image file and its mask, or a name and 1 or -1."""
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not a readable list in UTF-8: {error}; restore it") from error
    names = [_name_in(line.strip(), images, path) for line in lines if line.strip()]
    return list(dict.fromkeys(names))


def _name_in(line: str, images: ImageFiles, path: Path) -> str:
    """The image's name in a line: all of it where there is such an image, else its first word."""
    for text in (line, line.split()[0]):
        name = _bare(text)
        if image_files(images, name):
            return name
    if leads_out(name):
        raise InputError(f"{path}: the file name is {line!r}; it must be a path below {images.root}, without '..'")
    return name


def _bare(text: str) -> str:
    """A name without the ending of an image, the folders up to that of the images, and a slash in front."""
    plain = text.replace("\\", "/")
    for folder in IMAGE_FOLDERS:
        plain = f"/{plain}".rpartition(f"/{folder}/")[2] if f"/{folder}/" in f"/{plain}" else plain
    return without_ending(PurePosixPath(plain.lstrip("/"))).as_posix()


def image_files(images: ImageFiles, name: str) -> list[Path]:
    """The photographs called ``name``, whatever their ending."""
    if leads_out(name):
        return []
    found = (images.below(images.root, f"{name}{suffix}") for suffix in SUFFIXES)
    return list(dict.fromkeys(path for path in found if path))


def xml_file(place: Place) -> Path:
    """Where the annotations of an image lie, whether there are any or not."""
    return place.annotations / f"{place.name}.xml"

"""An export: what is lost is said first, then everything is written into a new folder, whole or not at all."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from empaste.artifacts.outputs import whole_directory, write_whole
from empaste.errors import InputError
from empaste.exporting import FORMATS
from empaste.exporting.annotated import AnnotatedSet
from empaste.exporting.format import Format
from empaste.exporting.images import Way, check_files, check_way, write_images
from empaste.exporting.losses import tell_losses, without_crowds
from empaste.exporting.naming import export_names
from empaste.exporting.originals import in_originals
from empaste.exporting.reading import Places, original_folder, read_source, without_empty

RENAMED = "renamed.csv"
"""The old and the new names of images, where any was changed."""


class Export(NamedTuple):
    """How much was written."""

    num_images: int
    num_instances: int


def export_data_set(
    what: str,
    out: Path,
    format_name: str,
    places: Places,
    *,
    images: str,
    min_score: float,
    tell: Callable[[str], None],
) -> Export:
    """The new folder ``out`` holds ``what`` (a key of `reading.SOURCES`) in the format, a key of `FORMATS`.

    Instances with a score under ``min_score`` are left out. ``images``: whether image files are copied, linked or left
    where they are (`images.Way`). What is lost, left out or renamed is told, with its number, before anything is
    written. `InputError` where ``out`` exists, an image is missing, or the format cannot take this data set.
    """
    target, way = _format(format_name), check_way(images)
    check_new(out)
    data, empty, low = without_empty(read_source(what, places), min_score)
    if not data.images:
        raise InputError(f"{what} holds no image; there is nothing to export")
    if places.originals:
        data = in_originals(data, places.run, original_folder(places))
    turned = check_files(data.images, way)
    named = renamed(data, target)
    said = [*_tell_left_out(empty, low, min_score), *tell_losses(data, target), *_tell_images(data, named, turned, way)]
    for line in said:
        tell(line)
    kept = without_crowds(named) if "crowds" in target.lacks else named
    with whole_directory(out) as folder:
        target.write(kept, folder)
        write_images(kept.images, folder / target.images, way, turned)
        _write_renamed(data, named, folder)
    return Export(len(kept.images), kept.num_instances)


def check_new(out: Path) -> None:
    """`InputError` where ``out`` is there already."""
    if out.exists() or out.is_symlink():
        raise InputError(f"{out} exists; name a new place, or remove it")


def renamed(data: AnnotatedSet, target: Format) -> AnnotatedSet:
    """``data`` with names of images that ``target`` takes, no two alike."""
    names = export_names(
        [image.name for image in data.images], flat="folders" in target.lacks, by_stem=target.names_by_stem
    )
    images = tuple(image._replace(name=name) for image, name in zip(data.images, names, strict=True))
    return data._replace(images=images)


def _format(name: str) -> Format:
    if name not in FORMATS:
        raise InputError(f"--format is {name!r}; choose from {', '.join(FORMATS)}")
    return FORMATS[name]


def _tell_left_out(empty: int, low: int, min_score: float) -> list[str]:
    said = [f"{empty} instances have no pixel and are left out"] if empty else []
    return said + ([f"{low} instances score less than {min_score:g} and are left out"] if low else [])


def _tell_images(data: AnnotatedSet, named: AnnotatedSet, turned: set[int], way: Way) -> list[str]:
    changed = [(old.name, new.name) for old, new in zip(data.images, named.images, strict=True) if old.name != new.name]
    said = []
    if changed:
        old, new = changed[0]
        said.append(f"{len(changed)} images are renamed, {old!r} for one to {new!r}: {RENAMED} lists them")
    if turned and way == "copy":
        said.append(f"{len(turned)} images that EXIF turns are written upright, as their masks are")
    elif turned:
        said.append(f"EXIF turns {len(turned)} images: a tool that does not heed it shows their masks elsewhere")
    return said


def _write_renamed(data: AnnotatedSet, named: AnnotatedSet, folder: Path) -> None:
    rows = [(old.name, new.name) for old, new in zip(data.images, named.images, strict=True) if old.name != new.name]
    if rows:
        text = io.StringIO()
        csv.writer(text).writerows([("file", "exported"), *rows])
        write_whole(folder / RENAMED, text.getvalue().encode(errors="backslashreplace"))

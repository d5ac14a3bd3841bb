"""The image files of an export: copied, linked or left where they are."""

from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

from PIL import Image
from tqdm import tqdm

from empaste.artifacts.shards import ShardEntry
from empaste.errors import InputError
from empaste.exporting.annotated import AnnotatedImage
from empaste.photographs import SIDES_SWAPPED, read_header, read_photograph

Way = Literal["copy", "link", "none"]
"""How images go along: as files, as links to where they are, or not at all."""


def check_way(way: str) -> Way:
    """``way`` where it is one of `Way`; else `InputError`."""
    for one in get_args(Way):
        if way == one:
            checked: Way = one
            return checked
    raise InputError(f"--images is {way!r}; choose from {', '.join(get_args(Way))}")


def check_files(images: Iterable[AnnotatedImage], way: Way) -> set[int]:
    """The ids of the images that EXIF turns: their instances are in pixels of the upright picture.

    `InputError` where a file is missing or of another size than its instances refer to, or cannot be linked.
    """
    turned: set[int] = set()
    if way == "none":
        return turned
    for image in images:
        if isinstance(image.file, ShardEntry):
            if way == "link":
                raise InputError(f"{image.file} lies in an archive and cannot be linked; use --images copy")
        elif _is_turned(image, image.file):
            turned.add(image.image_id)
    return turned


def _is_turned(image: AnnotatedImage, file: Path) -> bool:
    if not file.is_file():
        raise InputError(
            f"{file} is no file; name the folder that the images lie in by --image-folder, or use --images none"
        )
    header = read_header(file)
    swapped = header.orientation in SIDES_SWAPPED
    upright = (header.width, header.height) if swapped else (header.height, header.width)
    if upright != image.size_hw:
        height, width = image.size_hw
        raise InputError(
            f"{file} is {upright[1]} × {upright[0]} pixels, but its instances are of an image of {width} × {height}; "
            "name the folder of the right images by --image-folder"
        )
    return header.orientation != 1


def write_images(images: Iterable[AnnotatedImage], folder: Path, way: Way, turned: set[int]) -> None:
    """``folder`` holds every image under its name; with "copy" those ``turned`` by EXIF are written upright."""
    if way == "none":
        return
    folder.mkdir(parents=True, exist_ok=True)
    for image in tqdm(images, desc="images", unit="image"):
        place = folder / image.name
        place.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(image.file, ShardEntry):
            place.write_bytes(image.file.read())
        elif way == "link":
            place.symlink_to(image.file.resolve())
        elif image.image_id in turned:
            kind = None if place.suffix.lower() in Image.registered_extensions() else "JPEG"
            Image.fromarray(read_photograph(image.file).image).save(place, kind, quality=95)
        else:
            place.write_bytes(image.file.read_bytes())

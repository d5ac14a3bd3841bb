"""VOC's mask files: an object and a class per pixel, as indices of 8 or 16 bits or in colours of ``labelmap.txt``."""

from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Integer

from empaste.artifacts import fields
from empaste.errors import InputError
from empaste.photographs import read_indices

VOID = 255
VOID_COLOUR = (224, 224, 192)
"""What void is in masks of colours."""


class LabelMap(NamedTuple):
    """The classes of ``labelmap.txt``, with id 1 first, and the id of every colour; 0 is the background."""

    names: tuple[str, ...]
    ids: dict[tuple[int, ...], int]


def read_label_map(root: Path) -> LabelMap | None:
    """The classes and colours of ``labelmap.txt`` (name:r,g,b:parts:actions); None where there is none."""
    path = root / "labelmap.txt"
    if not path.is_file():
        return None
    names: list[str] = []
    ids: dict[tuple[int, ...], int] = {}
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not readable text in UTF-8: {error}; restore it") from error
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.startswith("#"):
            continue
        place = f"{path}, line {number}"
        raw, _, rest = line.partition(":")
        name, colour = fields.name(raw, f"{place}: the name"), rest.partition(":")[0].strip()
        is_background = name.lower() == "background"
        if name in names:
            raise InputError(f"{place}: the class {name!r} stands there already; remove one of the lines")
        names += [] if is_background else [name]
        if colour:
            sides = fields.numbers(colour.split(","), f"{place}: the colour", 3)
            ids[tuple(int(side) for side in sides)] = 0 if is_background else len(names)
    return LabelMap(tuple(names), ids)


MAX_OBJECTS = 4096
"""Objects of one image: a photograph in the place of a mask has more values."""


def instance_masks(
    objects: Integer[np.ndarray, "..."], classes: Integer[np.ndarray, "..."], name: str, num_classes: int
) -> list[tuple[int, np.ndarray]]:
    """Class id and mask per instance: the class that most of the object's pixels carry; ``name`` is for errors."""
    if objects.shape != classes.shape:
        raise InputError(f"{name} is {objects.shape}, its SegmentationClass file {classes.shape}; restore both files")
    void = void_pixels(objects, classes)
    values = np.unique(objects[~void])
    if len(values) > MAX_OBJECTS:
        raise InputError(f"{name} holds {len(values)} objects; it is no mask that numbers them: restore it")
    found = []
    for value in values:
        if value == 0:
            continue
        mask = (objects == value) & ~void
        votes = np.bincount(classes[mask], minlength=VOID + 1)
        votes[[0, VOID]] = 0
        class_id = int(votes.argmax())
        if not 1 <= class_id <= num_classes or not votes[class_id]:
            raise InputError(f"{name}: object {value} has the class value {class_id}; allowed are 1 to {num_classes}")
        found.append((class_id, mask))
    return found


def void_pixels(objects: Integer[np.ndarray, "h w"], classes: Integer[np.ndarray, "h w"]) -> np.ndarray:
    """The pixels of which nobody said what they show: 255, which in 16-bit masks of objects may be an instance."""
    if objects.max(initial=0) <= VOID:
        return np.asarray(objects == VOID)
    return np.asarray((classes == VOID) & np.isin(objects, (0, VOID, 65535)))


def object_values(path: Path, label_map: LabelMap | None) -> Integer[np.ndarray, "h w"]:
    """A number per pixel of a mask of objects; colours are numbered as they come, black 0, void's colour 255."""
    values = _mask_values(path, label_map)
    if values.ndim == 2:
        return values
    packed = _packed(values)
    colours, places = np.unique(packed, return_inverse=True)
    numbers = np.arange(256, 256 + len(colours))
    numbers[colours == 0] = 0
    numbers[colours == _packed(np.array(VOID_COLOUR))] = VOID
    return numbers[places].reshape(packed.shape)


def class_values(path: Path, label_map: LabelMap | None) -> Integer[np.ndarray, "h w"]:
    """The class per pixel of a mask of classes; colours are those of ``label_map``."""
    values = _mask_values(path, label_map)
    if values.ndim == 2:
        return values
    packed = _packed(values)
    found = np.full(packed.shape, -1)
    for colour, class_id in ((label_map.ids if label_map else {}) | {VOID_COLOUR: VOID}).items():
        found[packed == _packed(np.array(colour))] = class_id
    if (found < 0).any():
        colour = values[found < 0][0].tolist()
        raise InputError(f"{path} has the colour {colour}, which labelmap.txt does not name; add it there")
    return found


def _packed(values: Integer[np.ndarray, "*shape 3"]) -> Integer[np.ndarray, "*shape"] | np.integer[Any]:
    """Colours as one number each."""
    packed: Integer[np.ndarray, "*shape"] | np.integer[Any] = values.astype(int) @ np.array([65536, 256, 1])
    return packed


def _mask_values(path: Path, label_map: LabelMap | None) -> np.ndarray:
    """The indices in a mask file (h, w), or where ``label_map`` names colours its colours (h, w, 3)."""
    values = read_indices(path)
    if values.ndim != 2 and not (values.shape[2:] == (3,) and label_map and label_map.ids):
        raise InputError(
            f"{path} has {values.ndim} axes; a VOC mask holds palette indices in one channel, and one of colours needs "
            "labelmap.txt: restore it"
        )
    if values.dtype.kind not in "biu" or values.min(initial=0) < 0:
        raise InputError(f"{path} holds {values.dtype} values; a VOC mask holds palette indices: restore it")
    return values.astype(np.uint8) if values.dtype.kind == "b" else values

"""Results in the pixels of the user's own photographs: whole and at full size, as they were before `prepare`.

`prepare` shrinks photographs (``prepare.max_side``) and cuts off margins (``prepare.trim_margins``), and every stage
after it sees what it wrote. ``data/originals`` holds the way back.
"""

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from tqdm import tqdm

from empaste.artifacts.schemas.originals import Originals
from empaste.artifacts.tables import read_from
from empaste.errors import InputError
from empaste.exporting.annotated import AnnotatedImage, AnnotatedSet
from empaste.layout import Layout
from empaste.masks import decode_mask, encode_mask
from empaste.rle import RLE

IMAGES = "images/"
"""The folder of a data set that its labels leave out of the names of images."""


def in_originals(data: AnnotatedSet, run: Layout, root: Path) -> AnnotatedSet:
    """``data``, of images in ``data/images``, on the photographs below ``root`` that they were made of.

    Names are those of the files below ``root``. `InputError` where an image was made of no file, as the demo's.
    """
    known = {row.image_id: row for row in read_from(run.originals, Originals).itertuples(index=False)}
    if lacking := [image.name for image in data.images if image.image_id not in known]:
        raise InputError(
            f"{lacking[0]} was made of no file, so there is no original of it (the demo's images are drawn); leave "
            "--originals out"
        )
    images = tuple(_in_original(image, known[image.image_id], root) for image in tqdm(data.images, "originals"))
    return data._replace(images=images)


def _in_original(image: AnnotatedImage, row: Any, root: Path) -> AnnotatedImage:
    """``image`` on its photograph, of which a ``row`` of `Originals` tells."""
    size_hw, margins = (row.height, row.width), (row.top, row.bottom, row.left, row.right)
    instances = tuple(one._replace(mask=enlarged(one.mask, size_hw, margins)) for one in image.instances)
    file = Path(row.file)
    name = file.name if file.is_absolute() else row.file.removeprefix(IMAGES)
    return AnnotatedImage(image.image_id, name, size_hw, root / file, instances)


def enlarged(mask: RLE, size_hw: tuple[int, int], margins: tuple[int, int, int, int]) -> RLE:
    """A mask of an image in ``data/images``, in the pixels of its photograph, which has the size ``size_hw``.

    ``margins`` (top, bottom, left, right) were cut off the image, in its pixels. Edges run where bilinear interpolation
    of the mask crosses a half.
    """
    top, bottom, left, right = margins
    whole = np.pad(decode_mask(mask), ((top, bottom), (left, right)))
    if whole.shape == size_hw:
        return encode_mask(whole)
    return encode_mask(cv2.resize(whole.astype(np.float32), size_hw[::-1], interpolation=cv2.INTER_LINEAR) > 0.5)

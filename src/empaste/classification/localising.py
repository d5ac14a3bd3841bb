"""The localiser of a data set: learned from its training images once, and kept while its heat maps are made."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd

from empaste.artifacts.checkpoints import load_checkpoint, save_checkpoint
from empaste.artifacts.classifier import TrainedClassifier
from empaste.artifacts.schemas.prepare import Images
from empaste.artifacts.tables import read_from
from empaste.classification.cam import input_side
from empaste.classification.cam_settings import CamSettings
from empaste.classification.labelled_images import label_matrix, load_squares
from empaste.classification.localiser import Localiser, drawn_rows, learn_localiser, look_at
from empaste.errors import InputError

FILE = "localiser.pt"


def get_localiser(
    classifier: Callable[[], TrainedClassifier],
    images: Path,
    paths: Mapping[int, Path],
    pairs: pd.DataFrame,
    settings: CamSettings,
    work: Path,
) -> Callable[[], Localiser | None]:
    """What gives a process the localiser that ``settings.method`` asks for; None where it asks for none.

    It is learned from the training images at ``paths``, by id, whose sizes the folder ``images`` tells, and their
    ``pairs`` of image and class, unless ``work`` holds it already; without any image there is none.
    """
    if settings.method == "grad_cam" or not paths:
        return _no_localiser
    path = (work / FILE).resolve()
    if load_checkpoint(path) is None:
        learned = _learn(classifier(), images, paths, pairs, settings, work)
        save_checkpoint(path, learned._asdict())
    return partial(load_localiser, path)


def load_localiser(path: Path) -> Localiser:
    """The localiser in ``path``, on the CPU; `InputError` where it is gone or damaged."""
    content = load_checkpoint(path)
    if content is None:
        raise InputError(f"{path} is gone or damaged; run again: dvc repro cams")
    return Localiser(**content)


def _no_localiser() -> None:
    return None


def _learn(
    classifier: TrainedClassifier,
    images: Path,
    paths: Mapping[int, Path],
    pairs: pd.DataFrame,
    settings: CamSettings,
    work: Path,
) -> Localiser:
    sizes = read_from(images, Images).set_index("image_id")[["height", "width"]]
    labels = label_matrix(list(paths), classifier.class_ids, pairs[["image_id", "class_id"]].to_numpy())
    rows = drawn_rows(labels, settings.lse.seed)
    image_ids = np.array(list(paths), int)[rows].tolist()
    sizes_hw = [(int(height), int(width)) for height, width in sizes.loc[image_ids].to_numpy()]
    sides = sorted({input_side(classifier, scale) for scale in settings.scales})
    views = []
    for side in sides:
        squares = load_squares([paths[image_id] for image_id in image_ids], side, work / f"squares_{side}.npy")
        views.append(look_at(classifier, squares, sizes_hw, settings.batch_size, work / f"maps_{side}.npy"))
    return learn_localiser(views, labels[rows], settings.lse)

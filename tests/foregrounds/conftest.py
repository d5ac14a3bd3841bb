"""A small world of images, segments and features in which the right choice is known."""

from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from empaste.foregrounds.settings import ForegroundsSettings
from empaste.masks import encode_mask

World = tuple[pd.DataFrame, pd.DataFrame, np.ndarray, np.ndarray, list[int]]
"""Segments, CAMs, phi, probabilities and the ids of the classes."""

SETTINGS = ForegroundsSettings.model_validate(
    {
        "initial": "published",
        "num_nearest": 1,
        "iterations": 2,
        "keep_percent": 70.0,
        "folds": 1,
        "distance": "mahalanobis",
        "covariance": "identity_shrinkage",
        "shrinkage": 0.3,
        "components": 0.95,
        "normalise": False,
        "evidence_weight": 0.0,
        "num_best": 0,
        "max_components": 1,
        "max_instances": 1,
        "instance_quantile": 0.5,
        "instance_overlap": 0.2,
        "min_prob": 0.1,
    }
)


def settings_of(**changes: Any) -> ForegroundsSettings:
    """The settings of these tests, changed."""
    return ForegroundsSettings.model_validate(SETTINGS.model_dump() | changes)


def square(x: int, y: int, side: int = 4, size_hw: tuple[int, int] = (20, 30)) -> np.ndarray:
    mask = np.zeros(size_hw, bool)
    mask[y : y + side, x : x + side] = True
    return mask


def segment_rows(entries: Iterable[tuple[int, np.ndarray]]) -> pd.DataFrame:
    """A table as `schemas.Segments` has it, from (image_id, mask)."""
    rows = []
    for number, (image_id, mask) in enumerate(entries):
        ys, xs = np.nonzero(mask)
        rows.append(
            {
                "segment_id": number,
                "image_id": image_id,
                "counts": encode_mask(mask)["counts"],
                "height": mask.shape[0],
                "width": mask.shape[1],
                "area": int(mask.sum()),
                "x": int(xs.min()),
                "y": int(ys.min()),
                "box_width": int(np.ptp(xs)) + 1,
                "box_height": int(np.ptp(ys)) + 1,
                "score": 0.5,
            }
        )
    return pd.DataFrame(rows)


def cam_rows(entries: Iterable[tuple[int, int, tuple[float, float] | None]]) -> pd.DataFrame:
    """A table as `schemas.Cams` has it, from (image_id, class_id, centre or None)."""
    return pd.DataFrame(
        [
            {
                "image_id": image_id,
                "class_id": class_id,
                "prob": 0.9,
                "centre_x": float("nan") if centre is None else float(centre[0]),
                "centre_y": float("nan") if centre is None else float(centre[1]),
                "cam_empty": centre is None,
            }
            for image_id, class_id, centre in entries
        ]
    )


@pytest.fixture
def world() -> World:
    """Eight images with three segments each; class 3 is segment 0 of each image, and the map of image 8 is empty.

    In image 5 the map points at the wrong segment, which the class statistics put right.
    """
    segments = segment_rows([(i, square(x, 5)) for i in range(1, 9) for x in (2, 12, 22)])
    cams = cam_rows([(i, 3, (23.5, 6.5) if i == 5 else (3.5, 6.5)) for i in range(1, 8)] + [(8, 3, None)])
    rng = np.random.default_rng(0)
    phi = rng.normal(0, 1, (24, 5)).astype(np.float32)
    phi[::3] = 4 + rng.normal(0, 0.2, (8, 5))
    probs = np.full((24, 2), 0.05, np.float32)
    probs[::3, 1] = np.linspace(0.3, 0.9, 8)
    return segments, cams, phi, probs, [1, 3]

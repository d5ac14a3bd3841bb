"""A tiny data set of composites: red squares and green discs on noise."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from empaste.artifacts.coco import instance
from empaste.artifacts.coco_records import Annotation, ImageRecord
from empaste.artifacts.shards import write_shards
from empaste.images import encode_rgb
from empaste.masks import encode_mask

CLASSES = [{"id": 3, "name": "square", "supercategory": "shape"}, {"id": 7, "name": "disc", "supercategory": "shape"}]


def draw_composites(folder: Path, num_images: int, size_hw: tuple[int, int] = (64, 64), seed: int = 0) -> Path:
    """``folder`` holds composites of one square (class 3) and one disc (class 7) each; returns the COCO file."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(seed)
    images: list[ImageRecord] = []
    annotations: list[Annotation] = []
    files: list[tuple[str, bytes]] = []
    for image_id in range(1, num_images + 1):
        pixels, masks = _drawing(rng, size_hw)
        files.append((f"{image_id}.png", encode_rgb(pixels, ".png")))
        images.append({"id": image_id, "file_name": f"{image_id}.png", "height": size_hw[0], "width": size_hw[1]})
        for class_id, mask in zip((3, 7), masks, strict=True):
            annotations.append(instance(len(annotations) + 1, image_id, class_id, encode_mask(mask)))
    write_shards(folder, files)
    path = folder / "instances.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": CLASSES}))
    return path


def _drawing(rng: np.random.Generator, size_hw: tuple[int, int]) -> tuple[np.ndarray, list[np.ndarray]]:
    height, width = size_hw
    pixels = rng.integers(90, 130, (height, width, 3), np.uint8)
    square, disc = np.zeros(size_hw, np.uint8), np.zeros(size_hw, np.uint8)
    side = int(rng.integers(14, 22))
    y, x = int(rng.integers(0, height - side)), int(rng.integers(0, width // 2 - side))
    square[y : y + side, x : x + side] = 1
    centre = int(rng.integers(width // 2 + 11, width - 11)), int(rng.integers(11, height - 11))
    cv2.circle(disc, centre, int(rng.integers(7, 11)), 1, -1)
    pixels[square > 0], pixels[disc > 0] = (220, 30, 30), (30, 220, 30)
    return pixels, [square > 0, disc > 0]


@pytest.fixture
def composites(tmp_path: Path) -> Path:
    """Eight composites of 64 × 64 pixels."""
    draw_composites(tmp_path / "composites", 8)
    return tmp_path / "composites"

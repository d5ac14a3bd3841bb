"""Small photographs in folders."""

from pathlib import Path

import numpy as np
from PIL import Image


def write_photo(path: Path, seed: int, size_wh: tuple[int, int] = (96, 72)) -> Path:
    """An image like no other of another seed."""
    values = np.random.default_rng(seed).integers(0, 255, (6, 8, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).resize(size_wh, Image.Resampling.BICUBIC).save(path)
    return path


def write_folders(root: Path, num: int = 4, labels: tuple[str, ...] = ("cat", "dog")) -> Path:
    """``num`` photographs in a folder per label."""
    for place, label in enumerate(labels):
        for number in range(num):
            write_photo(root / label / f"{number}.jpg", 100 * place + number)
    return root

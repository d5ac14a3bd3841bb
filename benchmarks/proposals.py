"""How long a proposal source takes per image and core, beside OpenCV's selective search, which gives boxes only.

    python -m benchmarks.proposals                     # here, after: dvc repro prepare
    python -m benchmarks.proposals --root DIR --images 20 --method selective_search

From reading the file to the rows of the segments table, CPU time of one thread. The bar is 500 ms. The last line is one
JSON object.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import typer
from jaxtyping import UInt8

from empaste.artifacts import tables
from empaste.artifacts.image_paths import image_paths
from empaste.artifacts.schemas.prepare import Images
from empaste.images import fit_within, read_rgb
from empaste.params import load_params
from empaste.per_process import PerProcess
from empaste.proposals.settings import network_loaders, with_method
from empaste.proposals.table import propose_image, seen_side

BAR_MS = 500.0


def main(root: Path = Path(), images: int = 20, method: str = "selective_search") -> None:
    """Time ``method`` and the peer on the same images, one after the other."""
    cv2.setNumThreads(1)
    table = tables.read_table(root / "data/images/images.parquet", Images)
    chosen = table.iloc[np.unique(np.linspace(0, len(table) - 1, images).round().astype(int))]
    files = list(image_paths(chosen, root / "data/images").values())
    settings = with_method(load_params(root / "params.yaml").proposals, method)
    networks = {name: PerProcess(load) for name, load in network_loaders(settings).items()}
    counts: list[int] = []
    own = mean_ms(lambda path: counts.append(len(propose_image((0, path), settings, networks=networks).rows)), files)
    peer = mean_ms(lambda path: search_boxes(fit_within(read_rgb(path), seen_side(settings))), files)
    print(
        f"{method}: {own:.0f} ms for {np.mean(counts):.0f} masks; OpenCV: {peer:.0f} ms for boxes; bar {BAR_MS:.0f} ms"
    )
    figures = {"method": method, "images": len(files), "segments": round(float(np.mean(counts)), 1)}
    times = {"ms": round(own, 1), "opencv_boxes_ms": round(peer, 1), "bar_ms": BAR_MS}
    print(json.dumps(figures | times | {"times_opencv": round(own / peer, 3), "times_bar": round(own / BAR_MS, 3)}))


def mean_ms(work: Callable[[Path], Any], files: Sequence[Path]) -> float:
    """Mean CPU time of this process per file, in milliseconds, after one that does not count."""
    work(files[0])
    started = time.process_time()
    for path in files:
        work(path)
    return 1000 * (time.process_time() - started) / len(files)


def search_boxes(image: UInt8[np.ndarray, "h w 3"]) -> Sequence[Any]:
    """The boxes of OpenCV's selective search in its fast mode."""
    search = cv2.ximgproc.segmentation.createSelectiveSearchSegmentation()
    search.setBaseImage(np.ascontiguousarray(image[..., ::-1]))
    search.switchToSelectiveSearchFast()
    return search.process()


if __name__ == "__main__":
    typer.run(main)

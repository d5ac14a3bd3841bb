"""How much of the time in which segments are described is spent inside the network, and whether the loader keeps up.

    python -m benchmarks.features                      # here, after: dvc repro proposals classifier
    python -m benchmarks.features --root DIR --images 200 --device cuda

On a CPU the share is that of CPU time, with one thread for the network; its bar is 0.85. On a GPU, look at the share of
the time in which the network waited for images instead. The last line is one JSON object.
"""

import cProfile
import json
import os
import pstats
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import typer

from empaste.artifacts.classifier import load_classifier
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table
from empaste.batches import map_ahead, rebatch
from empaste.devices import limit_threads, torch_device
from empaste.features import encoders, extraction
from empaste.features.describing import show_image
from empaste.features.views import VIEWS
from empaste.layout import HERE

BAR = 0.85


class Stopwatch:
    """Adds up the time inside what it wraps: CPU time of the calling thread, and time on the clock."""

    def __init__(self) -> None:
        self.cpu, self.clock = 0.0, 0.0

    def time(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """``function``, timed."""

        def timed(*args: Any, **kwargs: Any) -> Any:
            cpu, clock = time.thread_time(), time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                self.cpu += time.thread_time() - cpu
                self.clock += time.perf_counter() - clock

        return timed


def main(
    root: Path = Path(),
    images: int = 100,
    views: str = "crop",
    backbones: str = "classifier",
    batch_size: int = 64,
    device: str = "cpu",
    profile: bool = True,
) -> None:
    """Describe the segments of the first images below ``root`` and print where the time went."""
    limit_threads(1)
    classifier = load_classifier(HERE.below(root).classifier, torch_device(device))
    chosen = [VIEWS[name] for name in views.split(",")]
    networks = encoders.load_encoders(backbones.split(","), classifier)
    per_image = segments_per_image(root, images)
    show = partial(show_image, showings=extraction.showings(chosen, networks), erosion=1)
    extraction.num_columns(chosen, networks)  # warms up

    inside, waiting = Stopwatch(), Stopwatch()
    timed = [network._replace(encode=inside.time(network.encode)) for network in networks]
    shown = pulled(waiting, map_ahead(show, per_image, os.cpu_count() or 1))
    cpu, clock = time.process_time(), time.perf_counter()
    num = sum(len(phi) for _, phi in extraction.describe_segments(chosen, timed, shown, batch_size))
    cpu, clock = time.process_time() - cpu, time.perf_counter() - clock

    if profile:
        print("\nEverything but the network, by time spent in each function itself:")
        profiler = cProfile.Profile()
        profiler.runcall(lambda: sum(1 for _ in rebatch(map(show, per_image), batch_size)))
        pstats.Stats(profiler).sort_stats("tottime").print_stats(12)
    share = inside.cpu / cpu
    print(f"{num} segments of {len(per_image)} images, {1000 * cpu / num:.2f} ms of CPU each")
    print(
        f"inside the network: {share:.1%} of the CPU time; waiting for images: {waiting.clock / clock:.1%} of the clock"
    )
    figures = {"segments": num, "segments_per_second": num / clock, "cpu_ms_per_segment": 1000 * cpu / num}
    figures |= {"waiting_share": waiting.clock / clock, "network_share": share, "bar": BAR, "ratio": share / BAR}
    print(json.dumps({name: round(value, 4) for name, value in figures.items()}))


def segments_per_image(root: Path, images: int) -> list[Any]:
    """Path and rows of the first images with segments."""
    layout = HERE.below(root)
    paths = read_image_paths(layout.images)
    table = read_table(layout.segments / "segments.parquet", Segments)
    groups: list[Any] = list(table.groupby("image_id", sort=False))[:images]
    return [(paths[image_id], rows) for image_id, rows in groups]


def pulled(stopwatch: Stopwatch, items: Iterable[list[np.ndarray]]) -> Iterator[list[np.ndarray]]:
    """``items``, with the time until each is there."""
    advance = stopwatch.time(partial(next, iter(items), None))
    while (item := advance()) is not None:
        yield item


if __name__ == "__main__":
    typer.run(main)

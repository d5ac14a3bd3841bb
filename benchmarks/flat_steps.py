"""The steps of `benchmarks.flat_cost`: one step on generated items in a process of its own, timed, its memory watched.

    python -m benchmarks.flat_steps paste run 1000        # in a folder in which the steps before it have run

The steps of one size share the current folder, as the stages of a run do: each reads what those before it wrote. What
no step writes (photographs, networks' answers) is generated, by a process of its own, so that its memory is not
counted. The last line is one JSON object.
"""

import contextlib
import json
import shutil
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import typer

from benchmarks.flat_items import (
    DETECTIONS,
    INSTANCES,
    NUM_CLASSES,
    SEGMENTS,
    generate_segments,
    make_answers,
    make_detections,
    make_no_backgrounds,
    make_photographs,
    masks,
    photograph,
)
from benchmarks.measuring import cpu_seconds_with_children, forget_peak, held_bytes, peak_bytes
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import Coco, Detection
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_into
from empaste.artifacts.truth import read_truth
from empaste.evaluation import evaluate_detections
from empaste.evaluation.mistakes import match_instances
from empaste.layout import HERE
from empaste.paste import SELECTIONS
from empaste.paste.sampling import columns_of, draw, open_draws, write_draws
from empaste.paste.settings import PasteSettings
from empaste.paste.sources import SOURCES
from empaste.proposals.data_set import propose_data_set
from empaste.proposals.recall import proposal_metrics
from empaste.proposals.settings import ProposalsSettings
from empaste.settings import load_settings

REPOSITORY, FILES = Path("repository"), Path("files")
MIB = 2**20


class Step(NamedTuple):
    """What is measured: ``run``, given the number of items; ``make`` its inputs before."""

    run: Callable[[int], None]
    make: Callable[[int], None] | None = None


def prepare(_items: int) -> None:
    """The stage."""
    from stages.prepare import main

    main()


def propose(items: int) -> None:
    """What the stage ``proposals`` does beside seeking segments: keep, join, write and measure them."""
    paths = list(read_image_paths(HERE.images, "train").items())
    settings = load_settings(HERE.params, "proposals", ProposalsSettings)
    segments, _ = propose_data_set(
        paths, settings, {}, {}, partial(generate_segments, shapes=masks()), Path(".work/flat")
    )
    with whole_directory(HERE.segments) as folder:
        write_into(folder, segments, Segments)
    write_json(HERE.metrics / "proposals.json", proposal_metrics(segments, read_truth(HERE.train_truth), items))


def choose_foregrounds(_items: int) -> None:
    """The stage."""
    from stages.foregrounds import main

    main()


def sample(items: int) -> None:
    """Weights of the pool, and ``items`` times the draws of a composite."""
    settings = load_settings(HERE.params, "paste", PasteSettings)
    pool = SOURCES["fem"].read(settings, HERE)
    write_draws(Path("draws"), SELECTIONS[settings.selection](columns_of(pool), settings))
    shares = open_draws(Path("draws"))
    for number in range(items):
        draw(shares, settings.n_p_range[1], np.random.default_rng([5, number]))


def paste(_items: int) -> None:
    """The stage."""
    from stages.paste import main

    main()


def evaluate(_items: int) -> None:
    """What the stage does once detections stand: AP by COCO's rules, confusions, files."""
    truth: Coco = read_coco(HERE.train_truth)
    detections: list[Detection] = json.loads(Path("detections.json").read_bytes())
    metrics = evaluate_detections(truth, detections, "coco").metrics
    write_whole(HERE.detections / "val.json", json.dumps(detections, separators=(",", ":")).encode())
    write_json(HERE.metrics / "evaluate.json", metrics)
    pairs = match_instances(truth, detections)
    write_whole(HERE.plots / "confusion.csv", pd.DataFrame(pairs).to_csv(index=False).encode())


def dvc(*arguments: str) -> None:
    """The command, in this process, in `REPOSITORY`."""
    from dvc.cli import main

    with contextlib.chdir(REPOSITORY):
        assert main(["--quiet", *arguments]) == 0, arguments


def make_repository(items: int) -> None:
    """`REPOSITORY` is a DVC repository without git that holds ``items`` files, and has a folder for a remote."""
    (REPOSITORY / FILES).mkdir(parents=True)
    for number in range(items):
        (REPOSITORY / FILES / f"{number:012d}.jpg").write_bytes(photograph(number))
    dvc("init", "--no-scm")
    dvc("remote", "add", "--default", "local", "../remote")


def hash_files(_items: int) -> None:
    """The files are hashed and copied into the cache."""
    dvc("add", str(FILES))


def push(_items: int) -> None:
    """They go to the remote."""
    dvc("push")


def lose_files(_items: int) -> None:
    """They are gone."""
    shutil.rmtree(REPOSITORY / FILES)


def check_out(_items: int) -> None:
    """They come back from the cache."""
    dvc("checkout")


class Count(NamedTuple):
    """What makes the work of an item, how much of it a generated image has, and how much COCO per training image.

    COCO's as ``empaste plan`` counts it; of detections, 100 in each of the 5,000 validation images.
    """

    what: str
    generated: float
    coco: float

    @property
    def described(self) -> str:
        """For people to read."""
        return f"{self.generated:g} {self.what} (COCO: {self.coco:g})"


PAIRS = INSTANCES * (1 - (INSTANCES - 1) / (2 * NUM_CLASSES))
"""Classes of a generated image, in the mean."""
COCO_LABELS, COCO_SEGMENTS, COCO_DETECTIONS = 2.9, 40, 4.23
IMAGE, FILE = Count("image", 1, 1), Count("file", 1, 1)
COUNTS = {
    "prepare": Count("instances", INSTANCES, 7.3),
    "proposals": Count("segments", SEGMENTS, COCO_SEGMENTS),
    "foregrounds": Count("pairs of class and segment", PAIRS * SEGMENTS, COCO_LABELS * COCO_SEGMENTS),
    "sampling": Count("foregrounds", PAIRS, COCO_LABELS),
    "paste": IMAGE,
    "evaluate": Count("detections", DETECTIONS, COCO_DETECTIONS),
    "dvc add": FILE,
    "dvc push": FILE,
    "dvc checkout": FILE,
}
STEPS = {
    "prepare": Step(prepare, make_photographs),
    "proposals": Step(propose),
    "foregrounds": Step(choose_foregrounds, make_answers),
    "sampling": Step(sample),
    "paste": Step(paste, make_no_backgrounds),
    "evaluate": Step(evaluate, make_detections),
    "dvc add": Step(hash_files, make_repository),
    "dvc push": Step(push),
    "dvc checkout": Step(check_out, lose_files),
}
"""In the order in which they follow from each other."""


def measure(step: Step, items: int) -> dict[str, Any]:
    """Seconds by the clock and of the CPU, and MiB that the process held before the step and at most."""
    before = held_bytes() / MIB
    forget_peak()
    clock, cpu = time.perf_counter(), cpu_seconds_with_children()
    step.run(items)
    seconds = {"seconds": time.perf_counter() - clock, "cpu_seconds": cpu_seconds_with_children() - cpu}
    return {"items": items} | seconds | {"mib_before": before, "mib_peak": peak_bytes() / MIB}


def main(step: str, what: str, items: int) -> None:
    """Make the inputs of a step (``make``), or run it (``run``) and print what it took."""
    cv2.setNumThreads(1)
    if what == "run":
        print(json.dumps(measure(STEPS[step], items)))
    elif make := STEPS[step].make:
        make(items)


if __name__ == "__main__":
    typer.run(main)

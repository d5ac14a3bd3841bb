"""The steps of `benchmarks.flat_cost`: one step on generated items in a process of its own, timed, its memory watched.

    python -m benchmarks.flat_steps paste run 1000        # in a folder in which the steps before it have run

The steps of one size share the current folder, as the stages of a run do: each reads what those before it wrote. What
no step writes (photographs, networks' answers) is generated, by a process of its own, so that its memory is not
counted. The last line is one JSON object.
"""

import contextlib
import json
import resource
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import pandas as pd
import typer
import yaml

from empaste.artifacts.arrays import write_array
from empaste.artifacts.coco import read_coco
from empaste.artifacts.coco_records import Annotation, Coco, Detection
from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from, write_into
from empaste.artifacts.truth import read_truth
from empaste.evaluation import evaluate_detections
from empaste.evaluation.mistakes import match_instances
from empaste.images import encode_rgb
from empaste.layout import HERE, pipeline_folder
from empaste.masks import encode_mask, mask_box_xywh
from empaste.paste import SELECTIONS
from empaste.paste.reading import SOURCES
from empaste.paste.sampling import draw, list_candidates, open_draws, write_draws
from empaste.paste.settings import PasteSettings
from empaste.proposals.data_set import propose_data_set
from empaste.proposals.recall import proposal_metrics
from empaste.proposals.settings import ProposalsSettings
from empaste.proposals.table import COLUMNS, ImageFile, Proposed
from empaste.settings import load_settings

SIDE = 48
"""Pixels of a generated image: work on pixels is small, so that what is left is work on items."""
NUM_CLASSES, NUM_VAL = 20, 2
INSTANCES, SEGMENTS, DETECTIONS = 2, 10, 4
"""Per image."""
LENGTH = 64
"""Of ``phi``."""
MASKS = 400
"""Different masks that instances and segments are drawn from."""
RAW, REPOSITORY, FILES = Path("raw"), Path("repository"), Path("files")
PARAMS: dict[str, dict[str, Any]] = {
    "prepare": {"dataset": "coco", "root": str(RAW)},
    "backgrounds": {"method": "none"},
    "paste": {"n_p": 2, "duplicate_originals": 1, "keep_originals": False, "selection": "repeat_factor"},
}
"""What differs from the shipped parameters."""


class Mask(NamedTuple):
    """An ellipse: its RLE's counts, area and box."""

    counts: str
    area: int
    box_xywh: tuple[int, int, int, int]


class Step(NamedTuple):
    """What is measured: ``run``, given the number of items; ``make`` its inputs before."""

    run: Callable[[int], None]
    make: Callable[[int], None] | None = None


def masks() -> list[Mask]:
    """`MASKS` ellipses."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(MASKS):
        canvas = np.zeros((SIDE, SIDE), np.uint8)
        centre, axes = rng.integers(12, SIDE - 12, 2).tolist(), rng.integers(5, 14, 2).tolist()
        cv2.ellipse(canvas, centre, axes, float(rng.uniform(0, 180)), 0, 360, 1, -1)
        box = mask_box_xywh(canvas > 0)
        found.append(Mask(encode_mask(canvas)["counts"], int(canvas.sum()), box))
    return found


def make_photographs(items: int) -> None:
    """`RAW` is a COCO data set of ``items`` training images and `NUM_VAL` to validate, beside parameters for it."""
    content = yaml.safe_load((pipeline_folder() / HERE.params).read_text())
    for section, values in PARAMS.items():
        content[section] |= values
    HERE.params.write_text(yaml.safe_dump(content))
    shapes = masks()
    for split, first, count in (("train", 1, items), ("val", items + 1, NUM_VAL)):
        folder = RAW / f"{split}2017"
        folder.mkdir(parents=True)
        annotations = [row for number in range(first, first + count) for row in annotated(number, shapes)]
        for number in range(first, first + count):
            (folder / f"{number:012d}.jpg").write_bytes(photograph(number))
        images = [
            {"id": number, "file_name": f"{number:012d}.jpg", "height": SIDE, "width": SIDE}
            for number in range(first, first + count)
        ]
        categories = [{"id": number, "name": f"class {number}"} for number in range(1, NUM_CLASSES + 1)]
        coco = {"images": images, "annotations": annotations, "categories": categories}
        write_whole(RAW / "annotations" / f"instances_{split}2017.json", json.dumps(coco).encode())


def photograph(number: int) -> bytes:
    """The JPEG of clouds that no other number has."""
    rng = np.random.default_rng([1, number])
    clouds = cv2.resize(rng.integers(0, 255, (6, 6, 3), np.uint8), (SIDE, SIDE), interpolation=cv2.INTER_CUBIC)
    return encode_rgb(clouds, ".jpg", 90, full_colour=False)


def annotated(image_id: int, shapes: Sequence[Mask]) -> Iterator[dict[str, Any]]:
    """The instances of an image, as COCO has them."""
    rng = np.random.default_rng([2, image_id])
    for k, place in enumerate(rng.integers(0, len(shapes), INSTANCES).tolist()):
        yield {
            "id": INSTANCES * image_id + k,
            "image_id": image_id,
            "category_id": int(rng.integers(1, NUM_CLASSES + 1)),
            "segmentation": {"size": [SIDE, SIDE], "counts": shapes[place].counts},
            "area": shapes[place].area,
            "bbox": list(shapes[place].box_xywh),
            "iscrowd": 0,
        }


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


def generate_segments(_propose: object, images: Sequence[ImageFile], shapes: Sequence[Mask]) -> Iterator[Proposed]:
    """Segments in place of those that a method finds, as `propose_image` gives them."""
    for image_id, _ in images:
        rng = np.random.default_rng([3, image_id])
        rows = [
            (image_id, one.counts, SIDE, SIDE, one.area, *one.box_xywh, float(score))
            for one, score in zip(
                (shapes[place] for place in rng.choice(len(shapes), SEGMENTS, replace=False).tolist()),
                np.sort(rng.random(SEGMENTS))[::-1],
                strict=True,
            )
        ]
        yield Proposed(pd.DataFrame(rows, columns=COLUMNS), {})


def make_answers(_items: int) -> None:
    """What networks say of the images and segments: CAMs, features and evidence."""
    rng = np.random.default_rng(4)
    labels, segments = read_from(HERE.labels, Labels), read_from(HERE.segments, Segments)
    known = labels[labels["image_id"].isin(segments["image_id"].unique())].reset_index(drop=True)
    num = len(known)
    cams = known.assign(prob=rng.uniform(0.2, 1, num), centre_x=24.0, centre_y=24.0, cam_empty=False)
    write_into(HERE.cams, cams, Cams)
    write_array(HERE.features / "phi.npy", rng.standard_normal((len(segments), LENGTH), np.float32))
    write_array(HERE.features / "probs.npy", rng.random((len(segments), NUM_CLASSES), np.float32))
    rows = known.merge(segments[["image_id", "segment_id"]], on="image_id")
    rows = rows[["image_id", "class_id", "segment_id"]]
    terms = {name: rng.random(len(rows)) for name in ("cam_overlap", "frame_share", "objectness")}
    judged = {name: rng.standard_normal(len(rows)) for name in ("insertion", "deletion")}
    evidence = rows.assign(**terms, **judged, judged=True, score=rng.standard_normal(len(rows)))
    write_into(HERE.evidence, evidence, Evidence)


def choose_foregrounds(_items: int) -> None:
    """The stage."""
    from stages.foregrounds import main

    main()


def sample(items: int) -> None:
    """Weights of the pool, and ``items`` times the draws of a composite."""
    settings = load_settings(HERE.params, "paste", PasteSettings)
    pool = SOURCES["fem"].read(settings, HERE)
    write_draws(Path("draws"), SELECTIONS[settings.selection](list_candidates(pool), settings))
    shares = open_draws(Path("draws"))
    for number in range(items):
        draw(shares, settings.n_p_range[1], np.random.default_rng([5, number]))


def make_no_backgrounds(_items: int) -> None:
    """No synthesised background: all is pasted on originals."""
    write_into(HERE.backgrounds, pd.DataFrame(columns=list(Backgrounds.to_schema().columns)), Backgrounds)


def paste(_items: int) -> None:
    """The stage."""
    from stages.paste import main

    main()


def make_detections(_items: int) -> None:
    """Detections in the training images, two in three of them near an instance."""
    rng = np.random.default_rng(6)
    shapes = masks()
    found = [
        detection(row, shapes[rng.integers(len(shapes))], rng)
        for row in read_coco(HERE.train_truth)["annotations"]
        for _ in range(DETECTIONS // INSTANCES)
    ]
    write_whole(Path("detections.json"), json.dumps(found).encode())


def detection(near: Annotation, shape: Mask, rng: np.random.Generator) -> Detection:
    """The instance ``near``, or by a chance of one in three another shape in its image."""
    is_near = rng.random() < 2 / 3
    return {
        "image_id": near["image_id"],
        "category_id": near["category_id"],
        "bbox": near["bbox"] if is_near else [float(side) for side in shape.box_xywh],
        "score": round(float(rng.beta(4, 2) if is_near else rng.beta(2, 4)), 5),
        "segmentation": near["segmentation"] if is_near else {"size": [SIDE, SIDE], "counts": shape.counts},
    }


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
    before = _memory("VmRSS")
    _forget_peak()
    clock, cpu = time.perf_counter(), _cpu_seconds()
    step.run(items)
    seconds = {"seconds": time.perf_counter() - clock, "cpu_seconds": _cpu_seconds() - cpu}
    return {"items": items} | seconds | {"mib_before": before, "mib_peak": _memory("VmHWM")}


def _cpu_seconds() -> float:
    """Of this process and those that it waited for."""
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _memory(name: str) -> float:
    """MiB that Linux states of this process: ``VmRSS``, what it holds, or ``VmHWM``, the most that it held.

    A process inherits the peak that `resource` knows from the one that started it; not this one.
    """
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:")) / 1024


def _forget_peak() -> None:
    """``VmHWM`` counts from now on."""
    Path("/proc/self/clear_refs").write_text("5")


def main(step: str, what: str, items: int) -> None:
    """Make the inputs of a step (``make``), or run it (``run``) and print what it took."""
    cv2.setNumThreads(1)
    if what == "run":
        print(json.dumps(measure(STEPS[step], items)))
    elif make := STEPS[step].make:
        make(items)


if __name__ == "__main__":
    typer.run(main)

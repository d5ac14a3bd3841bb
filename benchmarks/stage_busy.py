"""How many images or segments a second the stages with networks get through, and how busy these keep the network.

    python -m benchmarks.stage_busy                              # the demo's networks and sizes
    python -m benchmarks.stage_busy --case voc --num-images 4    # the published ones; minutes on a CPU
    python -m benchmarks.stage_busy --device cuda --case voc --num-images 256

Every stage's library call runs on generated images, after a warm-up; networks carry random weights. On a CPU the busy
share is the part of the clock's time within the network's modules; that of the thread is the part of the CPU time of
the thread that drives the network, and what the other would be on an idle machine with a core to spare. On a GPU it is
the part in which the GPU works on the modules, by CUDA events around the outermost ones: gaps between these are the
GPU's waiting. A GPU's figures were not measured yet. The last line is one JSON object.
"""

import json
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from itertools import islice
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import cv2
import numpy as np
import pandas as pd
import torch
import typer
from torch import nn
from torch.nn.modules.module import register_module_forward_hook, register_module_forward_pre_hook

from empaste.artifacts.classifier import TrainedClassifier
from empaste.artifacts.networks import save_network
from empaste.classification.cam_settings import CamSettings
from empaste.classification.locating import locate_data_set
from empaste.detectors.backend import Network
from empaste.detectors.backends import BACKENDS
from empaste.detectors.detecting import DetectSettings, detect_data_set, load_detector
from empaste.devices import limit_threads, torch_device
from empaste.evidence.data_set import judge_data_set
from empaste.evidence.settings import EvidenceSettings
from empaste.features.describing import describe_data_set
from empaste.features.encoders import load_encoders
from empaste.features.settings import FeaturesSettings
from empaste.images import write_rgb
from empaste.layout import HERE
from empaste.masks import encode_mask, mask_box_xywh
from empaste.memory import keep_freed_memory
from empaste.networks.weights import build_network
from empaste.settings import load_settings

GOAL = 0.9
CLASSES, BATCH, WARM_UP = 20, 8, 1
"""Of every case; the detector's images per step; images of the warm-up."""


class Case(NamedTuple):
    """Sizes: of images and segments, the classifier, and the detector."""

    height: int
    width: int
    segments: int
    classifier: tuple[str, int, int]
    """Architecture, width, side."""
    detector: Network
    detections: int
    """Per image, at most."""


CASES = {
    "demo": Case(
        height=144, width=144, segments=15, classifier=("resnet_slim_pooled", 32, 112),
        detector=Network("resnet_slim", "standard", False, 32, 144, True, False), detections=10,
    ),
    "voc": Case(
        height=375, width=500, segments=40, classifier=("resnet50", 0, 224),
        detector=Network("resnet50", "v2", False, 32, 1024, False, False), detections=30,
    ),
}  # fmt: skip


@dataclass
class Busy:
    """What the network was seen to take: seconds by the clock and of the thread's CPU time, or ``events`` of a GPU."""

    on_gpu: bool
    depth: int = 0
    seconds: float = 0.0
    cpu_seconds: float = 0.0
    began: tuple[float, float] = (0.0, 0.0)
    events: list[tuple[torch.cuda.Event, torch.cuda.Event]] = field(default_factory=list)

    def enter(self, _module: nn.Module, _inputs: object) -> None:
        """A module begins; the outermost one counts."""
        self.depth += 1
        if self.depth == 1 and self.on_gpu:
            self.events.append((torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)))
            self.events[-1][0].record()
        elif self.depth == 1:
            self.began = time.perf_counter(), time.thread_time()

    def leave(self, _module: nn.Module, _inputs: object, _outputs: object) -> None:
        """A module ends."""
        self.depth -= 1
        if self.depth == 0 and self.on_gpu:
            self.events[-1][1].record()
        elif self.depth == 0:
            self.seconds += time.perf_counter() - self.began[0]
            self.cpu_seconds += time.thread_time() - self.began[1]

    def total(self) -> float:
        """Seconds within the network's modules."""
        if not self.on_gpu:
            return self.seconds
        torch.cuda.synchronize()
        return sum(float(begin.elapsed_time(end)) for begin, end in self.events) / 1000


@contextmanager
def watched(device: torch.device) -> Iterator[Busy]:
    """All modules are watched within the block."""
    busy = Busy(device.type == "cuda")
    hooks = register_module_forward_pre_hook(busy.enter), register_module_forward_hook(busy.leave, always_call=True)
    try:
        yield busy
    finally:
        for hook in hooks:
            hook.remove()


class World(NamedTuple):
    """Generated inputs of all stages."""

    case: Case
    device: str
    threads: int
    folder: Path
    paths: dict[int, Path]
    labels: pd.DataFrame
    segments: pd.DataFrame
    classifier: TrainedClassifier

    def settings(self, section: str, kind: type[Any]) -> Any:
        """The shipped parameters, on this device."""
        shipped = load_settings(HERE.params, section, kind)
        return shipped.model_copy(update={"device": self.device, "num_threads": self.threads})

    def first(self, num_images: int) -> "World":
        """The world with its first images alone."""
        paths = dict(islice(self.paths.items(), num_images))
        labels, segments = (table[table["image_id"].isin(paths)] for table in (self.labels, self.segments))
        return self._replace(paths=paths, labels=labels, segments=segments)


Run = Callable[[World, Path], tuple[str, int]]
"""Works on a world, unfinished work in a folder; says what it went through and how many."""


def generate(case: Case, num_images: int, device: str, threads: int, folder: Path) -> World:
    """Images, labels (one or two per image), segments and a classifier."""
    rng = np.random.default_rng(0)
    paths: dict[int, Path] = {}
    labels: list[tuple[int, int]] = []
    rows: list[dict[str, Any]] = []
    for image_id in range(1, num_images + 1):
        paths[image_id] = folder / f"{image_id}.jpg"
        clouds = cv2.resize(rng.integers(0, 255, (9, 12, 3), np.uint8), (case.width, case.height))
        write_rgb(paths[image_id], clouds)
        labels += [(image_id, 1 + (image_id + k) % CLASSES) for k in range(1 + image_id % 2)]
        rows += [segment(len(rows) + k, image_id, case, rng) for k in range(case.segments)]
    architecture, width, side = case.classifier
    network = build_network(architecture, width, None, CLASSES, side).eval().to(torch_device(device))
    classifier = TrainedClassifier(network, tuple(range(1, CLASSES + 1)), side)
    table = pd.DataFrame(labels, columns=["image_id", "class_id"])
    return World(case, device, threads, folder, paths, table, pd.DataFrame(rows), classifier)


def segment(segment_id: int, image_id: int, case: Case, rng: np.random.Generator) -> dict[str, Any]:
    """An ellipse as a row of the table of segments."""
    mask = np.zeros((case.height, case.width), np.uint8)
    centre = int(rng.integers(case.width)), int(rng.integers(case.height))
    axes = [int(axis) for axis in rng.integers(case.height // 12, case.height // 4, 2)]
    cv2.ellipse(mask, centre, axes, 0, 0, 360, 1, -1)
    x, y, width, height = mask_box_xywh(mask > 0)
    return {
        "segment_id": segment_id, "image_id": image_id, "counts": encode_mask(mask)["counts"], "height": case.height,
        "width": case.width, "area": int(mask.sum()), "x": x, "y": y, "box_width": width, "box_height": height,
        "score": float(rng.random()),
    }  # fmt: skip


def in_one_process(stream: Callable[[Sequence[Any]], Iterable[Any]], items: Sequence[Any]) -> Iterable[Any]:
    """The stream over the items, as a stage runs it without a cluster."""
    return stream(items)


def prepare_cams(world: World) -> Run:
    """Every class of every image."""
    settings = world.settings("cams", CamSettings)

    def run(part: World, work: Path) -> tuple[str, int]:
        locate_data_set(lambda: part.classifier, lambda: None, part.paths, part.labels, settings, in_one_process, work)
        return "images", len(part.paths)

    return run


def prepare_evidence(world: World) -> Run:
    """Every segment of every image."""
    settings, rng = world.settings("evidence", EvidenceSettings), np.random.default_rng(1)
    heatmaps = rng.random((len(world.labels), 7, 7), np.float32)

    def run(part: World, work: Path) -> tuple[str, int]:
        own = heatmaps[: len(part.labels)]
        judge_data_set(
            lambda: part.classifier, part.segments, part.paths, part.labels, own, settings, in_one_process, work
        )
        return "images", len(part.paths)

    return run


def prepare_features(world: World) -> Run:
    """Every segment."""
    settings = world.settings("features", FeaturesSettings)
    encoders = load_encoders(settings.backbones, world.classifier)

    def run(part: World, work: Path) -> tuple[str, int]:
        describe_data_set(part.segments, part.paths, lambda: encoders, settings, in_one_process, work)
        return "segments", len(part.segments)

    return run


def prepare_evaluate(world: World) -> Run:
    """Every image, by a detector that is written and read first. Its weights are random, its detections many."""
    backend, network = BACKENDS["torchvision"], world.case.detector
    classes = [{"id": number, "name": f"class {number}"} for number in world.classifier.class_ids]
    config = {"backend": "torchvision", **asdict(network), "classes": classes}
    save_network(backend.build(network, CLASSES, None), world.folder / "model", config)
    settings = DetectSettings(0.05, world.case.detections, BATCH, world.threads, world.device)
    detect = load_detector(world.folder / "model", settings)

    def run(part: World, work: Path) -> tuple[str, int]:
        detect_data_set(lambda: detect, list(part.paths.items()), BATCH, in_one_process, work)
        return "images", len(part.paths)

    return run


STAGES: dict[str, Callable[[World], Run]] = {
    "cams": prepare_cams,
    "evidence": prepare_evidence,
    "features": prepare_features,
    "evaluate": prepare_evaluate,
}


def measure(run: Run, world: World, work: Path) -> dict[str, Any]:
    """Rate and busy share of ``run``, after a warm-up."""
    run(world.first(WARM_UP), work / "warm-up")
    with watched(torch_device(world.device)) as busy:
        began, began_cpu = time.perf_counter(), time.thread_time()
        unit, count = run(world, work / "measured")
        inside, seconds, cpu = busy.total(), time.perf_counter() - began, time.thread_time() - began_cpu
    shares = {"busy": round(inside / seconds, 3)}
    shares |= {} if busy.on_gpu else {"busy_of_thread": round(busy.cpu_seconds / cpu, 3)}
    return {"per_second": float(f"{count / seconds:.3g}"), "of": unit} | shares


def main(
    case: Annotated[Literal["demo", "voc"], typer.Option(help="sizes of images and networks")] = "demo",
    num_images: Annotated[int, typer.Option(min=1, help="images that every stage works on")] = 64,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps")] = "cpu",
    threads: Annotated[int, typer.Option(min=0, help="of the network; 0: one per core")] = 1,
    stage: Annotated[list[str] | None, typer.Option(help="only this stage; may be repeated")] = None,
) -> None:
    """Print each stage's rate and busy share."""
    keep_freed_memory()  # as the stages do
    limit_threads(threads)
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        world = generate(CASES[case], num_images, device, threads, Path(folder))
        for name in stage or STAGES:
            figures[name] = measure(STAGES[name](world), world, Path(folder) / name)
            print(name, *figures[name].values(), flush=True)
    kind = torch_device(device).type
    print(json.dumps({"case": case, "device": kind, "threads": threads, "goal": GOAL, "stages": figures}))


if __name__ == "__main__":
    typer.run(main)

"""What the detector's backends learn of the same composites in the same steps, over seeds, and what a step costs.

    python -m benchmarks.detector_backends WORKSPACE [--seeds 3] [--iterations 300] [--regions 32] [--proposals 100]
        [--device cuda]

WORKSPACE is a folder in which the pipeline ran up to its composites; nothing is written there. Both backends train the
same architecture and heads on the same views in the same order, then detect in the validation images. ``regions``
bounds the regions per image that teach the heads, ``proposals`` those that they judge in detecting (both backends: 512
and 1000 unless told), which are most of the time on a CPU.
Standard output is a Markdown table; its last line is one JSON object.
"""

import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import mean, stdev
from typing import Annotated, Any, NamedTuple

import typer
from torch import nn

from empaste.artifacts.coco import read_coco
from empaste.detectors.backends import BACKENDS
from empaste.detectors.detecting import DetectSettings, detect_files, load_detector
from empaste.detectors.settings import TrainSettings
from empaste.detectors.training import fit
from empaste.evaluation import evaluate_detections

FIGURES = {"mAP50": "AP50", "mAP75": "AP75"}
MAX_DETECTIONS = 20
"""Per image, several times what the demo's images show: masks are most of the time that detecting takes."""
SETTINGS = TrainSettings(
    backend="torchvision", architecture="resnet18", heads="standard", class_agnostic=False, width=32, weights=None,
    image_size=96, iterations=300, batch_size=4, accumulate=1, optimizer="adamw", learning_rate=0.0005,
    backbone_rate=1.0, reference_batch=0, weight_decay=1e-4, schedule="cosine", warm_up=0.1, affinity=0.0,
    jitter=[0.6, 1.4], precision="float32", compile=False, ema=0.0, checkpoint_every=10**6, seed=0, num_threads=1,
    num_workers=0, num_processes=1, device="cpu",
)  # fmt: skip


class Run(NamedTuple):
    """One training: its figures in percent, and the seconds of CPU time that a step takes."""

    figures: dict[str, float]
    step_seconds: float


def main(
    workspace: Path,
    backends: Annotated[str, typer.Option(help="names, with commas")] = ",".join(BACKENDS),
    seeds: Annotated[int, typer.Option(help="how many")] = 3,
    first_seed: int = 0,
    architecture: str = SETTINGS.architecture,
    heads: str = SETTINGS.heads,
    iterations: int = SETTINGS.iterations,
    image_size: int = SETTINGS.image_size,
    batch_size: int = SETTINGS.batch_size,
    learning_rate: float = SETTINGS.learning_rate,
    precision: str = SETTINGS.precision,
    weights: Annotated[str | None, typer.Option(help="as train.weights")] = SETTINGS.weights,
    regions: int = 512,
    proposals: int = 1000,
    device: str = SETTINGS.device,
) -> None:
    """Train every backend once per seed, in turns, and print the table."""
    names = backends.split(",")
    settings = changed(
        SETTINGS, architecture=architecture, heads=heads, weights=weights, iterations=iterations, image_size=image_size,
        batch_size=batch_size, learning_rate=learning_rate, precision=precision, device=device,
    )  # fmt: skip
    runs: dict[str, list[Run]] = {name: [] for name in names}
    with fewer_regions(regions, proposals):
        for seed in range(first_seed, first_seed + seeds):
            for name in names:
                runs[name].append(run(workspace, changed(settings, backend=name, seed=seed)))
                typer.echo(f"seed {seed}, {name}: {runs[name][-1]}", err=True)
    print_table(runs)
    print(
        json.dumps({name: [{**one.figures, "step_seconds": one.step_seconds} for one in runs[name]] for name in names})
    )


def changed(settings: TrainSettings, **changes: Any) -> TrainSettings:
    """``settings`` with ``changes``, checked."""
    return TrainSettings.model_validate(settings.model_dump() | changes)


def run(workspace: Path, settings: TrainSettings) -> Run:
    """Train on the composites and evaluate on the validation images of ``workspace``."""
    truth = read_coco(workspace / "data" / "ground_truth" / "val.json")
    images = [(row["id"], workspace / "data" / "images" / row["file_name"]) for row in truth["images"]]
    ends: list[float] = []
    with tempfile.TemporaryDirectory() as folder:
        model, work = Path(folder) / "model", Path(folder) / "work"
        model.mkdir()
        work.mkdir()
        fit(workspace / "data" / "composites", model, work=work, settings=settings,
            on_step=lambda _step, _values: ends.append(time.process_time()))  # fmt: skip
        how = DetectSettings(0.05, MAX_DETECTIONS, settings.batch_size, num_threads=1, device=settings.device)
        detect = load_detector(model, how)
        metrics = evaluate_detections(truth, detect_files(detect, images, settings.batch_size)).metrics
    figures = {figure: float(metrics["mask"][key]) for figure, key in FIGURES.items()}
    return Run(figures, (ends[-1] - ends[0]) / (len(ends) - 1))


@contextmanager
def fewer_regions(number: int, proposals: int) -> Iterator[None]:
    """All backends' networks learn from so many regions per image, and detect among so many ``proposals``."""
    whole = dict(BACKENDS)

    def limited(name: str, *arguments: Any) -> nn.Module:
        module: Any = whole[name].build(*arguments)
        if name == "torchvision":
            module.roi_heads.fg_bg_sampler.batch_size_per_image = number
            module.rpn._post_nms_top_n["testing"] = proposals
        else:
            module.roi_heads.batch_size_per_image = number
            module.proposal_generator.post_nms_topk[False] = proposals
        built: nn.Module = module
        return built

    try:
        for name in whole:
            BACKENDS[name] = whole[name]._replace(build=lambda *arguments, name=name: limited(name, *arguments))
        yield
    finally:
        BACKENDS.update(whole)


def print_table(runs: dict[str, list[Run]]) -> None:
    """The means over seeds and their standard deviations."""
    print(f"| backend | {' | '.join(FIGURES)} | CPU seconds per step |")
    print("|---|" + "---|" * (len(FIGURES) + 1))
    for name, of in runs.items():
        cells = [spread([one.figures[key] for one in of]) for key in FIGURES]
        print(f"| {name} | {' | '.join(cells)} | {mean(one.step_seconds for one in of):.2f} |")


def spread(values: list[float]) -> str:
    """Mean ± standard deviation."""
    return f"{mean(values):.1f} ± {stdev(values) if len(values) > 1 else 0:.1f}"


if __name__ == "__main__":
    typer.run(main)

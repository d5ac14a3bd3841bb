"""The presets voc and coco on data in the published layouts, run from the first stage to the last.

All settings are the preset's but for those of `TINY`, which make networks, images and trainings small.
"""

import importlib
import os
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
import torch
import yaml

from empaste.networks.weights import build_network
from empaste.presets import write_params
from tests.costs.counting_passes import Seen, counted_passes
from tests.datasets.published import write_published_coco, write_published_voc
from tests.tiny_models import save_blip, save_clip, save_stable_diffusion

TOP = Path(__file__).parents[2]
STAGES = tuple(yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"])
DATA: dict[str, Callable[[Path], Path]] = {"voc": write_published_voc, "coco": write_published_coco}
TINY: Mapping[str, object] = {
    "classifier.architecture": "resnet18",
    "classifier.image_size": 64,
    "classifier.epochs": 2,
    "classifier.batch_size": 8,
    "classifier.num_threads": 1,
    "cams.num_threads": 1,
    "evidence.num_threads": 1,
    "features.num_threads": 1,
    "foregrounds.min_prob": 0.0,
    "captions.fraction": 0.5,
    "backgrounds.presence_threshold": 1.0,
    "backgrounds.diffusion.steps": 2,
    "backgrounds.diffusion.image_size": 64,
    "backgrounds.num_threads": 1,
    "train.architecture": "resnet18",
    "train.image_size": 64,
    "train.precision": "float32",  # in bfloat16, a CPU without instructions for it takes minutes
    "train.iterations": 2,
    "train.batch_size": 2,
    "train.checkpoint_every": 1,
    "train.num_threads": 1,
    "train.num_workers": 1,
    "evaluate.num_threads": 1,
    "report.num_images": 2,
}
"""Trained for two steps, a classifier and a detector know nothing: no foreground or background is dropped for it."""


def write_models(folder: Path) -> dict[str, object]:
    """``folder`` holds small models in place of those to download; returns the parameters that name them."""
    saved = {"captions.model": save_blip, "backgrounds.diffusion.model": save_stable_diffusion}
    named: dict[str, object] = {}
    for key, save in saved.items():
        (folder / key).mkdir(parents=True)
        named[key] = str(save(folder / key))
    (folder / "clip").mkdir()
    named["backgrounds.clip_model"] = f"local-dir:{save_clip(folder / 'clip')}"
    torch.manual_seed(0)
    torch.save(build_network("resnet18", 0, None).state_dict(), folder / "resnet18.pth")
    return named | dict.fromkeys(("classifier.weights", "train.weights"), str(folder / "resnet18.pth"))


class Recipe(NamedTuple):
    """A preset, the folder of its run, and by stage what went through its networks."""

    preset: str
    folder: Path
    passes: Mapping[str, Seen]


def run_preset(preset: str, folder: Path, data: Path, models: Mapping[str, object]) -> Recipe:
    """``folder`` holds the run of ``preset`` on the data set ``data``."""
    shutil.copy(TOP / "params.yaml", folder)
    settings = {"prepare.root": data, **TINY, **models}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_params([preset], [f"{key}={value}" for key, value in settings.items()], folder=TOP / "presets")
        passes = {}
        for stage in STAGES:
            with counted_passes() as passes[stage]:
                importlib.import_module(f"stages.{stage}").main()
    return Recipe(preset, folder, passes)


@pytest.fixture(scope="package")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    return write_models(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="package", params=list(DATA))
def recipe(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, models: dict[str, object]
) -> Recipe:
    preset: Any = request.param
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(("DVC_", "MLFLOW_"))]:
            patch.delenv(name)
        patch.setenv("EMPASTE_TRACKING", "off")
        patch.setenv("EMPASTE_WORKERS", "1")
        folder = tmp_path_factory.mktemp(preset)
        data = DATA[preset](tmp_path_factory.mktemp(f"{preset}_data"))
        return run_preset(preset, folder, data, models)

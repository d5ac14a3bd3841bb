"""The train stage as DVC runs it: a process of its own, killed and run again."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import typer
import yaml
from safetensors.torch import load_file

from empaste.artifacts.coco import instance
from empaste.artifacts.networks import save_network
from empaste.artifacts.shards import write_shards
from empaste.images import encode_rgb
from empaste.masks import encode_mask
from empaste.networks.weights import build_network
from stages.train import main

TOP = Path(__file__).parents[2]
TINY = {
    "architecture": "resnet_slim", "weights": None, "width": 8, "image_size": 32, "iterations": 12, "batch_size": 2,
    "checkpoint_every": 1, "num_threads": 1, "device": "cpu",
}  # fmt: skip


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    make_workspace(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make_workspace(folder: Path) -> None:
    """Two composites of 32 pixels with a bright square each, and the parameters of a tiny training."""
    images, annotations, files = [], [], []
    (folder / "data/composites").mkdir(parents=True)
    for image_id in (1, 2):
        mask = np.zeros((32, 32), bool)
        mask[8 * image_id : 8 * image_id + 12, 6:18] = True
        pixels = np.where(mask[..., None], 250, 20).repeat(3, axis=2).astype(np.uint8)
        files.append((f"{image_id}.jpg", encode_rgb(pixels, ".jpg")))
        images.append({"id": image_id, "file_name": f"{image_id}.jpg", "height": 32, "width": 32})
        annotations.append(instance(image_id, image_id, 1, encode_mask(mask)))
    write_shards(folder / "data/composites", files)
    data = {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "square"}]}
    (folder / "data/composites/instances.json").write_text(json.dumps(data))
    params = yaml.safe_load((TOP / "params.yaml").read_text())
    params["train"] |= TINY
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def change(folder: Path, **changed: object) -> None:
    """The parameters of the training in ``folder`` have other values."""
    params = yaml.safe_load((folder / "params.yaml").read_text())
    params["train"] |= changed
    params["classifier"]["width"] = params["train"]["width"]
    (folder / "params.yaml").write_text(yaml.safe_dump(params))


def start(folder: Path, *launcher: str) -> subprocess.Popen[str]:
    """The stage as a process; Python's options ``launcher`` come before it."""
    environment = os.environ | {"PYTHONPATH": str(TOP), "OMP_NUM_THREADS": "1", "EMPASTE_TRACKING": "off"}
    command = [sys.executable, *launcher, "-m", "stages.train"]
    return subprocess.Popen(command, cwd=folder, env=environment, stderr=subprocess.PIPE, text=True)


def outputs(folder: Path) -> dict[str, bytes]:
    names = ("models/mask_rcnn/model.safetensors", "models/mask_rcnn/config.json", "plots/train.csv")
    return {name: (folder / name).read_bytes() for name in names}


def test_a_killed_training_ends_with_the_same_bytes(workspace: Path) -> None:
    main()
    undisturbed = outputs(workspace)
    killed = workspace / "killed"
    make_workspace(killed)
    first = start(killed)
    while not list(killed.glob(".work/train/*/checkpoint.pt")) and first.poll() is None:
        time.sleep(0.01)
    first.send_signal(signal.SIGKILL)
    first.communicate()
    assert first.returncode == -signal.SIGKILL
    assert not (killed / "models").exists()
    second = start(killed)
    told = second.communicate()[1]
    assert second.returncode == 0, told
    assert "going on from" in told
    assert outputs(killed) == undisturbed
    assert not list(killed.glob(".work/train/*"))
    assert [path.name for path in (killed / "models").iterdir()] == ["mask_rcnn"]


def test_the_curve_is_a_plot(workspace: Path) -> None:
    main()
    curve = pd.read_csv(workspace / "plots/train.csv")
    assert list(curve.columns[:2]) == ["iteration", "loss"]
    assert curve.columns[-1] == "learning_rate"
    assert curve["iteration"].tolist() == list(range(1, 13))
    parts = [column for column in curve.columns if column.startswith("loss_")]
    np.testing.assert_allclose(curve["loss"], curve[parts].sum(axis=1), rtol=1e-5)


def test_composites_without_instances_end_with_a_message(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (workspace / "models/mask_rcnn").mkdir(parents=True)
    (workspace / "models/mask_rcnn/earlier").touch()
    path = workspace / "data/composites/instances.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"annotations": []}))
    with pytest.raises(typer.Exit):
        main()
    assert "instances.json holds 2 images and no instance" in capsys.readouterr().err
    assert (workspace / "models/mask_rcnn/earlier").exists()


def test_a_training_begins_as_the_classifier(workspace: Path) -> None:
    """A backbone that stays as it is tells what it began as; another classifier is another training."""
    classifier = build_network("resnet_slim_pooled", 8, None, num_classes=4)
    save_network(classifier, workspace / "models/classifier", {})
    change(workspace, weights="classifier", backbone_rate=0.0, iterations=2)
    main()
    learned = classifier.state_dict()
    state = load_file(workspace / "models/mask_rcnn/model.safetensors")
    assert torch.equal(state["backbone.stem.conv1.weight"], learned["conv1.weight"])
    assert torch.equal(state["backbone.stages.3.0.conv2.weight"], learned["layer4.0.conv2.weight"])


def test_a_classifier_that_is_not_there_ends_with_a_message(
    workspace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change(workspace, weights="classifier")
    with pytest.raises(typer.Exit):
        main()
    assert "models/classifier" in capsys.readouterr().err


def test_weights_that_do_not_fit_end_with_a_message(workspace: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change(workspace, weights="nowhere.pth")
    with pytest.raises(typer.Exit):
        main()
    assert "'nowhere.pth'" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"jitter": [1.4, 0.6]}, "a range rises: write [0.6, 1.4]"),
        ({"seed": -1}, "train.seed is -1"),
        ({"iterations": 0}, "train.iterations is 0"),
        ({"backend": "yolo"}, "train.backend is 'yolo'; choose from 'torchvision'"),
    ],
)
def test_bad_parameters_end_with_a_message(
    workspace: Path, capsys: pytest.CaptureFixture[str], changed: dict[str, object], message: str
) -> None:
    change(workspace, **changed)
    with pytest.raises(typer.Exit):
        main()
    assert message in capsys.readouterr().err

"""The stage: one row per segment, in the table's order, whatever the batches; misfits are named."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
import torchvision
import typer
from safetensors.torch import load_file, save_file

from empaste.artifacts.classifier import TrainedClassifier, classify, load_classifier, save_classifier
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.features import describing, extraction
from empaste.features.views import VIEWS
from empaste.images import read_rgb
from empaste.masks import mask_box_xywh
from empaste.networks.weights import build_resnet
from stages import features as module
from stages.features import main
from tests.stages import classifying
from tests.stages.classifying import write_dataset, write_params


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_params()
    write_dataset()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        classifier = TrainedClassifier(build_resnet("resnet_slim", 8, None, 2).eval(), (2, 5), 32)
    save_classifier(classifier, Path("models/classifier"), architecture="resnet_slim", width=8, class_names=["a", "b"])


def masks_of(image_id: int) -> list[np.ndarray]:
    """Rectangles, more of them in later images."""
    size = (24, 48) if image_id == 2 else (40, 40)
    masks = np.zeros((image_id % 10, *size), bool)
    for number, mask in enumerate(masks):
        mask[2 + number : 12 + number, 3 : 9 + 2 * number] = True
    return list(masks)


def write_segments(image_ids: list[int]) -> None:
    classifying.write_segments({image_id: masks_of(image_id) for image_id in image_ids})


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_row_i_is_segment_i(batch_size: int) -> None:
    write_params(features={"batch_size": batch_size})
    write_segments([1, 2, 4])
    main()
    crops = [
        VIEWS["crop"](read_rgb(Path(f"data/images/train/{image_id:03}.png")), 1, 32)(mask, mask_box_xywh(mask))
        for image_id in (1, 2, 4)
        for mask in masks_of(image_id)
    ]
    probs, phi = classify(load_classifier(Path("models/classifier")), crops)
    np.testing.assert_allclose(np.load("data/features/probs.npy"), probs, atol=1e-5)
    np.testing.assert_allclose(np.load("data/features/phi.npy"), phi, atol=1e-4)
    assert np.load("data/features/phi.npy").dtype == np.float32
    first = Path("data/features/phi.npy").read_bytes()
    main()
    assert Path("data/features/phi.npy").read_bytes() == first


def test_no_segment_gives_no_row() -> None:
    write_segments([])
    main()
    assert np.load("data/features/phi.npy").shape == (0, 64)
    assert np.load("data/features/probs.npy").shape == (0, 2)


def test_segments_of_other_images_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write_segments([1, 77])
    with pytest.raises(typer.Exit):
        main()
    assert "data/segments names the image 77, which data/images lacks" in capsys.readouterr().err
    assert not Path("data/features").exists()


def test_segments_of_another_size_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write_segments([3])
    table = pd.read_parquet("data/segments/segments.parquet")
    write_table(table.assign(height=20, width=80), Path("data/segments/segments.parquet"), Segments)
    with pytest.raises(typer.Exit):
        main()
    error = capsys.readouterr().err
    assert "003.png is 40 high and 40 wide, its segment 0 is of an image 20 high and 80 wide" in error


def test_a_mask_unlike_its_row_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    write_segments([3])
    table = pd.read_parquet("data/segments/segments.parquet")
    write_table(table.assign(area=table["area"] + 1), Path("data/segments/segments.parquet"), Segments)
    with pytest.raises(typer.Exit):
        main()
    assert "segment 0 of data/images/train/003.png should have 61 pixels, its mask has 60" in capsys.readouterr().err


def test_features_that_are_no_numbers_name_image_and_segment(capsys: pytest.CaptureFixture[str]) -> None:
    write_segments([2, 3])
    probs, calls = extraction.describe_segments, iter(range(10))

    def broken(*args: Any) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        for batch_probs, phi in probs(*args):
            if next(calls) == 1:
                phi[0, 3] = np.nan
            yield batch_probs, phi

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extraction, "describe_segments", broken)
        with pytest.raises(typer.Exit):
            main()
    error = capsys.readouterr().err
    assert "the features of segment 4 of data/images/train/003.png are not finite" in error
    assert not Path("data/features").exists()


def test_weights_that_are_no_numbers_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    write_segments([2])
    path = Path("models/classifier/model.safetensors")
    state = load_file(path)
    state["fc.weight"][:] = np.nan
    save_file(state, path)
    with pytest.raises(typer.Exit):
        main()
    assert "the features of segment 0 of data/images/train/002.png are not finite" in capsys.readouterr().err


def test_goes_on_where_it_was_killed_with_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    write_segments([1, 2, 4])
    main()
    whole = [Path("data/features", name).read_bytes() for name in describing.ARRAYS]
    shown: list[Path] = []
    finite, show, calls = describing._check_finite, describing.show_image, iter(range(1))

    def stop_in_the_second_batch(*args: Any) -> None:
        if next(calls, None) is None:
            raise KeyboardInterrupt
        finite(*args)

    monkeypatch.setattr(describing, "_check_finite", stop_in_the_second_batch)
    with pytest.raises(KeyboardInterrupt):
        main()
    monkeypatch.setattr(describing, "_check_finite", finite)

    def show_and_note(item: Any, **more: Any) -> Any:
        shown.append(item[0])
        return show(item, **more)

    monkeypatch.setattr(describing, "show_image", show_and_note)
    main()
    assert [path.name for path in shown] == ["004.png"]
    assert [Path("data/features", name).read_bytes() for name in describing.ARRAYS] == whole
    assert not list(Path(".work/features").iterdir())


@pytest.mark.parametrize("name", [*describing.ARRAYS, describing.DONE])
@pytest.mark.parametrize("size", [None, 0, 100])
def test_begun_work_that_was_damaged_is_begun_anew(
    monkeypatch: pytest.MonkeyPatch, name: str, size: int | None
) -> None:
    write_segments([1, 2, 4])
    main()
    whole = Path("data/features/phi.npy").read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(module, "whole_directory", lambda _out: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            main()
    (work,) = Path(".work/features").iterdir()
    if size is None:
        (work / name).unlink()
    elif size < (work / name).stat().st_size:
        os.truncate(work / name, size)
    main()
    assert Path("data/features/phi.npy").read_bytes() == whole


def test_joined_views_layers_and_networks() -> None:
    torch.save(torchvision.models.mobilenet_v3_small(weights=None).state_dict(), "small.pth")
    names = ["classifier", "classifier#layer2", "torchvision:mobilenet_v3_small@small.pth#features.3"]
    write_params(features={"backbones": names, "views": ["in_place_blur", "crop"]})
    write_segments([1, 2])
    main()
    assert np.load("data/features/phi.npy").shape == (3, 2 * (64 + 16 + 24))
    assert np.load("data/features/probs.npy").shape == (3, 2)


@pytest.mark.parametrize(
    ("name", "said"),
    [
        (
            "resnet50",
            "features.backbones names 'resnet50'; choose from classifier, torchvision:MODEL, timm:MODEL, clip:",
        ),
        ("classifier#layer9", "layer 'layer9' is none of the network's; choose from last, layer1, layer2"),
    ],
)
def test_a_backbone_that_says_nothing_is_refused(name: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    write_params(features={"backbones": [name]})
    write_segments([1])
    with pytest.raises(typer.Exit):
        main()
    assert said in capsys.readouterr().err

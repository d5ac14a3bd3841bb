"""The stage: a row and a heat map for every class of every training image, aligned, the same bytes each time."""

from pathlib import Path

import numpy as np
import pytest
import torch
import typer
import yaml

import empaste.classification.locating
from empaste.artifacts.classifier import TrainedClassifier, save_classifier
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.tables import read_table, write_table
from empaste.networks.weights import build_resnet
from stages.cams import main
from tests.stages.classifying import write_dataset, write_params
from tests.stages.interrupting import assert_goes_on


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_params()
    write_dataset()


def save_network(class_weights: float | None = None) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_resnet("resnet_slim", 8, None, 2).eval()
    if class_weights is not None:
        torch.nn.init.constant_(network.fc.weight, class_weights)
    classifier = TrainedClassifier(network, (2, 5), 32)
    save_classifier(
        classifier, Path("models/classifier"), architecture="resnet_slim", width=8, class_names=["disc", "square"]
    )


def test_every_class_of_every_training_image() -> None:
    save_network(1.0)
    main()
    table = read_table(Path("data/cams/cams.parquet"), Cams)
    pairs = list(table[["image_id", "class_id"]].itertuples(index=False, name=None))
    assert pairs == [(1, 2), (1, 5), *((image_id, (2, 5)[image_id % 2]) for image_id in range(2, 10))]
    heatmaps = np.load("data/cams/heatmaps.npy")
    assert heatmaps.dtype == np.float16
    assert heatmaps.shape == (len(table), 2, 2)
    assert not table["cam_empty"].any()
    np.testing.assert_array_equal(heatmaps.max((1, 2)), 1)
    wide = table[table["image_id"] == 2].iloc[0]
    assert 0 <= wide["centre_x"] < 48
    assert 0 <= wide["centre_y"] < 24
    first = [Path("data/cams", name).read_bytes() for name in ("cams.parquet", "heatmaps.npy")]
    main()
    assert [Path("data/cams", name).read_bytes() for name in ("cams.parquet", "heatmaps.npy")] == first


def test_empty_maps_are_flagged() -> None:
    save_network(-1.0)
    main()
    table = read_table(Path("data/cams/cams.parquet"), Cams)
    assert table["cam_empty"].all()
    assert table["centre_x"].isna().all()
    assert table["centre_y"].isna().all()
    assert not np.load("data/cams/heatmaps.npy").any()


def test_averaged_over_scales_and_mirror_images() -> None:
    save_network(1.0)
    main()
    plain = np.load("data/cams/heatmaps.npy")
    write_params(cams={"scales": [1.0, 2.0], "flip": True, "keep": "top_percent"})
    main()
    averaged = np.load("data/cams/heatmaps.npy")
    assert averaged.shape == (len(plain), 4, 4)
    np.testing.assert_array_equal(averaged.max((1, 2)), 1)


def test_a_localisers_maps_are_empty_outside_the_image() -> None:
    save_network()
    write_params(cams={"method": "lse", "scales": [2.0, 4.0], "flip": True})
    main()
    table = read_table(Path("data/cams/cams.parquet"), Cams)
    heatmaps = np.load("data/cams/heatmaps.npy")
    assert heatmaps.shape == (len(table), 8, 8)
    np.testing.assert_array_equal(heatmaps.max((1, 2)), np.where(table["cam_empty"], 0, 1))
    wide = heatmaps[int(np.flatnonzero(table["image_id"] == 2)[0])]  # twice as wide as high
    assert wide[2:6].any()
    assert not wide[[0, 1, 6, 7]].any()
    first = [Path("data/cams", name).read_bytes() for name in ("cams.parquet", "heatmaps.npy")]
    main()
    assert [Path("data/cams", name).read_bytes() for name in ("cams.parquet", "heatmaps.npy")] == first


def test_maps_that_follow_edges_have_the_side_of_the_walk() -> None:
    save_network(1.0)
    main()
    plain = read_table(Path("data/cams/cams.parquet"), Cams)
    write_params(cams={"follow_edges": True})
    main()
    table = read_table(Path("data/cams/cams.parquet"), Cams)
    heatmaps = np.load("data/cams/heatmaps.npy")
    side = yaml.safe_load(Path("params.yaml").read_text())["cams"]["walk"]["side"]
    assert heatmaps.shape == (len(table), side, side)
    assert heatmaps.dtype == np.float16
    np.testing.assert_array_equal(heatmaps.max((1, 2)), np.where(table["cam_empty"], 0, 1))
    wide = heatmaps[int(np.flatnonzero(table["image_id"] == 2)[0])]
    assert not wide[: side // 4].any()
    assert not wide[-side // 4 :].any()
    np.testing.assert_array_equal(table["prob"], plain["prob"])
    first = [Path("data/cams", name).read_bytes() for name in ("cams.parquet", "heatmaps.npy")]
    write_params(cams={"follow_edges": True, "batch_size": 3})
    main()
    assert [Path("data/cams", name).read_bytes() for name in ("cams.parquet", "heatmaps.npy")] == first


def test_contours_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    save_network(1.0)
    write_params(cams={"follow_edges": True, "contours": "none.h5"})
    with pytest.raises(typer.Exit):
        main()
    assert "cams.contours names 'none.h5', but there is no such file" in capsys.readouterr().err
    assert not Path("data/cams").exists()


def test_a_class_that_the_classifier_does_not_know_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    save_network()
    labels = read_table(Path("data/labels/labels.parquet"), Labels)
    write_table(labels.replace({"class_id": {5: 7}}), Path("data/labels/labels.parquet"), Labels)
    with pytest.raises(typer.Exit):
        main()
    error = capsys.readouterr().err
    assert "data/labels names the class 7, which models/classifier does not know (2, 5); run: dvc repro" in error
    assert not Path("data/cams").exists()


@pytest.mark.parametrize("follow_edges", [False, True])
def test_a_map_that_is_no_number_is_named(follow_edges: bool, capsys: pytest.CaptureFixture[str]) -> None:
    save_network(float("nan"))
    write_params(cams={"follow_edges": follow_edges})
    with pytest.raises(typer.Exit):
        main()
    assert "the heat map of class 2 in the image 1 is not finite" in capsys.readouterr().err
    assert not Path("data/cams").exists()


@pytest.mark.parametrize("method", ["grad_cam", "lse"])
def test_without_labels_there_are_no_rows(method: str) -> None:
    save_network()
    write_params(cams={"method": method})
    write_dataset(num_train=0)
    main()
    assert read_table(Path("data/cams/cams.parquet"), Cams).empty
    assert len(np.load("data/cams/heatmaps.npy")) == 0


@pytest.mark.parametrize(("method", "follow_edges"), [("grad_cam", False), ("lse", False), ("grad_cam", True)])
def test_an_interrupted_run_goes_on(method: str, follow_edges: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    write_params(cams={"batch_size": 2, "method": method, "follow_edges": follow_edges})
    save_network(1.0)
    outputs = [Path("data/cams/cams.parquet"), Path("data/cams/heatmaps.npy")]
    assert_goes_on(main, outputs, empaste.classification.locating, monkeypatch)

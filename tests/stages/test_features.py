"""The stage: one row per segment, in the table's order, whatever the batches; misfits are named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import typer

from empaste.artifacts.classifier import TrainedClassifier, classify, load_classifier, save_classifier
from empaste.artifacts.schemas import Segments
from empaste.artifacts.tables import write_table
from empaste.backbones import build_resnet
from empaste.features import show_on_gray
from empaste.images import read_rgb
from empaste.masks import encode_mask, mask_box_xywh
from stages.features import main
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
    rows = []
    for image_id in image_ids:
        for mask in masks_of(image_id):
            x, y, width, height = mask_box_xywh(mask)
            rows.append(
                {"segment_id": len(rows), "image_id": image_id, "counts": encode_mask(mask)["counts"],
                 "height": mask.shape[0], "width": mask.shape[1], "area": int(mask.sum()), "x": x, "y": y,
                 "box_width": width, "box_height": height, "score": 1.0}
            )  # fmt: skip
    write_table(pd.DataFrame(rows), Path("data/segments/segments.parquet"), Segments)


@pytest.mark.parametrize("batch_size", [1, 4, 100])
def test_row_i_is_segment_i(batch_size: int) -> None:
    write_params(features={"batch_size": batch_size})
    write_segments([1, 2, 4])
    main()
    crops = [
        show_on_gray(read_rgb(Path(f"data/images/train/{image_id:03}.png")), mask, mask_box_xywh(mask), 1, 32)
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

"""The stage: every segment of every image, for each class that the image shows; misfits are named."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch
import typer

import empaste.artifacts.classifier
import empaste.evidence.data_set
from empaste.artifacts.classifier import TrainedClassifier, load_classifier, save_classifier
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.evidence import Evidence
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.images import read_rgb
from empaste.networks.inputs import to_input
from empaste.networks.weights import build_resnet
from empaste.squares import fit_square, fit_square_mask
from stages import cams as cams_stage
from stages.evidence import main
from tests.stages.classifying import write_dataset, write_params, write_segments
from tests.stages.interrupting import assert_goes_on

OUT = Path("data/evidence/evidence.parquet")


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_params()
    write_dataset(num_train=4)
    save_network()
    write_segments({image_id: masks_of(image_id) for image_id in (1, 2, 4)})
    cams_stage.main()


def save_network(bias: float = 0.0) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = build_resnet("resnet_slim", 8, None, 2).eval()
    torch.nn.init.constant_(network.fc.bias, bias)
    classifier = TrainedClassifier(network, (2, 5), 32)
    save_classifier(classifier, Path("models/classifier"), architecture="resnet_slim", width=8, class_names=["a", "b"])


def masks_of(image_id: int) -> list[np.ndarray]:
    size = (24, 48) if image_id == 2 else (40, 40)
    masks = np.zeros((3, *size), bool)
    masks[0, 4:16, 4:16] = masks[1, 8:20, 20:36] = masks[2, :, :9] = True
    return list(masks)


def test_every_segment_for_every_class_of_its_image() -> None:
    main()
    table = read_table(OUT, Evidence)
    keys = list(table[["image_id", "class_id", "segment_id"]].itertuples(index=False, name=None))
    assert keys == [
        *((1, class_id, segment_id) for class_id in (2, 5) for segment_id in (0, 1, 2)),
        *((2, 2, segment_id) for segment_id in (3, 4, 5)),
        *((4, 2, segment_id) for segment_id in (6, 7, 8)),
    ]
    assert table["judged"].all()
    assert np.isfinite(table.drop(columns="judged").to_numpy(float)).all()
    np.testing.assert_allclose(table["frame_share"].iloc[[0, 2]], [0, (40 + 9 + 9) / 160], atol=0.01)


def test_the_same_bytes_again() -> None:
    main()
    first = OUT.read_bytes()
    main()
    assert OUT.read_bytes() == first


def test_what_was_measured_is_what_the_classifier_says() -> None:
    write_params(evidence={"fills": ["gray"]})
    main()
    row = read_table(OUT, Evidence).iloc[0]
    classifier = load_classifier(Path("models/classifier"))
    square = fit_square(read_rgb(Path("data/images/train/001.png")), 32).astype(float)
    cover = fit_square_mask(masks_of(1)[0], 32)[..., None]
    shown = [square, cover * square + (1 - cover) * 117, (1 - cover) * square + cover * 117, np.full_like(square, 117)]
    with torch.inference_mode():
        full, alone, without, nothing = classifier.network(to_input(np.rint(shown).astype(np.uint8), "cpu"))[:, 0]
    assert row["insertion"] == pytest.approx(float(alone - nothing), abs=0.02)
    assert row["deletion"] == pytest.approx(float(full - without), abs=0.02)


def test_only_the_shortlist_is_judged_and_it_comes_first() -> None:
    write_params(evidence={"num_judged": 1})
    main()
    table = read_table(OUT, Evidence)
    for (image_id, _), rows in table.groupby(["image_id", "class_id"]):
        assert 1 <= rows["judged"].sum() <= (2 if image_id == 1 else 1)
        assert rows.loc[rows["judged"], "score"].min() > rows.loc[~rows["judged"], "score"].max()
        assert rows.loc[~rows["judged"], "insertion"].isna().all()


def test_all_judged_again_is_as_good_as_no_cascade() -> None:
    main()
    whole = read_table(OUT, Evidence)
    write_params(evidence={"num_reranked": 3})
    main()
    pd.testing.assert_frame_equal(read_table(OUT, Evidence), whole, rtol=0, atol=1e-4)


def test_the_best_are_judged_again_and_the_others_by_deletion_alone() -> None:
    main()
    whole = read_table(OUT, Evidence)
    write_params(evidence={"num_reranked": 1})
    main()
    first, table = OUT.read_bytes(), read_table(OUT, Evidence)
    assert table["judged"].all()
    exact = (table["insertion"] - whole["insertion"]).abs() < 1e-4
    assert (exact.groupby([table["image_id"], table["class_id"]]).sum() >= 1).all()
    assert not exact.all()
    main()
    assert OUT.read_bytes() == first


def test_batches_that_are_full_across_images_give_every_image_its_own_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    write_params(evidence={"num_reranked": 1})
    main()
    alone = read_table(OUT, Evidence)
    monkeypatch.setattr(empaste.evidence.data_set, "classify_groups", empaste.artifacts.classifier._classify_across)
    main()
    pd.testing.assert_frame_equal(read_table(OUT, Evidence), alone, rtol=0, atol=1e-4)


def test_no_segment_gives_no_row() -> None:
    table = read_table(Path("data/segments/segments.parquet"), Segments)
    write_table(table.iloc[:0], Path("data/segments/segments.parquet"), Segments)
    main()
    assert len(read_table(OUT, Evidence)) == 0


def refused(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit):
        main()
    assert not OUT.exists()
    return capsys.readouterr().err


def test_segments_of_another_size_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.read_parquet("data/segments/segments.parquet")
    write_table(table.assign(height=20, width=80), Path("data/segments/segments.parquet"), Segments)
    assert "001.png is 40 high and 40 wide, its segment 0 is of an image 20 high and 80 wide" in refused(capsys)


def test_masks_with_lost_pixels_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.read_parquet("data/segments/segments.parquet")
    write_table(table.assign(area=table["area"] + 1), Path("data/segments/segments.parquet"), Segments)
    assert "segment 0 of data/images/train/001.png should have 145 pixels, its mask has 144" in refused(capsys)


def test_segments_of_other_images_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.read_parquet("data/segments/segments.parquet")
    write_table(table.assign(image_id=table["image_id"] + 70), Path("data/segments/segments.parquet"), Segments)
    assert "data/segments names the image 71, which data/images lacks; run: dvc repro proposals" in refused(capsys)


def test_maps_of_a_class_that_the_classifier_lacks_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    table = pd.read_parquet("data/cams/cams.parquet")
    write_table(table.assign(class_id=table["class_id"] + 4), Path("data/cams/cams.parquet"), Cams)
    assert "data/cams names the class 6, which models/classifier does not know (2, 5); run: dvc repro" in refused(
        capsys
    )


def test_maps_out_of_step_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("data/cams/heatmaps.npy", np.load("data/cams/heatmaps.npy")[1:])
    assert "data/cams/heatmaps.npy holds 4 rows, data/cams 5; run: dvc repro cams" in refused(capsys)


def test_answers_that_are_no_numbers_name_image_and_segment(capsys: pytest.CaptureFixture[str]) -> None:
    save_network(bias=float("nan"))
    assert "the classifier's answer to segment 0 of data/images/train/001.png is not finite" in refused(capsys)


def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    assert_goes_on(main, [OUT], empaste.evidence.data_set, monkeypatch)

"""The stage, method by method; and captions, text-to-image, CLIP and presence as one chain of real, tiny models."""

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import typer

from empaste.artifacts.arrays import write_array
from empaste.artifacts.schemas import Backgrounds, Captions, Classes, Foregrounds, Images, Labels, Segments
from empaste.artifacts.tables import read_table, write_table
from empaste.images import read_rgb, write_rgb
from empaste.masks import encode_mask, mask_box_xywh
from stages.backgrounds import main
from stages.captions import main as caption
from tests.tiny_models import save_blip, save_clip, save_stable_diffusion, save_tiny_classifier

ROOT = Path(__file__).parents[2]
NUM_IMAGES = 9  # of which the last validates


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPASTE_WORKERS", "1")
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    ids = list(range(1, NUM_IMAGES + 1))
    splits = ["train"] * (NUM_IMAGES - 1) + ["val"]
    names = [f"{split}/{image_id}.png" for image_id, split in zip(ids, splits, strict=True)]
    images = pd.DataFrame({"image_id": ids, "split": splits, "file_name": names, "height": 40, "width": 48})
    classes = pd.DataFrame({"class_id": [1, 2], "name": ["dog", "sofa"], "supercategory": ["animal", "furniture"]})
    write_table(images, Path("data/images/images.parquet"), Images)
    write_table(classes, Path("data/labels/classes.parquet"), Classes)
    write_table(pd.DataFrame({"image_id": ids, "class_id": 1}), Path("data/labels/labels.parquet"), Labels)
    segments = []
    for image_id, name in zip(ids, names, strict=True):
        image = np.random.default_rng(image_id).integers(80, 120, (40, 48, 3), np.uint8)
        mask = np.zeros((40, 48), bool)
        mask[10:22, 14:26] = True
        image[mask] = (230, 10, 10)
        Path("data/images", name).parent.mkdir(exist_ok=True)
        write_rgb(Path("data/images", name), image)
        x, y, width, height = mask_box_xywh(mask)
        segments.append((len(segments), image_id, encode_mask(mask)["counts"], 40, 48, 144, x, y, width, height, 1.0))
    table = pd.DataFrame(segments[:-1], columns=list(Segments.to_schema().columns))
    write_table(table, Path("data/segments/segments.parquet"), Segments)
    write_array(Path("data/features/probs.npy"), np.tile(np.float32([0.9, 0.1]), (len(table), 1)))
    choose()
    save_tiny_classifier(Path("models/classifier"), ("dog", "sofa"))
    caption()


def choose(*segment_ids: int) -> None:
    """F-EM chose these segments last, and others before."""
    rows = [(segment + 1, 1, segment, 1.0, 0.9, True, False, 0, 0.8) for segment in segment_ids]
    table = pd.DataFrame(rows, columns=list(Foregrounds.to_schema().columns))
    write_table(table.iloc[:0], Path("data/foregrounds/iter_2.parquet"), Foregrounds)
    write_table(table, Path("data/foregrounds/iter_10.parquet"), Foregrounds)


def configure(**values: object) -> None:
    """Set keys of the section backgrounds (or ``captions_KEY`` of captions)."""
    text = Path("params.yaml").read_text()
    for key, value in values.items():
        section, name = ("captions", key[9:]) if key.startswith("captions_") else ("backgrounds", key)
        text = re.sub(rf"(?ms)(^{section}:.*?^  {name}: )\S+", rf"\g<1>{value}", text, count=1)
    Path("params.yaml").write_text(text)


def run() -> tuple[pd.DataFrame, dict]:
    main()
    table = read_table(Path("data/backgrounds/backgrounds.parquet"), Backgrounds)
    return table, json.loads(Path("metrics/backgrounds.json").read_text())


def files() -> dict[str, bytes]:
    folder = Path("data/backgrounds")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_inpaint_erases_what_shows_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(presence_threshold=1.0)
    table, metrics = run()
    assert len(table) == metrics["candidates"] == 2 * (NUM_IMAGES - 1)
    assert table["selected"].sum() == metrics["selected"] == metrics["images_with_background"] == NUM_IMAGES - 1
    for name in table.loc[table["selected"], "file_name"]:
        image = read_rgb(Path("data/backgrounds", name)).astype(int)
        assert image.shape == (40, 48, 3) and (image[..., 0] - image[..., 1]).max() < 60
    first = files()
    monkeypatch.setenv("EMPASTE_WORKERS", "2")
    run()
    assert files() == first


def test_what_shows_no_class_is_not_erased() -> None:
    configure(presence_threshold=1.0, erase_prob=0.95)
    table, _ = run()
    image = read_rgb(Path("data/backgrounds", table["file_name"].iloc[0])).astype(int)
    assert (image[..., 0] - image[..., 1]).max() > 150


def test_what_was_chosen_last_is_erased_whatever_it_shows() -> None:
    configure(presence_threshold=1.0, erase_prob=0.95)
    choose(0)
    table, _ = run()
    red = [
        (image[..., 0] - image[..., 1]).max()
        for image in (
            read_rgb(Path("data/backgrounds", name)).astype(int) for name in table.loc[table["selected"], "file_name"]
        )
    ]
    assert red[0] < 60 and min(red[1:]) > 150


def test_a_background_in_which_a_class_shows_is_dropped_and_counted() -> None:
    configure(presence_threshold=0.0)
    table, metrics = run()
    assert not table["selected"].any() and list(Path("data/backgrounds/images").iterdir()) == []
    assert metrics["dropped_by_presence"] == metrics["candidates"] == 16
    assert metrics["dropped_per_class"] == {"dog": 16, "sofa": 16}
    assert metrics["mean_presence_prob_selected"] is None


def test_none_writes_an_empty_table_and_needs_nothing() -> None:
    configure(method="none")
    Path("models/classifier/config.json").unlink()
    table, metrics = run()
    assert len(table) == 0 and metrics["candidates"] == 0 and metrics["mean_presence_prob"] is None


def test_black_and_random(tmp_path: Path) -> None:
    configure(method="black", presence_threshold=1.0)
    table, _ = run()
    assert (read_rgb(Path("data/backgrounds", table["file_name"].iloc[0])) == 0).all()
    configure(method="random", root=tmp_path / "data/images/val")
    table, metrics = run()
    assert metrics["selected"] == NUM_IMAGES - 1


def test_features_out_of_step_are_refused_and_earlier_outputs_stay(capsys: pytest.CaptureFixture[str]) -> None:
    configure(presence_threshold=1.0)
    run()
    before = files()
    write_array(Path("data/features/probs.npy"), np.zeros((3, 2), np.float32))
    with pytest.raises(typer.Exit):
        main()
    assert "holds 3 rows" in capsys.readouterr().err
    assert files() == before


def test_a_broken_image_of_the_random_folder_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/broken.png").write_bytes(b"")
    configure(method="random", root=tmp_path / "pictures")
    with pytest.raises(typer.Exit):
        main()
    assert "broken.png is not a readable image (0 bytes)" in capsys.readouterr().err


def test_captioner_text_to_image_clip_and_presence_run_as_one(tmp_path: Path) -> None:
    for name, save in {"blip": save_blip, "diffusion": save_stable_diffusion, "clip": save_clip}.items():
        (tmp_path / name).mkdir()
        save(tmp_path / name)
    configure(
        captions_method="blip", captions_model=tmp_path / "blip", method="diffusion",
        model=tmp_path / "diffusion/pipeline", clip_model=f"local-dir:{tmp_path / 'clip'}",
        steps=2, image_size=64, presence_threshold=0.99,
    )  # fmt: skip
    caption()
    captions = read_table(Path("data/captions/captions.parquet"), Captions).set_index("caption_id")
    table, metrics = run()
    assert metrics["candidates"] == 2 * len(captions) == 4 * (NUM_IMAGES - 1)
    assert metrics["selected"] == len(captions) == metrics["dropped_by_clip"]
    assert not captions["substituted"].str.contains(r"\bdog\b").any()
    for caption_id, rows in table.groupby("caption_id"):
        assert set(rows["prompt"]) == {captions.loc[caption_id, "substituted"]}
        assert rows["selected"].tolist() == (rows["clip_score"] == rows["clip_score"].max()).tolist()
    chosen = table[table["selected"]].iloc[0]
    assert read_rgb(Path("data/backgrounds", chosen["file_name"])).shape == (64, 64, 3)
    first = files()
    run()
    assert files() == first

"""The stage, method by method; and captions, text-to-image, CLIP and presence as one chain of real, tiny models."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

from empaste.artifacts.arrays import write_array
from empaste.artifacts.schemas.backgrounds import BackgroundFailures, Backgrounds
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.shards import Shards
from empaste.artifacts.tables import read_table, write_table
from empaste.backgrounds import GENERATORS
from empaste.backgrounds.patch_fill import fill_hole
from empaste.images import write_rgb
from empaste.masks import encode_mask, mask_box_xywh
from stages.backgrounds import main
from stages.captions import main as caption
from tests.tiny_models import save_blip, save_clip, save_stable_diffusion, save_tiny_classifier

ROOT = Path(__file__).parents[2]
OUT = Path("data/backgrounds")
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
    segments: list[tuple[Any, ...]] = []
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
    write_array(Path("data/features/probs.npy"), np.tile(np.array([0.9, 0.1], np.float32), (len(table), 1)))
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
    """Set keys of the section backgrounds; ``captions_KEY``, ``diffusion_KEY`` and ``api_KEY`` of those."""
    content = yaml.safe_load(Path("params.yaml").read_text())
    section = content["backgrounds"]
    places = {"captions": content["captions"], "diffusion": section["diffusion"], "api": section["api"]}
    for key, value in values.items():
        prefix, _, name = key.partition("_")
        place = places.get(prefix, section)
        place[name if prefix in places else key] = str(value) if isinstance(value, Path) else value
    Path("params.yaml").write_text(yaml.safe_dump(content))


def run() -> tuple[pd.DataFrame, dict[str, Any]]:
    main()
    table = read_table(Path("data/backgrounds/backgrounds.parquet"), Backgrounds)
    return table, json.loads(Path("metrics/backgrounds.json").read_text())


def first_selected(table: pd.DataFrame) -> np.ndarray:
    return Shards(OUT).read_rgb(table.loc[table["selected"], "file_name"].iloc[0])


def files() -> dict[str, bytes]:
    folder = Path("data/backgrounds")
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_inpaint_erases_what_shows_a_class(monkeypatch: pytest.MonkeyPatch) -> None:
    configure(presence_threshold=1.0)
    table, metrics = run()
    assert len(table) == metrics["candidates"] == 2 * (NUM_IMAGES - 1)
    assert table["selected"].sum() == metrics["selected"] == metrics["images_with_background"] == NUM_IMAGES - 1
    for name in table.loc[table["selected"], "file_name"]:
        image = Shards(OUT).read_rgb(name).astype(int)
        assert image.shape == (40, 48, 3)
        assert (image[..., 0] - image[..., 1]).max() < 60
    first = files()
    monkeypatch.setenv("EMPASTE_WORKERS", "2")
    run()
    assert files() == first


def test_what_shows_no_class_is_not_erased() -> None:
    configure(presence_threshold=1.0, erase_prob=0.95)
    table, _ = run()
    image = first_selected(table).astype(int)
    assert (image[..., 0] - image[..., 1]).max() > 150


def test_what_was_chosen_last_is_erased_whatever_it_shows() -> None:
    configure(presence_threshold=1.0, erase_prob=0.95)
    choose(0)
    table, _ = run()
    red = [
        (image[..., 0] - image[..., 1]).max()
        for image in (Shards(OUT).read_rgb(name).astype(int) for name in table.loc[table["selected"], "file_name"])
    ]
    assert red[0] < 60
    assert min(red[1:]) > 150


def test_a_background_in_which_a_class_shows_is_dropped_and_counted() -> None:
    configure(presence_threshold=0.0)
    table, metrics = run()
    assert not table["selected"].any()
    assert len(Shards(OUT)) == 0
    assert metrics["dropped_by_presence"] == metrics["candidates"] == 16
    assert metrics["dropped_per_class"] == {"dog": 16, "sofa": 16}
    assert metrics["mean_presence_prob_selected"] is None


def test_none_writes_an_empty_table_and_needs_nothing() -> None:
    configure(method="none")
    Path("models/classifier/config.json").unlink()
    table, metrics = run()
    assert len(table) == 0
    assert metrics["candidates"] == 0
    assert metrics["mean_presence_prob"] is None


def test_black_and_random(tmp_path: Path) -> None:
    configure(method="black", presence_threshold=0.0)  # nothing shows on black, whatever the classifier says
    table, metrics = run()
    assert (first_selected(table) == 0).all()
    assert metrics["selected"] == NUM_IMAGES - 1
    configure(method="random", root=tmp_path / "data/images/val", presence_threshold=1.0)
    table, metrics = run()
    assert metrics["selected"] == NUM_IMAGES - 1
    assert metrics["refused_by_labels"] == 0
    (tmp_path / "data/images/val/labels.csv").write_text("file,label\n9.png,Dog\n")
    with pytest.raises(typer.Exit):
        main()


def test_features_out_of_step_are_refused_and_earlier_outputs_stay(capsys: pytest.CaptureFixture[str]) -> None:
    configure(presence_threshold=1.0)
    run()
    before = files()
    write_array(Path("data/features/probs.npy"), np.zeros((3, 2), np.float32))
    with pytest.raises(typer.Exit):
        main()
    assert "holds 3 rows" in capsys.readouterr().err
    assert files() == before


def test_a_folder_of_broken_images_ends_with_the_reason(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures/broken.png").write_bytes(b"")
    configure(method="random", root=tmp_path / "pictures")
    with pytest.raises(typer.Exit):
        main()
    assert "all 16 images of this part failed" in (text := capsys.readouterr().err)
    assert "broken.png is empty (0 bytes)" in text


def test_single_failures_are_listed_and_the_run_goes_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "pictures").mkdir()
    for number in range(3):
        (tmp_path / f"pictures/{number}.png").write_bytes(
            b"broken" if number else Path("data/images/val/9.png").read_bytes()
        )
    configure(method="random", root=tmp_path / "pictures", retries=0, presence_threshold=1.0)
    table, metrics = run()
    failures = read_table(OUT / "failures.parquet", BackgroundFailures)
    assert 0 < metrics["failures"] == len(failures) == 16 - len(table)
    assert failures["reason"].str.contains(r"pictures/[12].png is not a readable image").all()
    assert f"{len(failures)} images failed" in capsys.readouterr().err


def test_an_interrupted_run_goes_on(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    configure(presence_threshold=1.0)
    run()
    whole = files()
    made = []

    def halting(image: np.ndarray, *rest: Any) -> np.ndarray | None:
        made.append(1)
        if len(made) == 6:
            raise KeyboardInterrupt
        return fill_hole(image, *rest)

    monkeypatch.setattr("empaste.backgrounds.data_set.JUDGED_AT_ONCE", 2)
    monkeypatch.setitem(GENERATORS, "inpaint", replace(GENERATORS["inpaint"], images_per_part=4))
    monkeypatch.setattr("empaste.backgrounds.inpaint.fill_hole", halting)
    with pytest.raises(KeyboardInterrupt):
        main()
    assert files() == whole  # the outputs before stay until the new ones are whole
    monkeypatch.setattr("empaste.backgrounds.inpaint.fill_hole", fill_hole)
    configure(retries=5, num_threads=1, api_timeout=9.0)  # patience may change on the way
    run()
    assert "going on after 1 of 4 parts" in capsys.readouterr().err
    assert files() == whole
    assert list(Path(".work/backgrounds").iterdir()) == []
    configure(seed=1)
    run()
    assert "going on" not in capsys.readouterr().err
    assert files() != whole


def test_an_endpoint_without_its_key_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("PAINTER_KEY", raising=False)
    configure(method="api", api_model="painter", api_key_env="PAINTER_KEY")
    with pytest.raises(typer.Exit):
        main()
    assert "the environment has no PAINTER_KEY" in capsys.readouterr().err


def test_captioner_text_to_image_clip_and_presence_run_as_one(tmp_path: Path) -> None:
    for name, save in {"blip": save_blip, "diffusion": save_stable_diffusion, "clip": save_clip}.items():
        (tmp_path / name).mkdir()
        save(tmp_path / name)
    configure(
        captions_method="blip", captions_model=tmp_path / "blip", method="diffusion", selection="caption",
        diffusion_model=tmp_path / "diffusion/pipeline", clip_model=f"local-dir:{tmp_path / 'clip'}",
        diffusion_steps=2, diffusion_image_size=64, presence_threshold=0.99,
    )  # fmt: skip
    caption()
    captions = read_table(Path("data/captions/captions.parquet"), Captions).set_index("caption_id")
    table, metrics = run()
    assert metrics["candidates"] == 2 * len(captions) == 4 * (NUM_IMAGES - 1)
    assert metrics["selected"] == len(captions) == metrics["dropped_by_clip"]
    assert not captions["substituted"].str.contains(r"\bdog\b").any()
    substituted = captions["substituted"].to_dict()
    for caption_id, rows in table.groupby("caption_id"):
        assert set(rows["prompt"]) == {substituted[caption_id]}
        assert rows["selected"].tolist() == (rows["clip_score"] == rows["clip_score"].max()).tolist()
    chosen = table[table["selected"]].iloc[0]
    assert Shards(OUT).read_rgb(chosen["file_name"]).shape == (64, 64, 3)
    assert table["target_score"].notna().all()
    first = files()
    run()
    assert files() == first

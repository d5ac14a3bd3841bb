"""The stage: composites from tables, the same bytes on any number of workers, and clear ends for bad input."""

import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pytest
import typer
import yaml

from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.coco_records import Annotation
from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.shards import Shards, write_shards
from empaste.artifacts.tables import read_table, write_table
from empaste.errors import InputError
from empaste.images import encode_rgb, write_rgb
from empaste.masks import decode_mask, encode_mask, mask_box_xywh
from empaste.paste import writing as composites_module
from empaste.paste.cutouts import Cut, Cutout
from empaste.paste.online import open_online
from empaste.paste.pool import Canvas
from empaste.rle import RLE
from stages.paste import main

ROOT = Path(__file__).parents[2]
NUM_TRAIN = 7  # so few that they are cut out in this process, while their composites go to the workers
SIZE_HW = (40, 50)
CLASSES = pd.DataFrame({"class_id": [1, 2, 3], "name": ["ball", "fish", "house"], "supercategory": ["toy"] * 3})


def object_mask(image_id: int) -> np.ndarray:
    mask = np.zeros(SIZE_HW, bool)
    mask[5 : 15 + image_id, 8 : 20 + image_id] = True
    return mask


def write_params(**changes: Any) -> None:
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    params["paste"] |= {"keep_originals": True, "n_p": 3, "blending": ["gaussian"]} | changes
    Path("params.yaml").write_text(yaml.safe_dump(params))


@pytest.fixture(autouse=True)
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven images of one object each (classes 1 and 2), two backgrounds and a rejected one; no ground truth."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMPASTE_WORKERS", "1")
    write_params()
    rng = np.random.default_rng(0)
    ids = range(1, NUM_TRAIN + 1)
    names = [f"train/{k}.png" for k in ids]
    images = pd.DataFrame(
        {"image_id": [*ids, 50], "split": ["train"] * NUM_TRAIN + ["val"], "file_name": [*names, "val/50.png"],
         "height": SIZE_HW[0], "width": SIZE_HW[1]}
    )  # fmt: skip
    Path("data/images/train").mkdir(parents=True)
    for name in names:
        write_rgb(Path("data/images") / name, rng.integers(0, 256, (*SIZE_HW, 3), np.uint8))
    write_table(images, Path("data/images/images.parquet"), Images)
    write_table(CLASSES, Path("data/labels/classes.parquet"), Classes)
    rows = []
    for image_id in ids:
        mask = object_mask(image_id)
        x, y, width, height = mask_box_xywh(mask)
        rows.append(
            {"segment_id": image_id - 1, "image_id": image_id, "counts": encode_mask(mask)["counts"],
             "height": SIZE_HW[0], "width": SIZE_HW[1], "area": int(mask.sum()), "x": x, "y": y, "box_width": width,
             "box_height": height, "score": 1.0}
        )  # fmt: skip
    write_table(pd.DataFrame(rows), Path("data/segments/segments.parquet"), Segments)
    chosen = pd.DataFrame(
        {"image_id": list(ids), "class_id": [k % 2 + 1 for k in ids], "segment_id": [k - 1 for k in ids],
         "distance": 0.5, "prob": 0.9, "inlier": True, "cam_empty": False,
         "instance": 0, "confidence": 0.8}
    )  # fmt: skip
    write_table(chosen, Path("data/foregrounds/pool.parquet"), Foregrounds)
    write_table(chosen.head(2), Path("data/foregrounds/iter_0.parquet"), Foregrounds)
    Path("data/backgrounds").mkdir(parents=True)
    pictures = [rng.integers(0, 256, (45, 60, 3), np.uint8) for _ in range(2)]
    write_shards(Path("data/backgrounds"), [(f"{k}.jpg", encode_rgb(one, ".jpg")) for k, one in enumerate(pictures)])
    backgrounds = pd.DataFrame(
        {"background_id": [0, 1, 2], "image_id": [1, 1, 2], "caption_id": -1, "prompt": "",
         "file_name": [f"{k}.jpg" for k in range(3)], "height": 45, "width": 60, "clip_score": np.nan,
         "target_score": np.nan, "presence_class_id": 1, "presence_prob": 0.1, "selected": [True, True, False],
         "dropped_by": ["", "", "selection"]}
    )  # fmt: skip
    write_table(backgrounds, Path("data/backgrounds/backgrounds.parquet"), Backgrounds)


def write_ground_truth() -> None:
    """Instances of the first three images; the third's lies elsewhere than its segment."""
    images = read_table(Path("data/images/images.parquet"), Images).head(NUM_TRAIN)
    masks = [object_mask(1), object_mask(2), np.roll(object_mask(3), 20, axis=0)]
    rows = [instance(70 + k, k, k % 2 + 1, encode_mask(mask)) for k, mask in enumerate(masks, start=1)]
    write_coco(Path("data/ground_truth/train.json"), coco_dataset(images, CLASSES, rows, "hand-made"))


def write_file(*annotations: Annotation, path: str = "given/file.json") -> None:
    """``path`` holds such instances; the labels name what the images show, of image 2 the other class too."""
    ids = [*range(1, NUM_TRAIN + 1), 2]
    labels = pd.DataFrame({"image_id": ids, "class_id": [k % 2 + 1 for k in ids[:-1]] + [2]})
    write_table(labels.sort_values(["image_id", "class_id"]), Path("data/labels/labels.parquet"), Labels)
    images = read_table(Path("data/images/images.parquet"), Images)
    write_coco(Path(path), coco_dataset(images, CLASSES, list(annotations), "given"))


def given(number: int, image_id: int, class_id: int, **extra: Any) -> Annotation:
    return instance(number, image_id, class_id, encode_mask(object_mask(image_id)), **extra)


def composites() -> dict[str, Any]:
    return dict(json.loads(Path("data/composites/instances.json").read_text()))


def metrics() -> dict[str, Any]:
    return dict(json.loads(Path("metrics/paste.json").read_text()))


def digest() -> str:
    files = sorted(path for path in Path("data/composites").rglob("*") if path.is_file())
    return hashlib.sha256(b"".join(str(path).encode() + path.read_bytes() for path in files)).hexdigest()


def fails(capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(typer.Exit) as end:
        main()
    assert end.value.exit_code == 1
    return capsys.readouterr().err


def test_composites_of_originals_backgrounds_and_unpasted_originals(capsys: pytest.CaptureFixture[str]) -> None:
    main()
    data, summary = composites(), metrics()
    assert summary["composites_on_originals"] == 2 * NUM_TRAIN
    assert summary["composites_on_backgrounds"] == 2
    assert summary["unpasted_originals"] == summary["originals_with_extraction"] == summary["foregrounds"] == NUM_TRAIN
    shards = Shards(Path("data/composites"))
    assert list(shards) == [image["file_name"] for image in data["images"]]
    assert summary["images"] == len(data["images"]) == 23
    assert summary["instances"] == len(data["annotations"]) == summary["pasted"] + summary["own"]
    assert summary["pasted"] + summary["own"] + summary["dropped_instances"] == 3 * 16 + 21
    sizes = {image["id"]: (image["height"], image["width"]) for image in data["images"]}
    for image in data["images"]:
        assert shards.read_rgb(image["file_name"]).shape[:2] == sizes[image["id"]]
    for annotation in data["annotations"]:
        mask = decode_mask(annotation["segmentation"])
        assert mask.shape == sizes[annotation["image_id"]]
        assert annotation["area"] == mask.sum() >= 16
        assert annotation["bbox"] == list(mask_box_xywh(mask))
    assert summary["foregrounds_per_class"] == {"ball": 3, "fish": 4, "house": 0}
    assert summary["instances_per_class"]["house"] == 0
    assert sum(summary["pasted_per_class"].values()) == summary["pasted"]
    plot = pd.read_csv("plots/paste.csv").set_index("class_name")
    assert list(plot.index) == ["fish", "ball", "house"]
    assert list(plot.loc["house"]) == [0, 0, 0]
    assert plot["pool"].tolist() == pytest.approx([400 / 7, 300 / 7, 0], abs=0.001)
    assert plot["pasted"]["ball"] == pytest.approx(
        100 * summary["pasted_per_class"]["ball"] / summary["pasted"], abs=0.001
    )
    assert "no foreground of house" in capsys.readouterr().err
    assert not list(Path(".work/paste").iterdir())


def test_an_unpasted_original_is_annotated_with_its_own_foreground() -> None:
    main()
    data = composites()
    [image] = [one for one in data["images"] if not one["pasted_on"] and one["source_id"] == 4]
    [annotation] = [one for one in data["annotations"] if one["image_id"] == image["id"]]
    assert np.array_equal(decode_mask(annotation["segmentation"]), object_mask(4))
    assert (annotation["source"], annotation["segment_id"], annotation["category_id"]) == ("original", 3, 1)


def test_any_number_of_workers_writes_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    write_params(blending=["gaussian", "poisson", "none"], n_p=[1, 4], placement="space_maximize")
    digests = set()
    for workers in (1, 2, 4):
        monkeypatch.setenv("EMPASTE_WORKERS", str(workers))
        main()
        digests.add(digest())
    assert len(digests) == 1


@pytest.mark.parametrize("placement", ["mixed", "none"])
def test_epoch_0_of_the_online_data_set_is_what_the_stage_writes(placement: str) -> None:
    write_params(placement=placement, blending=["gaussian", "poisson"], jpeg_quality=80, selection="confidence")
    main()
    data, shards = composites(), Shards(Path(shutil.move(Path("data/composites"), Path("kept"))))
    online, labels = open_online()
    assert labels == {1: 1, 2: 2, 3: 3}
    assert len(online) == len(data["images"])
    for k, image in enumerate(data["images"]):
        jpeg = encode_rgb(online[k].image, ".jpg", 80, full_colour=False)
        assert jpeg == shards.read(image["file_name"])
        own = [one for one in data["annotations"] if one["image_id"] == image["id"]]
        assert [{**one, "id": 0, "image_id": 0} for one in own] == [
            {**one, "id": 0, "image_id": 0} for one in online[k].annotations
        ]


def test_what_cuts_out_for_the_online_data_set_may_be_chosen() -> None:
    asked = []

    def counted(cut: Cut, originals: Sequence[Canvas]) -> Iterator[list[Cutout]]:
        asked.append(len(originals))
        return map(cut, originals)

    online, _ = open_online(map_originals=counted)
    assert asked == [NUM_TRAIN]
    assert online[0].annotations


def test_a_repeat_threshold_that_repeats_nothing_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    for threshold, told in ((0.001, True), (0.9, False)):
        write_params(selection="repeat_factor", repeat_threshold=threshold)
        main()
        assert ("drawn from uniformly" in capsys.readouterr().err) is told


def test_the_online_data_set_refuses_what_the_stage_refuses() -> None:
    write_ground_truth()
    write_params(selection="confidence", foregrounds="gt")
    with pytest.raises(InputError, match="choose from uniform, balanced, repeat_factor"):
        open_online()
    pool = read_table(Path("data/foregrounds/pool.parquet"), Foregrounds)
    write_table(pool.head(0), Path("data/foregrounds/pool.parquet"), Foregrounds)
    write_params()
    with pytest.raises(InputError, match="holds no foreground"):
        open_online()


def test_ground_truth_has_no_confidence_to_draw_by(capsys: pytest.CaptureFixture[str]) -> None:
    write_ground_truth()
    write_params(selection="confidence", foregrounds="gt_and_fem")
    assert "choose from uniform, balanced, repeat_factor, or set paste.foregrounds to fem or step1" in fails(capsys)


def test_the_seed_changes_the_composites() -> None:
    main()
    first = digest()
    write_params(seed=1)
    main()
    assert digest() != first


def test_placement_none_writes_the_originals_once_and_needs_no_backgrounds() -> None:
    write_params(placement="none")
    Path("data/backgrounds/backgrounds.parquet").unlink()
    main()
    assert [image["source_id"] for image in composites()["images"]] == list(range(1, NUM_TRAIN + 1))
    assert metrics()["pasted"] == 0
    assert metrics()["own"] == NUM_TRAIN


def test_originals_may_stand_in_the_pool_once_and_without_unpasted_ones() -> None:
    write_params(duplicate_originals=1, keep_originals=False)
    main()
    assert [image["kind"] for image in composites()["images"]] == ["original"] * NUM_TRAIN + ["background"] * 2


def test_balanced_selection_evens_the_classes_out() -> None:
    pool = read_table(Path("data/foregrounds/pool.parquet"), Foregrounds)
    write_table(pool.assign(class_id=[1] + [2] * 6), Path("data/foregrounds/pool.parquet"), Foregrounds)
    shares = {}
    for selection in ("uniform", "balanced"):
        write_params(selection=selection, n_p=20, duplicate_originals=3, min_visible=0.0, min_pixels=1)
        main()
        pasted = [one["category_id"] for one in composites()["annotations"] if one["source"] == "pasted"]
        shares[selection] = pasted.count(1) / len(pasted)
    assert shares["uniform"] < 0.25
    assert 0.4 < shares["balanced"] < 0.6


def test_step_1_is_read_from_its_own_table() -> None:
    write_params(foregrounds="step1")
    main()
    assert metrics()["foregrounds"] == 2
    assert metrics()["originals_with_extraction"] == 2


def write_refined(*annotations: Annotation, void: Mapping[int, RLE] = MappingProxyType({})) -> None:
    images = read_table(Path("data/images/images.parquet"), Images).head(NUM_TRAIN)
    write_coco(Path("data/refined/pool.json"), coco_dataset(images, CLASSES, list(annotations), "refined", void))


def test_refined_foregrounds_are_pasted_with_their_scores(capsys: pytest.CaptureFixture[str]) -> None:
    write_refined(given(1, 1, 2, score=1.0), given(2, 3, 2, score=0.0), given(3, 4, 1, score=0.5))
    write_params(foregrounds="refined", selection="confidence")
    for name in ("data/segments", "data/foregrounds"):
        shutil.rmtree(name)
    main()
    assert metrics()["foregrounds_per_class"] == {"ball": 1, "fish": 2, "house": 0}
    assert {one["annotation_id"] for one in composites()["annotations"] if one["source"] == "pasted"} == {1, 3}
    assert "no foreground of house" in capsys.readouterr().err


def test_void_of_refined_foregrounds_is_that_of_the_composites_on_their_images() -> None:
    one = given(1, 1, 2, score=1.0)
    everything = encode_mask(np.ones(one["segmentation"]["size"], bool))
    write_refined(one, given(2, 3, 2, score=0.5), void={1: everything})
    write_params(foregrounds="refined", placement="none")
    main()
    found = composites()
    assert ["void" in row for row in found["images"]] == [row["source_id"] == 1 for row in found["images"]]
    [row] = [row for row in found["images"] if "void" in row]
    [own] = [each for each in found["annotations"] if each["image_id"] == row["id"]]
    assert np.array_equal(decode_mask(row["void"]), ~decode_mask(own["segmentation"]))


def test_refined_foregrounds_that_are_not_there_end_with_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    write_params(foregrounds="refined")
    assert "data/refined/pool.json does not exist; run: dvc repro" in fails(capsys)
    write_refined()
    assert (
        "data/refined/pool.json holds no foreground, so paste.foregrounds cannot be refined; set refine.rounds to 1 "
        "or more and run: dvc repro, or set paste.foregrounds to fem"
    ) in fails(capsys)


@pytest.mark.parametrize(("source", "expected"), [("gt", {71, 72, 73}), ("gt_and_fem", {71, 72})])
def test_ground_truth_is_pasted_where_it_is_named(source: str, expected: set[int]) -> None:
    write_ground_truth()
    write_params(foregrounds=source)
    main()
    assert {one["annotation_id"] for one in composites()["annotations"]} == expected
    assert metrics()["originals_with_extraction"] == len(expected)


@pytest.mark.parametrize("source", ["fem", "step1", "refined"])
def test_ground_truth_is_not_opened_otherwise(source: str) -> None:
    write_refined(given(1, 1, 2))
    write_params(foregrounds=source)
    main()
    without = digest()
    Path("data/ground_truth").mkdir()
    Path("data/ground_truth/train.json").write_text("no JSON at all")
    main()
    assert digest() == without


def test_instances_of_a_file_are_pasted_as_far_as_the_labels_allow(capsys: pytest.CaptureFixture[str]) -> None:
    write_file(given(31, 1, 2, score=0.9), given(32, 2, 1, score=0.8), given(33, 2, 2, score=0.7), given(34, 3, 1))
    write_params(foregrounds="file", foregrounds_file="given/file.json")
    for name in ("data/segments", "data/foregrounds"):
        shutil.rmtree(name)
    main()
    assert {one["annotation_id"] for one in composites()["annotations"]} == {31, 32, 33}
    assert metrics()["foregrounds_per_class"] == {"ball": 1, "fish": 2, "house": 0}
    said = "given/file.json: 1 instances are left out, since the labels of their images do not name them: ball (1)"
    assert said in capsys.readouterr().err


def test_scores_of_a_file_are_drawn_by_where_all_instances_have_one(capsys: pytest.CaptureFixture[str]) -> None:
    write_file(given(31, 1, 2, score=1.0), given(33, 3, 2, score=0.0), given(32, 2, 1, score=0.5))
    write_params(foregrounds="file", foregrounds_file="given/file.json", selection="confidence")
    main()
    assert {one["annotation_id"] for one in composites()["annotations"] if one["source"] == "pasted"} == {31, 32}
    write_file(given(31, 1, 2, score=1.0), given(33, 3, 2))
    assert "or not all of them have a score (a file); choose from uniform, balanced, repeat_factor" in fails(capsys)


def test_other_content_of_the_file_is_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = []
    monkeypatch.setattr("stages.paste.remove_work", lambda folder: keys.append(folder))
    write_params(foregrounds="file", foregrounds_file="given/file.json")
    for score in (0.9, 0.8):
        write_file(given(31, 1, 2, score=score))
        main()
    assert len(set(keys)) == 2


def test_the_file_is_found_from_an_experiments_own_workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_file(given(31, 1, 2), path="repository/file.json")
    monkeypatch.setenv("DVC_ROOT", str(tmp_path / "repository"))
    write_params(foregrounds="file", foregrounds_file="file.json")
    main()
    assert metrics()["foregrounds"] == 1


@pytest.mark.parametrize(
    ("file", "message"),
    [
        (None, "paste.foregrounds_file is null, but foregrounds: file reads instances from one; set"),
        ("none.json", "paste.foregrounds_file none.json cannot be read (No such file or directory)"),
        ("given/file.json", "given/file.json holds no instance to paste (1 of classes that the labels"),
        (
            "data/../data/ground_truth/train.json",
            "train.json, the ground truth of the training split; give another file, or, to study how much",
        ),
    ],
)
def test_a_file_that_cannot_be_pasted_ends_with_the_next_step(
    file: str | None, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_ground_truth()
    write_file(given(31, 1, 3))
    write_params(foregrounds="file", foregrounds_file=file)
    assert message in fails(capsys)
    assert not Path("data/composites").exists()


def test_a_copy_of_the_ground_truth_is_the_ground_truth(capsys: pytest.CaptureFixture[str]) -> None:
    write_ground_truth()
    write_file(given(31, 1, 2))
    shutil.copy("data/ground_truth/train.json", "given/copy.json")
    write_params(foregrounds="file", foregrounds_file="given/copy.json")
    assert "given/copy.json, the ground truth of the training split; give another file" in fails(capsys)


def test_what_a_file_holds_beside_instances_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    without_mask = given(33, 2, 1)
    without_mask["segmentation"] = []  # type: ignore[typeddict-item]  # as foreign files may have it
    write_file(given(31, 1, 2), given(32, 2, 1, iscrowd=1), without_mask)
    write_params(foregrounds="file", foregrounds_file="given/file.json")
    main()
    said = capsys.readouterr().err
    assert "paste: given/file.json names images by file name\n" in said
    assert "WARNING: given/file.json: 1 annotations are crowds: " in said
    assert "WARNING: given/file.json: 1 annotations have no mask: " in said


def test_an_empty_pool_ends_with_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    pool = read_table(Path("data/foregrounds/pool.parquet"), Foregrounds)
    write_table(pool.head(0), Path("data/foregrounds/pool.parquet"), Foregrounds)
    message = fails(capsys)
    assert "data/foregrounds/pool.parquet holds no foreground" in message
    assert "lower foregrounds.min_prob" in message


def test_ground_truth_without_masks_cannot_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    write_ground_truth()
    data = json.loads(Path("data/ground_truth/train.json").read_text())
    write_coco(Path("data/ground_truth/train.json"), data | {"annotations": data["annotations"][2:]})
    write_params(foregrounds="gt_and_fem")
    assert "paste.foregrounds cannot be gt_and_fem" in fails(capsys)
    write_coco(Path("data/ground_truth/train.json"), data | {"annotations": []})
    write_params(foregrounds="gt")
    assert "holds no instance mask, so paste.foregrounds cannot be gt" in fails(capsys)


def test_more_than_one_corrupt_background_in_a_hundred_ends_the_run_and_earlier_composites_stay(
    capsys: pytest.CaptureFixture[str],
) -> None:
    main()
    before = digest()
    shards = Shards(Path("data/backgrounds"))
    write_shards(Path("data/backgrounds"), [("0.jpg", shards.read("0.jpg")), ("1.jpg", b"")])
    message = fails(capsys)
    assert (
        "more than 1% of the images to paste on cannot be read: data/backgrounds/images-00000.tar:1.jpg is " in message
    )
    assert digest() == before
    assert sorted(path.name for path in Path("data").iterdir() if path.name.startswith(".")) == []


def test_an_interrupted_run_goes_on_behind_its_shards_and_ends_with_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(composites_module, "SHARD_SIZE", 5)
    main()
    undisturbed, asked = digest(), []

    def interrupted(function: Any, items: Any, what: str) -> Iterator[Any]:
        for number, item in enumerate(items):
            if what == "compose" and number == 13:
                raise KeyboardInterrupt
            yield function(item)

    def counted(function: Any, items: Any, what: str) -> Iterator[Any]:
        asked.append((what, len(items)))
        return map(function, items)

    with monkeypatch.context() as patch:
        patch.setattr("stages.paste.map_items", interrupted)
        with pytest.raises(KeyboardInterrupt):
            main()
    assert digest() == undisturbed
    [work] = Path(".work/paste").iterdir()
    assert sorted(file.name for file in work.glob("part-*/*.tar")) == ["images-00000.tar", "images-00001.tar"]
    with monkeypatch.context() as patch:
        patch.setattr("stages.paste.map_items", counted)
        main()
    assert asked == [("compose", 13)]  # 10 of 23 stood, and the cutouts
    assert digest() == undisturbed
    assert not list(Path(".work/paste").iterdir())


def test_what_was_begun_with_other_parameters_is_not_continued(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(function: Any, items: Any, what: str) -> Iterator[Any]:
        if what == "compose":
            raise KeyboardInterrupt
        return map(function, items)

    with monkeypatch.context() as patch:
        patch.setattr("stages.paste.map_items", interrupted)
        with pytest.raises(KeyboardInterrupt):
            main()
    [begun] = Path(".work/paste").iterdir()
    write_params(seed=5)
    with monkeypatch.context() as patch:
        patch.setattr("stages.paste.map_items", interrupted)
        with pytest.raises(KeyboardInterrupt):
            main()
    [other] = Path(".work/paste").iterdir()
    assert other != begun


def test_one_unreadable_original_in_a_hundred_is_skipped_with_its_foregrounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composites_module, "MAX_UNREADABLE", 0.2)
    Path("data/images/train/4.png").write_bytes(b"no image")
    main()
    assert metrics()["unreadable_images"] == 1
    assert metrics()["foregrounds"] == NUM_TRAIN - 1
    data = composites()
    assert 4 not in {image["source_id"] for image in data["images"] if image["kind"] == "original"}
    assert 3 not in {one["segment_id"] for one in data["annotations"]}  # the segment of image 4
    assert data["info"]["skipped"] == [
        "data/images/train/4.png is not a readable image (8 bytes); replace it or remove it, then run again"
    ]


def test_nothing_readable_to_cut_from_ends_with_the_next_step(capsys: pytest.CaptureFixture[str]) -> None:
    for k in range(1, NUM_TRAIN + 1):
        Path(f"data/images/train/{k}.png").write_bytes(b"")
    assert "none of the images that hold foregrounds can be read; run: dvc checkout" in fails(capsys)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"n_p": 0}, "paste.n_p is 0"),
        ({"scale": [1.0, 0.3]}, "paste.scale is [1.0, 0.3]; a range rises"),
        ({"blending": []}, "paste.blending is []"),
        (
            {"blending": ["gauss"]},
            "paste.blending.0 is 'gauss'; choose from 'gaussian', 'box_blur', 'ring', 'poisson', 'none'",
        ),
        ({"brightness": [1.2, 0.8]}, "paste.brightness is [1.2, 0.8]; a range rises"),
        ({"flip": 2}, "paste.flip is 2"),
        ({"min_radius": 0}, "paste.min_radius is 0"),
        ({"placement": "centre"}, "paste.placement is 'centre'; choose from"),
        ({"seed": -1}, "paste.seed is -1"),
        ({"selection": "rare"}, "paste.selection is 'rare'; choose from 'uniform', 'balanced', 'repeat_factor'"),
        ({"repeat_threshold": 0.0}, "paste.repeat_threshold is 0.0"),
        ({"repeat_threshold": 1.5}, "paste.repeat_threshold is 1.5"),
        ({"confidence_temperature": 0.0}, "paste.confidence_temperature is 0.0"),
        ({"np": 3}, "paste.np is 3, but there is no such parameter; did you mean n_p?"),
    ],
)
def test_wrong_parameters_end_with_key_value_and_what_is_allowed(
    changes: dict[str, Any], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    write_params(**changes)
    assert message in fails(capsys)
    assert not Path("data/composites").exists()

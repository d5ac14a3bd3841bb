"""Every stage of the presets voc and coco has run: outputs are there, metrics fit the data and each other."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import yaml

from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.prepare import Classes, Images, Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from
from tests.datasets.published import COCO_CLASSES, NUM_TRAIN, NUM_VAL, VOC_CLASSES, scene
from tests.recipes.conftest import TOP, Recipe

NUM_CLASSES = {"voc": 20, "coco": len(COCO_CLASSES)}
CROWDS = {"voc": 0, "coco": 1}
"""Beside the objects that are drawn, per split."""


def metrics_of(folder: Path, stage: str) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "metrics" / f"{stage}.json").read_text())
    return content


def objects_in(first: int, last: int) -> int:
    return sum(len(scene(number).class_ids) for number in range(first, last + 1))


def test_every_output_of_the_pipeline_is_there(recipe: Recipe) -> None:
    stages = yaml.safe_load((TOP / "dvc.yaml").read_text())["stages"]
    outs = [out for stage in stages.values() for kind in ("outs", "metrics", "plots") for out in stage.get(kind, [])]
    paths = [out if isinstance(out, str) else next(iter(out)) for out in outs]
    assert len(paths) > 25
    assert not [path for path in paths if not (recipe.folder / path).exists()]


def test_settings_are_the_presets_but_for_what_makes_them_tiny(recipe: Recipe) -> None:
    params = yaml.safe_load((recipe.folder / "params.yaml").read_text())
    assert params["prepare"]["dataset"] == recipe.preset
    assert (params["captions"]["method"], params["backgrounds"]["method"]) == ("blip", "diffusion")
    assert (params["train"]["heads"], params["paste"]["n_p"]) == ("v2", 4)


def test_the_data_set_is_read_whole(recipe: Recipe) -> None:
    preset, folder = recipe.preset, recipe.folder
    found = metrics_of(folder, "prepare")
    assert (found["train_images"], found["val_images"]) == (NUM_TRAIN, NUM_VAL)
    assert found["images_without_label"] == CROWDS[preset], "COCO has one image that shows nothing"
    assert found["instances_train"] == objects_in(1, NUM_TRAIN) + CROWDS[preset]
    assert found["instances_val"] == objects_in(NUM_TRAIN + 1, NUM_TRAIN + NUM_VAL) + CROWDS[preset]
    images = read_from(folder / "data/images", Images)
    assert set(zip(images["height"], images["width"], strict=True)) == {(96, 128)}
    assert len(read_from(folder / "data/labels", Classes)) == NUM_CLASSES[preset]


def test_labels_are_what_the_pictures_show(recipe: Recipe) -> None:
    preset, folder = recipe.preset, recipe.folder
    ids = {own: named[0] for own, named in (VOC_CLASSES if preset == "voc" else COCO_CLASSES).items()}
    labels = read_from(folder / "data/labels", Labels)
    by_image = labels.groupby("image_id")["class_id"].agg(set)
    expected = [{ids[one] for one in scene(number).class_ids} for number in range(1, 1 + NUM_TRAIN + NUM_VAL)]
    assert [by_image[image_id] for image_id in sorted(by_image.index)] == expected


def test_masks_of_voc_and_of_sbd_are_masks(recipe: Recipe) -> None:
    truth = json.loads((recipe.folder / "data/ground_truth/train.json").read_text())
    areas = {one["area"] for one in truth["annotations"] if not one["iscrowd"]}
    drawn = {int(mask.sum()) for number in range(1, 1 + NUM_TRAIN) for mask in scene(number).masks}
    assert not any(one.get("box_only") for one in truth["annotations"])
    if recipe.preset == "voc":  # a polygon of COCO's is drawn anew, and may differ by its rim
        assert areas == drawn


def test_the_classifier_is_measured(recipe: Recipe) -> None:
    curve = pd.read_csv(recipe.folder / "plots/classifier.csv")
    assert len(curve) == 2
    assert 0 <= metrics_of(recipe.folder, "classifier")["mAP"] <= 100
    config = json.loads((recipe.folder / "models/classifier/config.json").read_text())
    assert len(config["class_ids"]) == NUM_CLASSES[recipe.preset]


def test_every_image_has_segments_and_each_a_description(recipe: Recipe) -> None:
    segments = read_from(recipe.folder / "data/segments", Segments)
    assert segments["image_id"].nunique() == NUM_TRAIN
    assert segments.groupby("image_id").size().max() <= 40
    phi = np.load(recipe.folder / "data/features/phi.npy")
    probs = np.load(recipe.folder / "data/features/probs.npy")
    assert phi.shape == (len(segments), 512)
    assert probs.shape == (len(segments), NUM_CLASSES[recipe.preset])
    assert metrics_of(recipe.folder, "proposals")["images_without_segments"] == 0


def test_every_label_has_a_foreground(recipe: Recipe) -> None:
    labels = read_from(recipe.folder / "data/labels", Labels)
    images = read_from(recipe.folder / "data/images", Images).query("split == 'train'")
    pairs = labels[labels["image_id"].isin(images["image_id"])]
    found = metrics_of(recipe.folder, "foregrounds")
    assert sum(found["masks_per_class"].values()) == len(pairs)
    assert set(found["precision50"]) == {"iter_0", "iter_1", "iter_2", "iter_3", "pool"}


def test_captions_and_backgrounds_are_as_many_as_asked_for(recipe: Recipe) -> None:
    captions = read_from(recipe.folder / "data/captions", Captions)
    made = read_from(recipe.folder / "data/backgrounds", Backgrounds)
    assert captions["image_id"].nunique() == NUM_TRAIN // 2
    assert len(captions) == NUM_TRAIN // 2 * 2
    assert len(made) == len(captions) * 10
    assert made["selected"].sum() == len(captions) * 5
    assert made["clip_score"].notna().all()
    assert metrics_of(recipe.folder, "backgrounds")["selected"] == len(captions) * 5


def test_composites_are_of_originals_and_backgrounds(recipe: Recipe) -> None:
    found = metrics_of(recipe.folder, "paste")
    coco = json.loads((recipe.folder / "data/composites/instances.json").read_text())
    kinds = pd.Series([image["kind"] for image in coco["images"]]).value_counts()
    assert found["images"] == len(coco["images"]) == kinds["original"] + kinds["background"]
    assert kinds["original"] == 2 * NUM_TRAIN, "each twice, none as it is"
    assert 0 < kinds["background"] <= NUM_TRAIN // 2 * 2 * 5
    assert found["instances"] == len(coco["annotations"]) > len(coco["images"])


def test_the_detector_is_trained_and_measured(recipe: Recipe) -> None:
    curve = pd.read_csv(recipe.folder / "plots/train.csv")
    assert curve["iteration"].tolist() == [1, 2]
    assert np.isfinite(curve["loss"]).all()
    assert curve["learning_rate"].iloc[0] == pytest.approx(0.1 * 2 / 128), "0.1 is for batches of 128"
    found = metrics_of(recipe.folder, "evaluate")
    for kind in ("mask", "box"):
        assert {"AP", "AP50", "AP75", "AP50_per_class"} <= found[kind].keys()
        assert 0 <= found[kind]["AP"] <= 100
    assert len(found["mask"]["AP50_per_class"]) == NUM_CLASSES[recipe.preset]


def test_the_report_shows_the_run(recipe: Recipe) -> None:
    page = (recipe.folder / "report/index.html").read_text()
    assert page.startswith("<!DOCTYPE html>")
    assert "potted" in page

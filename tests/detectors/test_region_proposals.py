from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.rpn import RegionProposalNetwork

from empaste.detectors.backend import Network
from empaste.detectors.mask_rcnn import build_mask_rcnn
from empaste.detectors.region_proposals import RegionProposals

SIDES = {"cpu": 128, "cuda": 1024}
NEEDS_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU")
DEVICES = ["cpu", pytest.param("cuda", marks=NEEDS_GPU)]


def make_detector(device: str) -> MaskRCNN:
    torch.manual_seed(0)
    network = Network("resnet18", "standard", False, 8, SIDES[device], frozen_norm=False, msra=False)
    return build_mask_rcnn(network, 2, None).to(device)


def draw_inputs(device: str, number: int) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
    """Images of noise, each with one object fewer than the one before; the last has none."""
    generator, side = torch.Generator().manual_seed(0), SIDES[device]
    images = [torch.randint(256, (3, side, side), generator=generator, dtype=torch.uint8) for _ in range(number)]
    targets = []
    for count in reversed(range(number)):
        corners = torch.rand(count, 2, generator=generator) * side * 0.7
        boxes = torch.cat([corners, corners + side * (0.05 + 0.2 * torch.rand(count, 2, generator=generator))], dim=1)
        targets.append({"boxes": boxes, "labels": torch.ones(count, dtype=torch.int64)})
    return [image.to(device) for image in images], [
        {key: value.to(device) for key, value in target.items()} for target in targets
    ]


def propose(model: MaskRCNN, number: int) -> tuple[list[Tensor], list[Tensor], dict[str, Any]]:
    """Per image anchors and proposals, and the losses, of a training pass up to the regions."""
    inputs, targets = draw_inputs(next(model.parameters()).device.type, number)
    images, targets = model.transform(inputs, targets)
    features = model.backbone(images.tensors)
    torch.manual_seed(1)
    proposals, losses = model.rpn(images, features, targets)
    return model.rpn.anchor_generator(images, list(features.values())), proposals, losses


def as_torchvision(model: MaskRCNN) -> MaskRCNN:
    """``model`` with the same parts in a network of torchvision's own class."""
    plain = deepcopy(model)
    ours = plain.rpn
    plain.rpn = RegionProposalNetwork(
        ours.anchor_generator, ours.head, 0.7, 0.3, 256, 0.5, ours._pre_nms_top_n, ours._post_nms_top_n, 0.7
    )
    return plain


@pytest.mark.parametrize(
    ("device", "number"),
    [("cpu", 1), ("cpu", 3), *(pytest.param("cuda", number, marks=NEEDS_GPU) for number in (1, 3, 11))],
)
def test_proposals_and_losses_are_torchvisions(device: str, number: int) -> None:
    model = make_detector(device)
    assert isinstance(model.rpn, RegionProposals)
    _, wanted, wanted_losses = propose(as_torchvision(model), number)
    for _ in range(3):  # what runs side by side may meet in another order each time
        _, proposals, losses = propose(model, number)
        assert [len(part) for part in proposals] == [len(part) for part in wanted]
        for ours, theirs in zip(proposals, wanted, strict=True):
            assert torch.equal(ours, theirs)
        assert {key: value.item() for key, value in losses.items()} == pytest.approx(
            {key: value.item() for key, value in wanted_losses.items()}, rel=0 if device == "cpu" else 1e-6
        )


@pytest.mark.parametrize("device", DEVICES)
def test_mixed_precision_moves_no_anchor_and_rounds_no_proposal(device: str) -> None:
    model = make_detector(device)
    exact, _, _ = propose(model, 2)
    with torch.autocast(device, torch.bfloat16):
        anchors, proposals, losses = propose(model, 2)
    assert torch.equal(anchors[0], exact[0])
    assert anchors[0].dtype == torch.float32
    for boxes in proposals:
        assert boxes.dtype == torch.float32
        assert not torch.equal(boxes, boxes.bfloat16().float())
    assert all(loss.dtype == torch.float32 for loss in losses.values())


@pytest.mark.parametrize("device", DEVICES)
def test_an_average_of_the_network_detects_apart_from_it(device: str) -> None:
    model = make_detector(device)
    propose(model, 2)
    average = deepcopy(model).eval()
    assert average.rpn.transform is average.transform
    assert average.rpn.transform is not model.transform
    with torch.no_grad():
        found = average(draw_inputs(device, 2)[0])
    assert len(found) == 2

"""Pairwise colour affinity beside the mask loss: neighbouring cells of one colour belong together.

Z. Tian et al.: BoxInst, High-performance instance segmentation with box annotations, CVPR 2021, §3.2. With ``m`` the
probability that a cell is of the instance, two neighbours have the same label with probability

``m_i m_j + (1 - m_i) (1 - m_j)``.

The loss is minus its logarithm, averaged over the pairs whose colours are so alike that their labels are equal almost
surely: ``exp(-|v_i - v_j| / 2) >= 0.3`` in CIE Lab.

Pseudo masks say roughly where an object ends, its image says it exactly. This lets the mask head listen to both.

Notes
-----
Departs from the paper: beside the mask loss, not in place of it; on the cells of every region (28 × 28), whose colours
are averages of the image's, and their eight direct neighbours, not on a map of the whole image with a step of two.
"""

from collections.abc import Sequence

import torch
from jaxtyping import Float, UInt8
from torch import Tensor, nn
from torch.nn.functional import logsigmoid
from torchvision.models.detection import MaskRCNN
from torchvision.models.detection.roi_heads import RoIHeads
from torchvision.ops import roi_align

from empaste.detectors.region_heads import RegionHeads

TEMPERATURE = 2.0
LEAST_LIKENESS = 0.3
STEPS = ((0, 1), (1, 0), (1, 1), (1, -1))
"""To the neighbours with which a cell is compared; the other four compare themselves with it."""
WHITE = (0.950456, 1.0, 1.088754)
XYZ = ((0.412453, 0.357580, 0.180423), (0.212671, 0.715160, 0.072169), (0.019334, 0.119193, 0.950227))
"""The white point D65 and the primaries of sRGB (ITU-R BT.709), as OpenCV has them."""


class AffinityHeads(RegionHeads):
    """``heads``'s parts, with ``loss_affinity``, ``weight`` times `affinity_loss`, among their losses in training.

    `see` must have been told the batch's images first.
    """

    def __init__(self, heads: RoIHeads, weight: float) -> None:
        super().__init__(heads)
        self.weight = weight
        self._images: Sequence[Tensor] = ()
        self._sampled: tuple[list[Tensor], list[Tensor]] = ([], [])
        self._logits: list[Tensor] = []
        self.mask_predictor.register_forward_hook(lambda _module, _inputs, logits: self._logits.append(logits))

    def see(self, images: Sequence[UInt8[Tensor, "3 _ _"]]) -> None:
        """The images of the batch, of 0 to 255, all of one size."""
        self._images = images

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[dict[str, Tensor]] | None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Sequence[Tensor]]:
        """As torchvision's."""
        selected: tuple[list[Tensor], list[Tensor], list[Tensor], Sequence[Tensor]]
        selected = super().select_training_samples(proposals, targets)
        self._sampled = selected[0], selected[2]
        return selected

    def forward(
        self,
        features: dict[str, Tensor],
        proposals: list[Tensor],
        image_shapes: list[tuple[int, int]],
        targets: list[dict[str, Tensor]] | None = None,
    ) -> tuple[list[dict[str, Tensor]], dict[str, Tensor]]:
        """As torchvision's, with one loss more in training."""
        self._logits.clear()
        result, losses = super().forward(features, proposals, image_shapes, targets)
        if self.training:
            losses["loss_affinity"] = self.weight * self._loss()
        self._logits.clear()
        return result, losses

    def _loss(self) -> Float[Tensor, ""]:
        """Of the regions that show an instance, by the map of its class."""
        shown = [labels > 0 for labels in self._sampled[1]]
        boxes = [boxes[at] for boxes, at in zip(self._sampled[0], shown, strict=True)]
        labels = torch.cat([labels[at] for labels, at in zip(self._sampled[1], shown, strict=True)])
        (logits,) = self._logits
        colours = lab_colours(torch.stack(list(self._images)))
        of_class = logits[torch.arange(len(labels), device=labels.device), labels].float()
        cells = roi_align(colours, boxes, of_class.shape[-1], sampling_ratio=2, aligned=True)
        return affinity_loss(of_class, cells)


def add_affinity(module: nn.Module, weight: float) -> None:
    """``module``, a Mask R-CNN of torchvision's, learns with the affinity of colours, too."""
    assert isinstance(module, MaskRCNN)
    heads = AffinityHeads(module.roi_heads, weight)
    module.roi_heads = heads
    module.register_forward_pre_hook(lambda _module, inputs: heads.see(inputs[0]))


def affinity_loss(logits: Float[Tensor, "n m m"], colours: Float[Tensor, "n 3 m m"]) -> Float[Tensor, ""]:
    """The loss above of masks over regions with these ``colours`` (CIE Lab); 0 where no two neighbours are alike."""
    inside, outside = logsigmoid(logits), logsigmoid(-logits)
    total, number = logits.sum() * 0, logits.new_zeros(())
    for step in STEPS:
        (inside_a, inside_b), (outside_a, outside_b) = _pairs(inside, step), _pairs(outside, step)
        colour_a, colour_b = _pairs(colours, step)
        alike = torch.exp(-(colour_a - colour_b).norm(dim=1) / TEMPERATURE) >= LEAST_LIKENESS
        same_label = torch.logaddexp(inside_a + inside_b, outside_a + outside_b)
        total, number = total - (same_label * alike).sum(), number + alike.sum()
    return total / number.clamp(min=1)


def lab_colours(images: UInt8[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """The colours of sRGB images in CIE Lab: L from 0 to 100."""
    unit = images.float() / 255
    linear = torch.where(unit > 0.04045, ((unit + 0.055) / 1.055) ** 2.4, unit / 12.92)
    primaries = torch.tensor(XYZ, device=images.device) / torch.tensor(WHITE, device=images.device)[:, None]
    xyz = torch.einsum("kc,nchw->nkhw", primaries, linear)
    x, y, z = torch.where(xyz > 0.008856, xyz.clamp(min=1e-8) ** (1 / 3), 7.787 * xyz + 16 / 116).unbind(1)
    return torch.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], 1)


def _pairs(values: Tensor, step: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """``values`` of the cells that have a neighbour at ``step`` (down, right), and of these neighbours."""
    down, right = step
    height, width = values.shape[-2:]
    rows, columns = slice(0, height - down), slice(max(0, -right), width - max(0, right))
    near_rows, near_columns = slice(down, height), slice(max(0, right), width + min(0, right))
    return values[..., rows, columns], values[..., near_rows, near_columns]

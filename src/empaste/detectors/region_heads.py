"""torchvision's heads over regions (Girshick 2015, He et al. 2017), which pass over regions in void."""

from collections.abc import Sequence

from torch import Tensor
from torchvision.models.detection.roi_heads import RoIHeads

from empaste.detectors.void import pass_over_void, void_of


class RegionHeads(RoIHeads):
    """``heads``'s parts, learning the same; regions in void are no examples of background."""

    def __init__(self, heads: RoIHeads) -> None:
        matcher, sampler = heads.proposal_matcher, heads.fg_bg_sampler
        super().__init__(
            heads.box_roi_pool, heads.box_head, heads.box_predictor, matcher.high_threshold, matcher.low_threshold,
            sampler.batch_size_per_image, sampler.positive_fraction, heads.box_coder.weights, heads.score_thresh,
            heads.nms_thresh, heads.detections_per_img, heads.mask_roi_pool, heads.mask_head, heads.mask_predictor,
        )  # fmt: skip
        self._void: list[Tensor | None] = []

    def select_training_samples(
        self, proposals: list[Tensor], targets: list[dict[str, Tensor]] | None
    ) -> tuple[list[Tensor], list[Tensor], list[Tensor], Sequence[Tensor]]:
        """As torchvision's, among the regions outside void."""
        self._void = void_of(targets or [])
        selected: tuple[list[Tensor], list[Tensor], list[Tensor], Sequence[Tensor]]
        selected = super().select_training_samples(proposals, targets)
        self._void = []
        return selected

    def assign_targets_to_proposals(
        self, proposals: list[Tensor], gt_boxes: list[Tensor], gt_labels: list[Tensor]
    ) -> tuple[list[Tensor], list[Tensor]]:
        """Per image: whose each region is, and its label: 0 for background, -1 for what teaches nothing."""
        matched, labels = super().assign_targets_to_proposals(proposals, gt_boxes, gt_labels)
        return matched, pass_over_void(labels, proposals, self._void)

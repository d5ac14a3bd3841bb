"""torchvision's region proposal network (Ren et al. 2015), exact in mixed precision and out of a GPU's way.

Torchvision lets anchors, proposals and the targets of boxes have the type of the features: in bfloat16 a coordinate
beyond 512 pixels then moves in steps of four. Here they are float32 whatever the features are. Anchors in void teach
nothing (`empaste.detectors.void`). What comes out is torchvision's own otherwise, image by image.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TypeVar

import torch
from torch import Tensor
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.image_list import ImageList
from torchvision.models.detection.rpn import RegionProposalNetwork, RPNHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform

from empaste.detectors.void import pass_over_void, void_of

NUM_THREADS = 8
"""That filter proposals, each on a stream of its own: one suppression fills a single one of a GPU's multiprocessors."""

Result = TypeVar("Result")
Boxes = list[Tensor]


class Float32Head(RPNHead):
    """Objectness and box deltas in float32; the convolutions before them are as fast as mixed precision makes them."""

    def forward(self, features: list[Tensor]) -> tuple[list[Tensor], list[Tensor]]:
        """Per level: scores (n, anchors, h, w) and deltas (n, 4 · anchors, h, w)."""
        objectness, deltas = super().forward(features)
        return [level.float() for level in objectness], [level.float() for level in deltas]


class Float32Anchors(AnchorGenerator):
    """Anchors in float32."""

    def forward(self, image_list: ImageList, feature_maps: list[Tensor]) -> list[Tensor]:
        """Per image: corners (anchors of all levels, 4) in pixels."""
        of_type = [level.new_empty((), dtype=torch.float32).expand(level.shape) for level in feature_maps]
        anchors: list[Tensor] = super().forward(image_list, of_type)
        return anchors


class InputsReady(GeneralizedRCNNTransform):
    """Marks when the inputs of a forward pass are on the GPU, before the backbone's work is queued there."""

    ready: torch.cuda.Event | None = None

    def forward(
        self, images: list[Tensor], targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[ImageList, list[dict[str, Tensor]] | None]:
        """As torchvision's."""
        transformed: tuple[ImageList, list[dict[str, Tensor]] | None] = super().forward(images, targets)
        if images[0].is_cuda:
            self.ready = torch.cuda.current_stream().record_event()
        return transformed

    def __getstate__(self) -> dict[str, object]:
        return {key: value for key, value in self.__dict__.items() if key != "ready"}  # a mark cannot be copied


class RegionProposals(RegionProposalNetwork):
    """``network``'s parts, proposing the same.

    While a GPU trains, the many small steps that make it wait for the host run beside its large ones: anchors meet
    their targets while the backbone computes, and the images' proposals are filtered in several threads.
    """

    def __init__(self, network: RegionProposalNetwork, transform: InputsReady) -> None:
        matcher, sampler = network.proposal_matcher, network.fg_bg_sampler
        super().__init__(
            network.anchor_generator, network.head, matcher.high_threshold, matcher.low_threshold,
            sampler.batch_size_per_image, sampler.positive_fraction, network._pre_nms_top_n, network._post_nms_top_n,
            network.nms_thresh, network.score_thresh,
        )  # fmt: skip
        self.transform = transform
        self._assigned: tuple[Boxes, Boxes] | None = None

    def forward(
        self, images: ImageList, features: dict[str, Tensor], targets: list[dict[str, Tensor]] | None = None
    ) -> tuple[Boxes, dict[str, Tensor]]:
        """As torchvision's."""
        ready, device = self.transform.ready, images.tensors.device
        if self.training and targets is not None and device.type == "cuda" and ready:
            with _Beside(device, 0, ready):
                anchors = self.anchor_generator(images, list(features.values()))
                self._assigned = self._assign(anchors, targets)
        found: tuple[list[Tensor], dict[str, Tensor]] = super().forward(images, features, targets)
        return found

    def assign_targets_to_anchors(self, anchors: list[Tensor], targets: list[dict[str, Tensor]]) -> tuple[Boxes, Boxes]:
        """Per image: whether an anchor is one of an object (1), of none (0) or neither (-1), and its box."""
        assigned, self._assigned = self._assigned, None
        return assigned or self._assign(anchors, targets)

    def _assign(self, anchors: list[Tensor], targets: list[dict[str, Tensor]]) -> tuple[Boxes, Boxes]:
        """As torchvision assigns them, but that what lies in void is neither of an object nor of none."""
        labels, boxes = super().assign_targets_to_anchors(anchors, targets)
        return pass_over_void(labels, anchors, void_of(targets)), boxes

    def filter_proposals(
        self,
        proposals: Tensor,
        objectness: Tensor,
        image_shapes: list[tuple[int, int]],
        num_anchors_per_level: list[int],
    ) -> tuple[Boxes, Boxes]:
        """Per image: the best boxes that do not overlap, and their scores."""
        number = len(proposals)
        kept: tuple[Boxes, Boxes]
        if not (self.training and proposals.is_cuda) or number == 1:
            kept = super().filter_proposals(proposals, objectness, image_shapes, num_anchors_per_level)
            return kept
        scores = objectness.detach().reshape(number, -1)

        def filtered(part: slice) -> tuple[Boxes, Boxes]:
            of_part: tuple[Boxes, Boxes] = RegionProposalNetwork.filter_proposals(
                self, proposals[part], scores[part], image_shapes[part], num_anchors_per_level
            )
            return of_part

        size = -(-number // NUM_THREADS)
        parts = _in_threads(proposals.device, filtered, [slice(at, at + size) for at in range(0, number, size)])
        return [boxes for part, _ in parts for boxes in part], [best for _, part in parts for best in part]


class _Beside:
    """What is queued inside runs on a stream of its own after ``start``; what is queued afterwards waits for it.

    Memory: what it makes is used on the current stream alone and outlives no step, so by the next ``start`` all its use
    is queued, and what is made anew in its place comes after.
    """

    def __init__(self, device: torch.device, number: int, start: torch.cuda.Event) -> None:
        self.start, self.stream = start, _stream(device, number)
        self.current = torch.cuda.current_stream(device)
        self.context = torch.cuda.stream(self.stream)

    def __enter__(self) -> None:
        self.stream.wait_event(self.start)
        self.context.__enter__()

    def __exit__(self, *error: object) -> None:
        self.context.__exit__(*error)
        self.current.wait_stream(self.stream)


def _in_threads(device: torch.device, function: Callable[[slice], Result], parts: list[slice]) -> list[Result]:
    """``function`` of every part, computed side by side on the GPU; no gradients are kept."""
    current = torch.cuda.current_stream(device)
    start = current.record_event()

    def run(number: int) -> Result:
        stream = _stream(device, number)
        with torch.no_grad(), torch.cuda.stream(stream):
            stream.wait_event(start)
            return function(parts[number])

    results = list(_threads().map(run, range(len(parts))))
    for number in range(len(parts)):
        current.wait_stream(_stream(device, number))
    return results


@cache
def _threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(NUM_THREADS)


@cache
def _stream(device: torch.device, number: int) -> torch.cuda.Stream:
    return torch.cuda.Stream(device, priority=-1)

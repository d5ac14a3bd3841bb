"""detectron2's Mask R-CNN as the training loop calls it. To import this is to import detectron2."""

from collections.abc import Mapping, Sequence
from typing import Any

from detectron2.modeling import GeneralizedRCNN
from detectron2.utils.events import EventStorage


class MaskRCNN(GeneralizedRCNN):
    """Takes RGB of 0 to 255 whatever the order its weights learned; its tensors have detectron2's names."""

    image_size: int
    """The longest side at which it sees an image; set by who builds it."""

    def forward(self, inputs: Sequence[Mapping[str, Any]]) -> Any:
        """In training the losses by name, else the instances of each image as it was seen."""
        with EventStorage():  # its heads tell figures to one and fail without; the loop keeps what it needs itself
            return super().forward(inputs)

    def inference(
        self, inputs: Sequence[Mapping[str, Any]], detected_instances: Any = None, do_postprocess: bool = False
    ) -> Any:
        """The instances, by default in pixels of the images as seen, their masks as drawn in their boxes."""
        return super().inference(inputs, detected_instances, do_postprocess)

    def preprocess_image(self, inputs: Sequence[Mapping[str, Any]]) -> Any:
        """The normalised batch."""
        if self.input_format == "BGR":
            inputs = [{**one, "image": one["image"].flip(0)} for one in inputs]
        return super().preprocess_image(inputs)

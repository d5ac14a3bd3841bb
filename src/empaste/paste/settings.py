"""The section ``paste`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, model_validator

from empaste.settings import Count, FileName, Fraction, Positive, PositiveFloat, RisingRange, Settings, rising

Blending = Literal["gaussian", "box_blur", "ring", "poisson", "none"]


def _number_or_range(value: object) -> object:
    """``value`` where it is a number to draw or a rising range of such; said in one line, not one per alternative."""
    numbers = value if isinstance(value, list) and len(value) == 2 else [value]
    if any(not isinstance(number, int) or isinstance(number, bool) or number < 1 for number in numbers):
        raise ValueError("write a whole number of 1 or more, or a rising range of two such as [1, 4]")
    return rising(value) if isinstance(value, list) else value


NumberOrRange = Annotated[int | list[int], BeforeValidator(_number_or_range)]


class PasteSettings(Settings):
    """The composites."""

    placement: Literal["random", "space_maximize", "mixed", "none"]
    foregrounds: Literal["fem", "step1", "refined", "gt", "gt_and_fem", "file"]
    foregrounds_file: FileName
    n_p: NumberOrRange
    selection: Literal["uniform", "balanced", "repeat_factor", "confidence"]
    repeat_threshold: Annotated[float, Field(gt=0, le=1)]
    confidence_temperature: PositiveFloat
    scale: RisingRange
    tries: Positive
    min_radius: Annotated[float, Field(ge=1)]
    rotation: Annotated[float, Field(ge=0, le=180)]
    flip: Fraction
    brightness: RisingRange
    blending: Annotated[list[Blending], Field(min_length=1)]
    blur_sigma: PositiveFloat
    duplicate_originals: Positive
    keep_originals: bool
    min_visible: Fraction
    min_pixels: Positive
    seed: Count
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]

    @property
    def n_p_range(self) -> tuple[int, int]:
        """How many foregrounds are pasted on an image, at least and at most; both ``n_p`` where that is a number."""
        return (self.n_p, self.n_p) if isinstance(self.n_p, int) else (self.n_p[0], self.n_p[1])

    @model_validator(mode="after")
    def _file_where_needed(self) -> "PasteSettings":
        if self.foregrounds == "file" and not self.foregrounds_file:
            raise ValueError(
                "foregrounds_file is null, but foregrounds: file reads instances from one; set paste.foregrounds_file "
                "to it (empaste pseudo-labels writes one)"
            )
        return self

"""The section ``backgrounds`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from empaste.settings import Count, Device, Dtype, Fraction, NonNegative, Positive, PositiveFloat, Settings


class DiffusionSettings(Settings):
    """A text-to-image model of diffusers."""

    model: str | None
    dtype: Dtype
    offload: Literal["none", "model", "sequential"]
    steps: Positive
    guidance: NonNegative
    image_size: Annotated[int, Field(ge=64)]
    avoid_classes: bool


class ImageApiSettings(Settings):
    """A text-to-image endpoint that speaks OpenAI's protocol."""

    base_url: str
    model: str | None
    key_env: str | None
    size: str
    options: dict[str, str | int | float | bool]
    timeout: PositiveFloat
    max_concurrent: Positive
    price_per_image: NonNegative | None
    max_cost: NonNegative | None


class BackgroundsSettings(Settings):
    """Where the synthesised backgrounds come from."""

    method: Literal["none", "black", "random", "inpaint", "diffusion", "api"]
    root: str | None
    per_caption: Positive
    keep_per_caption: Positive
    selection: Literal["two_step", "caption"]
    clip_model: str | None
    presence_threshold: Fraction
    erase_prob: Fraction
    retries: Count
    seed: Count
    batch_size: Positive
    num_threads: Count
    device: Device
    diffusion: DiffusionSettings
    api: ImageApiSettings

    @model_validator(mode="after")
    def _consistent(self) -> "BackgroundsSettings":
        if self.keep_per_caption > self.per_caption:
            raise ValueError(
                f"keep_per_caption is {self.keep_per_caption}, more than per_caption, {self.per_caption}; lower it"
            )
        if self.method == "random" and not self.root:
            raise ValueError("root is null, but method random takes images from a folder; set backgrounds.root to it")
        if self.method == "diffusion" and not self.diffusion.model:
            raise ValueError(
                "diffusion.model is null, but method diffusion needs one; give a hub name or a local folder"
            )
        if self.method == "api" and not self.api.model:
            raise ValueError("api.model is null, but method api needs one; give what the endpoint calls its model")
        return self

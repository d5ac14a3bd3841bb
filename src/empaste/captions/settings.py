"""The section ``captions`` of ``params.yaml``."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from empaste.settings import Count, Device, Dtype, Positive, Settings


class CaptionsSettings(Settings):
    """Captions of the training images."""

    method: Literal["labels", "blip", "git", "image_text_to_text", "file"]
    per_image: Positive
    fraction: Annotated[float, Field(gt=0, le=1)]
    model: str | None
    prompt: str | None
    max_tokens: Positive
    top_p: Annotated[float, Field(gt=0, le=1)]
    dtype: Dtype
    file: str | None
    synonyms: str | None
    supercategories: dict[str, str]
    seed: Count
    batch_size: Positive
    device: Device

    @model_validator(mode="after")
    def _source_where_needed(self) -> "CaptionsSettings":
        if self.method in ("blip", "git", "image_text_to_text") and not self.model:
            raise ValueError(f"model is null, but method {self.method} needs one; give a hub name or a local folder")
        if self.method == "file" and not self.file:
            raise ValueError("file is null, but method file reads captions from one; set captions.file to it")
        return self

"""What a captioner is: the record that ends each captioner's file, and the parameters of ``captions``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from empaste.artifacts.image_keys import NamedImage
from empaste.captions.scenes import Scene
from empaste.settings import Count, Device, Dtype, Positive, Settings


class CaptionerSettings(Settings):
    """The parameters of ``captions``; each captioner reads those that it needs."""

    method: str
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


@dataclass(frozen=True)
class Captioner:
    """One source of captions, under the name that ``captions.method`` gives it."""

    name: str
    caption: Callable[[Sequence[Scene], CaptionerSettings, Sequence[NamedImage]], Iterator[list[str]]]
    """Yields at most ``per_image`` captions for each scene, seeded by ``seed`` and the image. The last argument are all
    images of the data set, not only those of the scenes."""
    learned: bool = False
    """Whether it runs a model: it takes long, and an interrupted run goes on."""
    asks: Mapping[str, str] = field(default_factory=dict)
    """Parameters that only the user can set, each with the reason that a message gives where it is null."""


def model_captioner(
    name: str, caption: Callable[[Sequence[Scene], CaptionerSettings, Sequence[NamedImage]], Iterator[list[str]]]
) -> Captioner:
    """A captioner that runs ``captions.model``."""
    return Captioner(name, caption, learned=True, asks={"model": "needs one; give a hub name or a local folder"})

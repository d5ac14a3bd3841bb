"""What a captioner is: the record that ends each captioner's file, and the parameters of ``captions``."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Annotated, Any, NamedTuple

from pydantic import Field

from empaste.artifacts.image_keys import NamedImage
from empaste.captions.scenes import Scene
from empaste.settings import Count, Device, Dtype, FileName, Positive, Settings


class CaptionerSettings(Settings):
    """The parameters of ``captions``; each captioner reads those that it needs."""

    method: str
    per_image: Positive
    fraction: Annotated[float, Field(gt=0, le=1)]
    model: FileName
    prompt: str | None
    max_tokens: Positive
    top_p: Annotated[float, Field(gt=0, le=1)]
    dtype: Dtype
    file: FileName
    synonyms: FileName
    supercategories: dict[str, str]
    seed: Count
    batch_size: Positive
    device: Device


class Context(NamedTuple):
    """What a captioner may know beside its scenes: all images of the data set, and what gives its network."""

    images: Sequence[NamedImage] = ()
    load: Callable[[], Any] | None = None

    def network(self) -> Any:
        """What `Captioner.load` gave. `InputError` where it is not to be had."""
        assert self.load, "whoever runs a captioner with a network says what gives it"
        return self.load()


Caption = Callable[[Sequence[Scene], CaptionerSettings, Context], Iterator[list[str]]]
"""Captions of each of some scenes, in their order."""


@dataclass(frozen=True)
class Captioner:
    """One source of captions, under the name that ``captions.method`` gives it."""

    name: str
    caption: Caption
    """Yields at most ``per_image`` captions for each scene, seeded by ``seed`` and the image."""
    load: Callable[[CaptionerSettings], Any] | None = None
    """Loads its network, which a process does once: `Context.network`. `InputError` where it is not to be had."""
    asks: Mapping[str, str] = field(default_factory=dict)
    """Parameters that only the user can set, each with the reason that a message gives where it is null."""

    @property
    def learned(self) -> bool:
        """Whether it runs a network: it takes long, and an interrupted run goes on."""
        return self.load is not None

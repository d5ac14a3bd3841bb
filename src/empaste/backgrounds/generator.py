"""What a background generator is: the record that ends each generator's file, and the parameters that all share."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

from empaste.backgrounds.scenes import Made, Scene, Source
from empaste.settings import Count, Device, FileName, Fraction, Positive, Settings

Section = TypeVar("Section", bound=Settings)


class GeneratorSettings(Settings):
    """The parameters of ``backgrounds`` beside the sections that some generators have of their own."""

    method: str
    root: FileName
    per_caption: Positive
    keep_per_caption: Positive
    selection: Literal["two_step", "caption"]
    clip_model: FileName
    presence_threshold: Fraction
    presence_classes: Literal["all", "labels"]
    erase_prob: Fraction
    retries: Count
    seed: Count
    batch_size: Positive
    num_threads: Count
    device: Device


@runtime_checkable
class MapScenes(Protocol):
    """Maps a pure function over scenes, perhaps in worker processes; in order."""

    def __call__(self, function: Callable[[Scene], Made], items: Sequence[Scene], /) -> Iterable[Made]: ...


@dataclass(frozen=True)
class Generator(Generic[Section]):
    """One source of backgrounds, under the name that ``backgrounds.method`` gives it."""

    name: str
    open: Callable[[GeneratorSettings, Sequence[str], MapScenes], Source]
    """The source, given all settings, the names of the target classes, and what maps a pure function over scenes.
    `InputError` where a folder, a model or a key is missing."""
    Settings: type[Section] | None = None
    """The generator's own section of ``backgrounds``, where it has one."""
    pure: bool = False
    """Whether it makes every scene's backgrounds by a pure function, which worker processes can map."""
    learned: bool = False
    """Whether it runs a network, which worker processes on other machines can load, too."""
    by_caption: bool = False
    """Whether it makes ``per_caption`` images for every caption of a scene, or so many for every scene."""
    pixels: Callable[[Section], int] | None = None
    """How many pixels an image of it has, by its own section; None where an image is as large as its original."""
    images_per_part: int = 128
    """About so many are made before they are put in a safe place."""
    surely_empty: bool = False
    """Whether its images show nothing at all, whatever a classifier says of them."""
    asks: Mapping[str, str] = field(default_factory=dict)
    """Parameters (dotted) that only the user can set, each with the reason that a message gives where it is null."""

    def section(self, settings: GeneratorSettings) -> Section:
        """The generator's own section of ``settings``."""
        own = getattr(settings, self.name)
        assert self.Settings is not None
        assert isinstance(own, self.Settings), f"settings hold no section {self.name}"
        return own


def pure_generator(
    name: str, make: Callable[[GeneratorSettings], Callable[[Scene], Made]], surely_empty: bool = False
) -> Generator[Any]:
    """A generator by a pure function from a scene to its backgrounds, which ``make`` gives."""

    def open_mapped(settings: GeneratorSettings, _: Sequence[str], map_scenes: MapScenes) -> Source:
        return Source(partial(map_scenes, make(settings)))

    return Generator(name, open_mapped, pure=True, images_per_part=256, surely_empty=surely_empty)

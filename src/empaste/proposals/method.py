"""What a proposal method is: the record that ends each method's file, and the parameters that all methods share."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypeVar

import numpy as np
from jaxtyping import Bool, Float, UInt8
from pydantic import Field

from empaste.artifacts.image_keys import NamedImage
from empaste.settings import Count, Fraction, Positive, Settings

NOTHING = "nothing"
"""What a method learned from that never learns."""
Section = TypeVar("Section", bound=Settings)
Segments = tuple[Bool[np.ndarray, "n h w"], Float[np.ndarray, " n"]]
"""Masks, and scores in [0, 1], of which higher ones are better."""
Keys = Mapping[int, Sequence[str]]
"""Image id -> the keys by which another program's file names the image."""
KeysByMethod = Mapping[str, Keys]
"""The keys in the file of each method that has one."""
Networks = Mapping[str, Callable[[], Any]]
"""What gives the network of each method that has one (`Method.load`), the same at every call in a process."""


class SharedSettings(Settings):
    """The parameters of ``proposals`` that hold for every method; beside them stands one section per method."""

    method: str
    min_area: Fraction
    max_extent: Annotated[float, Field(gt=0)]
    max_segments: Positive
    max_side: Count


class Context(NamedTuple):
    """What a method may know beside the image and its own section.

    All settings: the filters that follow, and the sections of other methods. The image's id and file name, and, for a
    method with `Method.match`, the keys of all images; with `Method.load`, what gives its network. For a method that
    joins others, their keys and networks, and where it notes how many segments each of them found.
    """

    settings: SharedSettings
    image_id: int
    file_name: str
    keys: Keys | None = None
    keys_by_method: KeysByMethod | None = None
    load: Callable[[], Any] | None = None
    networks: Networks | None = None
    found: dict[str, int] | None = None

    def network(self) -> Any:
        """What the method's `Method.load` gave. `InputError` where it is not to be had."""
        assert self.load, "whoever runs a method with a network says what gives it"
        return self.load()

    def of_method(self, name: str) -> "Context":
        """What the method ``name`` may know: its own keys and network among those of all."""
        keys, networks = self.keys_by_method or {}, self.networks or {}
        return self._replace(keys=keys.get(name), load=networks.get(name))


@dataclass(frozen=True)
class Method(Generic[Section]):
    """One proposal method, under the name that ``proposals.method`` gives it."""

    name: str
    propose: Callable[[UInt8[np.ndarray, "h w 3"], Section, Context], Segments]
    """The segments of an image: deterministic, without empty masks or repeats. No segment at all is a legal answer."""
    Settings: type[Section]
    """The method's own section of ``proposals``. A ``max_side`` in it replaces the one that all methods share."""
    learned_from: str
    """What was labelled by people for it; `NOTHING` where nothing is learned."""
    may_learn_from: Callable[[SharedSettings], str | None] | None = None
    """What was labelled in place of ``learned_from``, where parameters bring in something learned; else None."""
    runs: Literal["in workers", "in one process"] = "in workers"
    """In one process runs what holds a model or a large file, which every worker process would load again."""
    load: Callable[[Section], Any] | None = None
    """Loads its network, which a process does once: `Context.network`. `InputError` where it is not to be had."""
    precomputed: bool = False
    """Whether the segments were computed elsewhere, so that the method must see the image at its full size."""
    match: Callable[[Sequence[NamedImage], Section], tuple[Keys, list[str]]] | None = None
    """Compares the method's file with all images, once and before the first of them: `Context.keys`, and what a person
    should know of the file."""
    joins: Callable[[Section], Sequence[str]] | None = None
    """The names of the methods whose segments it joins, where it has none of its own. They ask, are matched and see the
    images as they do alone."""
    asks: tuple[str, ...] = ()
    """Parameters of its section that only the user can set: a folder, a file, a model."""
    needs: tuple[str, ...] = ()
    """Packages, as they are imported, beyond the required ones."""
    needed_for_all: bool = True
    """Whether the method cannot do anything without these packages."""
    install: str = ""
    """What installs them."""
    speed: str = "-"
    """Milliseconds of one core per image of VOC's size, measured as docs/proposals.md says; "-": not measured."""

    def section(self, settings: SharedSettings) -> Section:
        """The method's own section of ``settings``."""
        own = getattr(settings, self.name)
        assert isinstance(own, self.Settings), f"settings hold no section {self.name}"
        return own

    def supervision(self, settings: SharedSettings) -> str:
        """What was labelled by people for it as ``settings`` use it."""
        further = self.may_learn_from(settings) if self.may_learn_from else None
        return self.learned_from if further is None else further

    def seen_side(self, settings: SharedSettings) -> int:
        """The longest side, in pixels, of the images that the method sees; 0: as they are.

        Networks see more than superpixels need, so a section of theirs has a ``max_side`` of its own. What was computed
        elsewhere was computed for the image as it is.
        """
        side: int = 0 if self.precomputed else getattr(self.section(settings), "max_side", settings.max_side)
        return side

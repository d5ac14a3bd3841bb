"""Backgrounds without objects of interest (EM-Paste §2.3–2.5)."""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, Protocol, runtime_checkable

from empaste.backgrounds import api, black, diffusion, inpaint, random_folder
from empaste.backgrounds.scenes import Made, Scene, Source

PURE: dict[str, Callable[..., Callable[[Scene], Made]]] = {
    "black": black.generator,
    "inpaint": inpaint.generator,
}
"""Method → a function of options, by keyword, that gives the function from a scene to what was made of it. The latter
is pure, so workers can map it."""

SOURCES: dict[str, Callable[..., Source]] = {
    "random": random_folder.generator,
    "diffusion": diffusion.generator,
    "api": api.generator,
}
"""Method → a function of the same options that gives a source, which holds a model, a connection or a list of files
and so stays in this process."""

METHODS = (*PURE, *SOURCES)

SURELY_EMPTY = frozenset({"black"})
"""Methods whose images show nothing at all, whatever a classifier says of them."""


@runtime_checkable
class MapScenes(Protocol):
    """Maps a pure function over scenes, perhaps in worker processes; in order."""

    def __call__(self, function: Callable[[Scene], Made], items: Sequence[Scene], /) -> Iterable[Made]: ...


def open_source(method: str, map_scenes: MapScenes, options: dict[str, Any]) -> Source:
    """The source of backgrounds by ``method``; see `PURE` and `SOURCES` for the ``options`` (each takes what it needs).

    `InputError` where a folder, a model or a key is missing.
    """
    if method in SOURCES:
        return SOURCES[method](**options)
    return Source(partial(map_scenes, PURE[method](**options)), images_per_part=512)

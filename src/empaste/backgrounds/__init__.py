"""Backgrounds without objects of interest (EM-Paste §2.3–2.5).

One file per generator, which ends with its record, and one line here, in the order in which messages list them. What a
generator is, says `generator`.
"""
# ruff: noqa: F401, I001 – an import is an entry

from collections.abc import Sequence
from typing import Any

from empaste.backgrounds.generator import Generator, GeneratorSettings, MapScenes
from empaste.backgrounds.scenes import Source
from empaste.backgrounds.black import GENERATOR as BLACK
from empaste.backgrounds.random_folder import GENERATOR as RANDOM
from empaste.backgrounds.inpaint import GENERATOR as INPAINT
from empaste.backgrounds.diffusion import GENERATOR as DIFFUSION
from empaste.backgrounds.api import GENERATOR as API

GENERATORS: dict[str, Generator[Any]] = {
    one.name: one for one in tuple(globals().values()) if isinstance(one, Generator)
}
"""What ``backgrounds.method`` may be beside none, in the order of the lines above."""


def open_source(settings: GeneratorSettings, class_names: Sequence[str], map_scenes: MapScenes) -> Source:
    """The source of backgrounds that ``settings`` choose; `InputError` where a folder, a model or a key is missing."""
    return GENERATORS[settings.method].open(settings, class_names, map_scenes)

"""Captions from image-level labels alone: no model, no download.

A template names the classes present and a place where such things are seen. It knows nothing of the image beyond its
labels; it stands in for a captioner so that the pipeline runs anywhere.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from empaste.captions.captioner import Captioner, CaptionerSettings, Context
from empaste.captions.inflection import plural
from empaste.captions.scenes import Scene

TEMPLATES = ("a photo of {objects} {place}", "{objects} {place}", "a picture with {objects} {place}, {light}")

LIGHTS = ("in daylight", "at dusk", "on a cloudy day", "in warm light", "in the morning")

PLACES: dict[str, tuple[str, ...]] = {
    "accessory": ("in a hall", "on a platform", "in a wardrobe"),
    "animal": ("on a meadow", "at the edge of a forest", "by a fence", "on a farm"),
    "appliance": ("in a kitchen", "against a tiled wall"),
    "electronic": ("on a wooden board", "in an office"),
    "food": ("on a plate", "at a market stall", "on a wooden board"),
    "furniture": ("in a living room", "by a window", "on a wooden floor"),
    "indoor": ("on a shelf", "in a bright room"),
    "kitchen": ("in a kitchen", "on a wooden counter"),
    "outdoor": ("on a street corner", "in a park", "under a blue sky"),
    "person": ("in a city street", "on a beach", "in a park", "in a hall"),
    "sports": ("on a lawn", "on a sports ground", "on a snowy slope"),
    "vehicle": ("on a road", "in front of a building", "by the water", "under a wide sky"),
}
"""Supercategory → places; a supercategory that is not listed draws from all."""


def caption_scenes(scenes: Sequence[Scene], settings: CaptionerSettings, _: Context) -> Iterator[list[str]]:
    """Yield ``per_image`` captions per scene, seeded by (seed, image)."""
    for scene in scenes:
        rng = np.random.default_rng([settings.seed, scene.image_id])
        yield [caption_from_labels(scene.classes, rng) for _ in range(settings.per_image)]


def caption_from_labels(classes: Sequence[tuple[str, str]], rng: np.random.Generator) -> str:
    """A caption that names the classes present, given as (name, supercategory), in an order and place drawn at random.

    Without a class the caption names the place alone.
    """
    everywhere = tuple(dict.fromkeys(place for places in PLACES.values() for place in places))
    order = [classes[index] for index in rng.permutation(len(classes))]
    places = PLACES.get(order[0][1].lower(), everywhere) if order else everywhere
    return _pick(TEMPLATES, rng).format(
        objects=" and ".join(_some(name, rng) for name, _ in order) or "a view",
        place=_pick(places, rng),
        light=_pick(LIGHTS, rng),
    )


def _some(name: str, rng: np.random.Generator) -> str:
    """One or several of ``name``, in words."""
    spoken = name.replace("_", " ")
    if rng.random() < 0.25:
        return f"several {plural(spoken)}"
    return ("an " if spoken[:1].lower() in "aeiou" else "a ") + spoken


def _pick(choices: Sequence[str], rng: np.random.Generator) -> str:
    return choices[int(rng.integers(len(choices)))]


CAPTIONER = Captioner("labels", caption_scenes)

"""The section ``backgrounds`` of ``params.yaml``: what generators share, and the sections of those that have one."""

from typing import TYPE_CHECKING, Literal

from pydantic import create_model, model_validator

from empaste.backgrounds import GENERATORS
from empaste.backgrounds.generator import GeneratorSettings
from empaste.settings import require_given

FREE = (
    *("retries", "num_threads", "batch_size"),
    *("api.timeout", "api.max_concurrent", "api.price_per_image", "api.max_cost"),
)
"""What may change between an interrupted run and the one that goes on: none of it changes an image."""


def _check(settings: GeneratorSettings) -> GeneratorSettings:
    """No more is kept than is made, and a generator that needs a folder or a model is given one."""
    if settings.keep_per_caption > settings.per_caption:
        raise ValueError(
            f"keep_per_caption is {settings.keep_per_caption}, more than per_caption, {settings.per_caption}; lower it"
        )
    if settings.method != "none":
        require_given(settings, settings.method, GENERATORS[settings.method].asks)
    return settings


if TYPE_CHECKING:  # the sections are those of the registry: `Generator.section` gives them with their types
    BackgroundsSettings = GeneratorSettings
else:
    BackgroundsSettings = create_model(
        "BackgroundsSettings",
        __base__=GeneratorSettings,
        __module__=__name__,
        __doc__="Where the synthesised backgrounds come from.",
        __validators__={"check": model_validator(mode="after")(_check)},
        method=Literal[("none", *GENERATORS)],
        **{name: one.Settings for name, one in GENERATORS.items() if one.Settings},
    )

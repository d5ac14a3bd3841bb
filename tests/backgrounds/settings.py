"""The shipped parameters of backgrounds, but for what a test changes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from empaste.backgrounds.api import ImageApiSettings
from empaste.backgrounds.diffusion import DiffusionSettings
from empaste.backgrounds.settings import BackgroundsSettings
from empaste.settings import Settings, load_settings

SHIPPED = load_settings(Path(__file__).parents[2] / "params.yaml", "backgrounds", BackgroundsSettings)
SECTIONS: dict[str, type[Settings]] = {"diffusion": DiffusionSettings, "api": ImageApiSettings}


def settings_with(**changes: Any) -> BackgroundsSettings:
    """The shipped settings, but for ``changes``; the sections of generators as mappings."""
    sections = {name: SECTIONS[name].model_validate(value) for name, value in changes.items() if name in SECTIONS}
    return SHIPPED.model_copy(update=changes | sections)


def api_settings(options: Mapping[str, Any]) -> ImageApiSettings:
    return ImageApiSettings.model_validate(dict(options))

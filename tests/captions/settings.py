"""The shipped parameters of captions, but for what a test changes."""

from pathlib import Path
from typing import Any

from empaste.captions.settings import CaptionsSettings
from empaste.settings import load_settings

SHIPPED = load_settings(Path(__file__).parents[2] / "params.yaml", "captions", CaptionsSettings)


def settings_with(**changes: Any) -> CaptionsSettings:
    """The shipped settings, but for ``changes``."""
    return SHIPPED.model_copy(update=changes)

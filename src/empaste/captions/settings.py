"""The section ``captions`` of ``params.yaml``."""

from typing import TYPE_CHECKING, Literal

from pydantic import model_validator

from empaste.captions import CAPTIONERS
from empaste.captions.captioner import CaptionerSettings
from empaste.settings import require_given

FREE = ("batch_size", "fraction", "supercategories", "synonyms")
"""What may change while a model writes captions: no caption depends on it."""


class CaptionsSettings(CaptionerSettings):
    """Captions of the training images, by a captioner of the registry."""

    if not TYPE_CHECKING:  # the registry is known when it runs
        method: Literal[tuple(CAPTIONERS)]

    @model_validator(mode="after")
    def _check_asked(self) -> "CaptionsSettings":
        """A captioner that needs a model or a file is given one."""
        require_given(self, self.method, CAPTIONERS[self.method].asks)
        return self

"""The section ``report`` of ``params.yaml``."""

from empaste.settings import Positive, Settings


class ReportSettings(Settings):
    """The page that a person opens."""

    num_images: Positive
    tags: dict[str, str | int]

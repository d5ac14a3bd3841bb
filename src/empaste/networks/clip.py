"""What is the same of every CLIP of open_clip: the package, and what the name of a model says."""

from typing import Any

from empaste.errors import require_extra


def import_open_clip() -> Any:
    """The package; `InputError`, which says how to install it, where it is missing."""
    try:
        import open_clip
    except ImportError as error:
        raise require_extra("open_clip_torch", "generative") from error
    return open_clip


def name_and_weights(model: str) -> tuple[str, str | None]:
    """Of ``NAME@WEIGHTS`` both; of ``hf-hub:NAME`` and ``local-dir:FOLDER``, which bring their own, no weights."""
    name, _, weights = model.partition("@") if ":" not in model else (model, "", "")
    return name, weights or None

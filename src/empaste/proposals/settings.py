"""The section ``proposals`` of ``params.yaml``: what all methods share, and one section per method of the registry."""

from typing import TYPE_CHECKING, Literal

from pydantic import create_model, model_validator

from empaste.errors import InputError
from empaste.layout import HERE
from empaste.proposals import METHODS
from empaste.proposals.method import SharedSettings
from empaste.settings import validate


def _check_asked(settings: SharedSettings) -> SharedSettings:
    """A method that reads files or a model of the user's is told where they are."""
    method = METHODS[settings.method]
    for name in method.asks:
        if not getattr(method.section(settings), name):
            key = f"{method.name}.{name}"
            raise ValueError(f"{key} is null, but method {method.name} needs it; set proposals.{key}")
    return settings


if TYPE_CHECKING:  # the sections are those of the registry: `Method.section` gives them with their types
    ProposalsSettings = SharedSettings
else:
    ProposalsSettings = create_model(
        "ProposalsSettings",
        __base__=SharedSettings,
        __module__=__name__,
        __doc__="Class-agnostic segments per training image.",
        __validators__={"check_asked": model_validator(mode="after")(_check_asked)},
        method=Literal[tuple(METHODS)],
        **{name: method.Settings for name, method in METHODS.items()},
    )


def with_method(settings: ProposalsSettings, method: str) -> ProposalsSettings:
    """``settings`` with another method; `InputError` where there is none of that name, or it lacks what it asks for."""
    if method not in METHODS:
        raise InputError(f"proposals.method is {method!r}; choose from {', '.join(METHODS)}")
    return validate(settings.model_dump() | {"method": method}, type(settings), HERE.params, "proposals")

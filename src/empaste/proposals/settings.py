"""The section ``proposals`` of ``params.yaml``: what all methods share, and one section per method of the registry."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from pydantic import create_model, model_validator

from empaste.errors import InputError
from empaste.layout import HERE
from empaste.proposals import METHODS
from empaste.proposals.method import Method, SharedSettings
from empaste.settings import require_given, validate


def running_methods(settings: SharedSettings) -> list[Method[Any]]:
    """The methods that propose: the one that ``settings`` choose, or those that it joins, in their order."""
    method = METHODS[settings.method]
    return [METHODS[name] for name in method.joins(method.section(settings))] if method.joins else [method]


def supervision(settings: SharedSettings) -> str:
    """What was labelled by people for the segments of ``settings``; of joined methods, for each of them."""
    if METHODS[settings.method].joins is None:
        return METHODS[settings.method].supervision(settings)
    return "; ".join(f"{method.name}: {method.supervision(settings)}" for method in running_methods(settings))


def num_processes(settings: SharedSettings) -> int | None:
    """1 where a method runs in one process; None: as many as the machine allows."""
    return 1 if any(method.runs == "in one process" for method in running_methods(settings)) else None


def network_needs(settings: SharedSettings) -> tuple[str, int] | None:
    """The device and the CPU threads of the first running method that has a network on a device; None: none has."""
    for method in running_methods(settings):
        section = method.section(settings)
        if "device" in type(section).model_fields:
            return getattr(section, "device"), getattr(section, "num_threads")  # noqa: B009
    return None


def network_loaders(settings: SharedSettings) -> dict[str, Callable[[], Any]]:
    """What loads the network of each running method that has one, anew at every call; by the method's name."""
    return {
        method.name: partial(method.load, method.section(settings))
        for method in running_methods(settings)
        if method.load
    }


def _check_joined(settings: SharedSettings) -> SharedSettings:
    """What a method joins are methods that have segments of their own."""
    single = [name for name, method in METHODS.items() if method.joins is None]
    for method in METHODS.values():
        for name in method.joins(method.section(settings)) if method.joins else ():
            if name not in single:
                raise ValueError(f"{method.name}.methods lists {name!r}; choose from {', '.join(single)}")
    return settings


def _check_asked(settings: SharedSettings) -> SharedSettings:
    """A method that reads files or a model of the user's is told where they are."""
    for method in running_methods(settings):
        keys = [f"{method.name}.{name}" for name in method.asks]
        require_given(settings, method.name, {key: f"needs it; set proposals.{key}" for key in keys})
    return settings


if TYPE_CHECKING:  # the sections are those of the registry: `Method.section` gives them with their types
    ProposalsSettings = SharedSettings
else:
    ProposalsSettings = create_model(
        "ProposalsSettings",
        __base__=SharedSettings,
        __module__=__name__,
        __doc__="Class-agnostic segments per training image.",
        __validators__={
            "check_joined": model_validator(mode="after")(_check_joined),
            "check_asked": model_validator(mode="after")(_check_asked),
        },
        method=Literal[tuple(METHODS)],
        **{name: method.Settings for name, method in METHODS.items()},
    )


def with_method(settings: ProposalsSettings, method: str) -> ProposalsSettings:
    """``settings`` with another method; `InputError` where there is none of that name, or it lacks what it asks for."""
    if method not in METHODS:
        raise InputError(f"proposals.method is {method!r}; choose from {', '.join(METHODS)}")
    return validate(settings.model_dump() | {"method": method}, type(settings), HERE.params, "proposals")

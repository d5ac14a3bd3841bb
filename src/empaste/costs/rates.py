"""Measured rates, from ``rates.yaml``, and what follows from them for what was not measured itself.

What was measured is taken as it is. The same kind of work by another network, or at another size, is scaled by the
floating-point operations of the backbone, from the nearest that was measured, and marked. So is what was counted and
not timed, by its own operations, from the first network that was timed. All else stays open.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from empaste.costs.cost import Passes
from empaste.costs.flops import is_known, traits
from empaste.networks.names import SLIM_RESNETS
from empaste.settings import Count, Positive, PositiveFloat, Settings, validate
from empaste.yaml_files import read_yaml

SHIPPED = Path(__file__).with_name("rates.yaml")
PAINTING = "diffusion."
"""How kinds of passes begin that are as dense as a detector's training; words, one after the other, are not."""


class NetworkRate(Settings):
    """Seconds that one input of ``side`` pixels takes; fields as in `Passes`. None where it was counted, not timed.

    ``flop`` are the operations that other networks and sides are compared by: of the backbone where it is one of
    `networks` and was timed, else of the whole pass.
    """

    kind: str
    network: str
    width: Count
    side: Positive
    seconds: PositiveFloat | None
    flop: Positive


class Processor(Settings):
    """One kind of machine: the hardware in words, the command that measured, and what it measured."""

    hardware: str
    command: str
    networks: list[NetworkRate]


class Core(Processor):
    """One core of a CPU; ``operations`` are CPU seconds of one each, ``bytes`` what is written of what."""

    operations: dict[str, PositiveFloat]
    bytes: dict[str, PositiveFloat]


class Accelerator(Processor):
    """A GPU; ``flop_per_second`` is what it reached in half precision, in the training that was measured."""

    flop_per_second: PositiveFloat


class Rates(Settings):
    """All that was measured."""

    core: Core
    gpu: Accelerator


class Estimate(NamedTuple):
    """Seconds, None where nothing says how many; ``scaled`` where they follow from another measurement.

    ``partial`` where there is more, of which nothing says how long it takes.
    """

    seconds: float | None
    scaled: bool = False
    partial: bool = False


def summed(estimates: Sequence[Estimate]) -> Estimate:
    """All together, as far as they are known; open where none is."""
    known = [one for one in estimates if one.seconds is not None]
    total = sum(one.seconds or 0 for one in known)
    partial = len(known) < len(estimates) or any(one.partial for one in known)
    scaled = any(one.scaled for one in known)
    return Estimate(total, scaled, partial) if known or not estimates else Estimate(None)


@lru_cache(maxsize=4)
def read_rates(path: Path = SHIPPED) -> Rates:
    """The rates in the file ``path``; `InputError` lists what is not valid."""
    return validate(read_yaml(path, "measure again: python -m benchmarks.stage_rates"), Rates, path)


def core_seconds(passes: Passes, rates: Rates) -> Estimate:
    """The CPU seconds of one core, all ``passes`` together."""
    return _seconds(passes, rates.core.networks)


def gpu_seconds(passes: Passes, rates: Rates) -> Estimate:
    """The seconds on the GPU; open in single precision, which was not measured.

    Of networks of other kinds, those of `PAINTING` are scaled by their own operations.
    """
    if not passes.half:
        return Estimate(None)
    own = next((one for one in rates.core.networks if _is_same(one, passes)), None)
    if own and passes.kind.startswith(PAINTING):
        return Estimate(passes.count * own.flop / rates.gpu.flop_per_second, scaled=True)
    return _seconds(passes, rates.gpu.networks)


def _seconds(passes: Passes, measured: list[NetworkRate]) -> Estimate:
    exact = next((one for one in measured if _is_same(one, passes)), None)
    if exact and exact.seconds:
        return Estimate(passes.count * exact.seconds)
    if exact:
        return _scaled(passes.count * exact.flop, measured[0])
    alike = [one for one in measured if one.kind == passes.kind and one.seconds]
    if not alike or not is_known(passes.network):
        return Estimate(None)
    flop = traits(passes.network, passes.width, passes.side).flop
    return _scaled(passes.count * flop, min(alike, key=lambda one: abs(math.log(flop / one.flop))))


def _scaled(flop: float, measured: NetworkRate) -> Estimate:
    """The time of ``flop`` operations at the speed of ``measured``, one that was timed."""
    return Estimate(flop * measured.seconds / measured.flop if measured.seconds else None, scaled=True)


def _is_same(rate: NetworkRate, passes: Passes) -> bool:
    """Whether ``rate`` is of these very passes; of the slim networks alone the width counts."""
    same = (rate.kind, rate.network, rate.side) == (passes.kind, passes.network, passes.side)
    return same and (rate.width == passes.width or passes.network not in SLIM_RESNETS)

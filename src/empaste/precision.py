"""Whether this machine's CPU computes fast in the numbers that a stage is asked to compute in."""

from collections.abc import Callable
from typing import NamedTuple

from empaste.backgrounds import diffusion
from empaste.captions import CAPTIONERS
from empaste.errors import InputError
from empaste.params import Params

SLOW = ("DEFAULT", "NO AVX", "AVX2")
"""What torch calls CPUs for which it has no fast convolutions and products in bfloat16."""


class Asked(NamedTuple):
    """The parameter of a stage that names its numbers, what it is, and the stage's device."""

    key: str
    value: str
    device: str


def _train(params: Params) -> Asked:
    return Asked("train.precision", params.train.precision, params.train.device)


def _captions(params: Params) -> Asked | None:
    own = params.captions
    return Asked("captions.dtype", own.dtype, own.device) if CAPTIONERS[own.method].learned else None


def _backgrounds(params: Params) -> Asked | None:
    own, generator = params.backgrounds, diffusion.GENERATOR
    if own.method != generator.name:
        return None
    return Asked("backgrounds.diffusion.dtype", generator.section(own).dtype, own.device)


STAGES: dict[str, Callable[[Params], Asked | None]] = {
    "train": _train,
    "captions": _captions,
    "backgrounds": _backgrounds,
}
"""The stages that can be asked to compute in other numbers than float32."""


def slow_precision(stage: str, params: Params) -> str | None:
    """Why ``stage`` would take very long on this CPU, and what to do; None where it would not."""
    asked = STAGES[stage](params) if stage in STAGES else None
    if asked is None or asked.value != "bfloat16" or not _runs_slowly(asked.device):
        return None
    return (
        f"{asked.key} is bfloat16, for which this machine's CPU has no fast instructions: a step can take "
        "minutes; set it to float32, or run on a GPU or on a CPU with AVX-512"
    )


def _runs_slowly(device: str) -> bool:
    """Whether ``device`` is this machine's CPU, and that is slow in bfloat16."""
    import torch  # the stages that ask import it, too; the others do without

    from empaste.devices import torch_device

    try:
        on_cpu = torch_device(device).type == "cpu"
    except InputError:  # which the stage ends with
        return False
    return on_cpu and torch.backends.cpu.get_cpu_capability() in SLOW

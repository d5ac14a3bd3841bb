"""Networks taken stock of without weights or images: on torch's meta device, where tensors have shapes alone."""

from functools import lru_cache
from typing import NamedTuple

from empaste.detectors.settings import TrainSettings
from empaste.networks.names import NAMES, TIMM


class Traits(NamedTuple):
    """Of a network and an input of some side: floating-point operations of a forward pass (a multiplication and an
    addition are two), length of ``phi``, cells of the last grid, parameters, and the step of its input's side.
    """

    flop: int
    phi: int
    cells: int
    parameters: int
    step: int


def is_known(architecture: str) -> bool:
    """Whether ``architecture`` is one that `networks` builds, so that it has `traits`."""
    return architecture in NAMES or architecture.startswith(TIMM)


@lru_cache(maxsize=64)
def traits(architecture: str, width: int, side: int) -> Traits:
    """The traits of ``architecture``, one of `networks`, at inputs of ``side`` × ``side`` pixels.

    `InputError` where there is no such network, or it does not take that side.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from empaste.networks.anatomy import classify_maps, feature_maps, input_step, num_features
    from empaste.networks.weights import build_network

    counter = FlopCounterMode(display=False)
    with torch.device("meta"), torch.inference_mode(), counter:
        network = build_network(architecture, width, None, image_size=side).eval()
        maps = feature_maps(network, torch.zeros(1, 3, side, side))
        classify_maps(network, maps)
    height, width_cells = maps.grid.shape[2:]
    parameters = sum(one.numel() for one in network.parameters())
    total: int = counter.get_total_flops()
    return Traits(total, num_features(network), height * width_cells, parameters, input_step(network))


def detector_parameters(settings: TrainSettings, num_classes: int) -> int:
    """The number of parameters of the detector that ``settings`` ask for, as torchvision's backend builds it."""
    import torch

    from empaste.detectors.backends import BACKENDS
    from empaste.detectors.training import network_of

    backend = BACKENDS["torchvision"]
    with torch.device("meta"):
        module = backend.build(network_of(backend, settings), num_classes, None)
    return sum(one.numel() for one in module.parameters())

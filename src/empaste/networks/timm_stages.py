"""The maps of one of timm's networks at several strides, as detectors read them."""

from typing import Any

from jaxtyping import Float
from torch import Tensor, nn

from empaste.errors import InputError
from empaste.networks.names import TIMM
from empaste.networks.timm_networks import TimmNetwork


class TimmStages(nn.Module):
    """The stages of ``network`` whose strides are ``min_stride`` and more, each one's double the last one's.

    What comes after the last of them is taken off. `InputError` where the network gives no such maps, as ViTs, whose
    maps are all of one stride.
    """

    def __init__(self, network: TimmNetwork, min_stride: int) -> None:
        super().__init__()
        info = getattr(network.network, "feature_info", None) or []
        self.indices = [at for at, stage in enumerate(info) if stage["reduction"] >= min_stride]
        self.strides = [int(info[at]["reduction"]) for at in self.indices]
        doubled = [min_stride * 2**level for level in range(len(self.strides))]
        if len(doubled) < 2 or self.strides != doubled or not hasattr(network.network, "prune_intermediate_layers"):
            given = ", ".join(map(str, self.strides)) or "none"
            raise InputError(
                f"{TIMM}{network.network.pretrained_cfg['architecture']} has maps of the strides {given}, where a "
                f"detector needs {min_stride}, {2 * min_stride}, …; choose a convolutional network, such as "
                f"{TIMM}resnet50 or {TIMM}tf_efficientnet_lite0"
            )
        self.channels = [int(info[at]["num_chs"]) for at in self.indices]
        network.network.prune_intermediate_layers(self.indices, prune_norm=True)
        self.network = network

    def forward(self, inputs: Float[Tensor, "n 3 h w"]) -> list[Float[Tensor, "n _ _ _"]]:
        """The maps, fine to coarse; ``inputs`` are normalised as for torchvision's networks."""
        network: Any = self.network.network
        maps: list[Tensor] = network.forward_intermediates(
            self.network.adapt(inputs), indices=self.indices, intermediates_only=True
        )
        return maps


def freeze_norms(network: TimmNetwork) -> TimmNetwork:
    """``network`` with every batch normalisation replaced by the fixed affine map that it is when evaluated."""
    from timm.layers.norm_act import freeze_batch_norm_2d

    freeze: Any = freeze_batch_norm_2d  # timm does not type it
    network.network = freeze(network.network)
    return network

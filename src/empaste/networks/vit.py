"""Vision transformers (Dosovitskiy et al. 2021), of torchvision."""

import math

import torch
import torch.nn.functional as F  # noqa: N812  (torch's own custom)
from jaxtyping import Float
from torch import Tensor
from torchvision.models import VisionTransformer

from empaste.networks.family import Family, Maps

POSITIONS = "encoder.pos_embedding"
"""The tensor of the position embedding."""


def _token_maps(network: VisionTransformer, inputs: Tensor) -> Maps:
    grid_hw = inputs.shape[2] // network.patch_size, inputs.shape[3] // network.patch_size
    patches = network.conv_proj(inputs).flatten(2).transpose(1, 2)
    tokens = torch.cat([network.class_token.expand(len(inputs), -1, -1), patches], 1)
    tokens = network.encoder.dropout(tokens + resize_positions(network.encoder.pos_embedding, grid_hw))
    *blocks, last = network.encoder.layers
    for block in blocks:
        tokens = block(tokens)
    normed = last.ln_1(tokens)
    grid = normed[:, 1:].transpose(1, 2).unflatten(2, grid_hw)
    return Maps(grid, torch.stack([tokens[:, 0], normed[:, 0]], 1))


def _classify_tokens(network: VisionTransformer, maps: Maps) -> tuple[Tensor, Tensor]:
    """The last block for the class token alone, which is all that the head reads."""
    assert maps.beside is not None
    last, beside = network.encoder.layers[-1], maps.beside
    normed = torch.cat([beside[:, 1:], maps.grid.flatten(2).transpose(1, 2)], 1)
    attended, _ = last.self_attention(normed[:, :1], normed, normed, need_weights=False)
    token = beside[:, :1] + last.dropout(attended)
    token = token + last.mlp(last.ln_2(token))
    phi = network.encoder.ln(token)[:, 0]
    return network.heads(phi), phi


def resize_positions(positions: Float[Tensor, "1 k d"], grid_hw: tuple[int, int]) -> Float[Tensor, "1 k2 d"]:
    """A ViT's position embedding for a grid of another size, bicubic; the class token's, which comes first, is kept."""
    side = math.isqrt(positions.shape[1] - 1)
    if (side, side) == grid_hw:
        return positions
    grid = positions[:, 1:].unflatten(1, (side, side)).permute(0, 3, 1, 2)
    resized = F.interpolate(grid, grid_hw, mode="bicubic", align_corners=True)
    return torch.cat([positions[:, :1], resized.flatten(2).transpose(1, 2)], 1)


def _blocks(network: VisionTransformer) -> list[str]:
    """All but the last block, whose class token is `LAST`."""
    return [f"encoder.layers.{name}" for name, _ in list(network.encoder.layers.named_children())[:-1]]


FAMILY = Family(_token_maps, _classify_tokens, "heads.head", "heads.head", _blocks)

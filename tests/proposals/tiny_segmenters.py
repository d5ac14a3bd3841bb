"""Segmentation networks in miniature, random weights, saved as the local folders that the loader takes."""

from pathlib import Path
from typing import Any

import torch

PROMPT_ENCODER = {"mask_input_channels": 4}
MASK_DECODER = {
    "mlp_dim": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "iou_head_depth": 2, "iou_head_hidden_dim": 16,
}  # fmt: skip


def save_sam(folder: Path) -> Path:
    """SAM on 64 pixels."""
    from transformers import SamConfig, SamImageProcessor, SamModel

    vision = {
        "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "image_size": 64, "patch_size": 8,
        "output_channels": 16, "mlp_dim": 16, "window_size": 2, "global_attn_indexes": [0], "num_pos_feats": 8,
    }  # fmt: skip
    config = SamConfig(
        vision_config=vision,
        prompt_encoder_config=PROMPT_ENCODER | {"hidden_size": 16, "image_size": 64, "patch_size": 8},
        mask_decoder_config=MASK_DECODER | {"hidden_size": 16},
    )
    torch.manual_seed(0)
    SamModel(config).save_pretrained(folder)
    SamImageProcessor(size={"longest_edge": 64}, pad_size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def save_sam2(folder: Path) -> Path:
    """SAM 2 on 64 pixels."""
    from transformers import Sam2Config, Sam2ImageProcessor, Sam2Model

    backbone = {
        "model_type": "sam2_hiera_det_model", "hidden_size": 8, "num_attention_heads": 1, "image_size": [64, 64],
        "blocks_per_stage": [1, 1, 2, 1], "embed_dim_per_stage": [8, 16, 32, 64], "mlp_ratio": 1.0,
        "num_attention_heads_per_stage": [1, 2, 4, 8], "window_size_per_stage": [8, 4, 4, 4],
        "global_attention_blocks": [3], "window_positional_embedding_background_size": [4, 4],
    }  # fmt: skip
    vision = {
        "backbone_config": backbone, "backbone_channel_list": [64, 32, 16, 8],
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]], "fpn_hidden_size": 32,
    }  # fmt: skip
    config = Sam2Config(
        vision_config=vision,
        prompt_encoder_config=PROMPT_ENCODER | {"hidden_size": 32, "image_size": 64},
        mask_decoder_config=MASK_DECODER | {"hidden_size": 32},
    )
    torch.manual_seed(0)
    Sam2Model(config).save_pretrained(folder)
    Sam2ImageProcessor(size={"height": 64, "width": 64}).save_pretrained(folder)
    return folder


def save_sam3(folder: Path) -> Path:
    """SAM 3's tracker on 56 pixels."""
    from transformers import Sam3ImageProcessor, Sam3TrackerConfig, Sam3TrackerModel

    backbone = {
        "model_type": "sam3_vit_model", "hidden_size": 32, "intermediate_size": 16, "num_hidden_layers": 1,
        "num_attention_heads": 2, "image_size": 56, "window_size": 2, "global_attn_indexes": [0],
        "pretrain_image_size": 28,
    }  # fmt: skip
    vision = {
        "model_type": "sam3_vision_model", "backbone_config": backbone, "fpn_hidden_size": 32,
        "backbone_feature_sizes": [[16, 16], [8, 8], [4, 4]],
    }  # fmt: skip
    config = Sam3TrackerConfig(
        vision_config=vision,
        prompt_encoder_config=PROMPT_ENCODER | {"hidden_size": 32, "image_size": 56},
        mask_decoder_config=MASK_DECODER | {"hidden_size": 32},
    )
    torch.manual_seed(0)
    Sam3TrackerModel(config).save_pretrained(folder)
    Sam3ImageProcessor(size={"height": 56, "width": 56}).save_pretrained(folder)
    return folder


def save_mask2former(folder: Path, num_classes: int = 3) -> Path:
    """Mask2Former of twelve queries; images get 64 pixels of height or width."""
    from transformers import (
        Mask2FormerConfig,
        Mask2FormerForUniversalSegmentation,
        Mask2FormerImageProcessor,
        SwinConfig,
    )

    # Two arguments that every configuration of transformers takes, and no signature names.
    stages: dict[str, Any] = {"out_features": ["stage1", "stage2", "stage3", "stage4"]}
    classes: dict[str, Any] = {"num_labels": num_classes}
    backbone = SwinConfig(image_size=64, embed_dim=8, depths=[1] * 4, num_heads=[1, 1, 2, 2], window_size=4, **stages)
    config = Mask2FormerConfig(
        backbone_config=backbone, feature_size=32, mask_feature_size=32, hidden_dim=32, encoder_feedforward_dim=16,
        encoder_layers=1, decoder_layers=2, num_attention_heads=2, dim_feedforward=16, num_queries=12,
        **classes,
    )  # fmt: skip
    torch.manual_seed(0)
    Mask2FormerForUniversalSegmentation(config).save_pretrained(folder)
    Mask2FormerImageProcessor(size={"shortest_edge": 64, "longest_edge": 96}).save_pretrained(folder)
    return folder

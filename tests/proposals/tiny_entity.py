"""A detectron2 project in miniature, laid out as that of entity segmentation: a package, a configuration, weights."""

import contextlib
from pathlib import Path
from typing import Any

PACKAGE = "entityseg"
SOURCE = """
def add_entity_config(cfg):
    cfg.MODEL.ENTITY_OF_OUR_OWN = "unset"
"""
CONFIG = """
VERSION: 2
MODEL:
  ENTITY_OF_OUR_OWN: read
  META_ARCHITECTURE: GeneralizedRCNN
  PIXEL_STD: [57.4, 57.1, 58.4]
  BACKBONE: {{NAME: build_resnet_fpn_backbone, FREEZE_AT: 0}}
  RESNETS: {{DEPTH: 50, WIDTH_PER_GROUP: 4, RES2_OUT_CHANNELS: 8, STEM_OUT_CHANNELS: 8, NORM: BN, OUT_FEATURES: &res
      [res2, res3, res4, res5]}}
  FPN: {{IN_FEATURES: *res, OUT_CHANNELS: 16}}
  ANCHOR_GENERATOR: {{SIZES: [[8], [16], [32], [64], [128]], ASPECT_RATIOS: [[0.5, 1.0, 2.0]]}}
  RPN: {{IN_FEATURES: [p2, p3, p4, p5, p6], CONV_DIMS: [16], POST_NMS_TOPK_TEST: 30}}
  MASK_ON: true
  ROI_HEADS: {{NAME: StandardROIHeads, IN_FEATURES: [p2, p3, p4], NUM_CLASSES: {num_classes}, SCORE_THRESH_TEST: 0.0}}
  ROI_BOX_HEAD: {{NAME: FastRCNNConvFCHead, NUM_FC: 1, FC_DIM: 16, POOLER_RESOLUTION: 3}}
  ROI_MASK_HEAD: {{NAME: MaskRCNNConvUpsampleHead, NUM_CONV: 1, CONV_DIM: 8, POOLER_RESOLUTION: 7}}
INPUT: {{MIN_SIZE_TEST: 64, MAX_SIZE_TEST: 128}}
TEST: {{DETECTIONS_PER_IMAGE: 12}}
"""


def save_entity(folder: Path, num_classes: int = 2) -> dict[str, Any]:
    """The project in ``folder``; weights only where detectron2 is installed. Returns the settings that name it."""
    (folder / PACKAGE).mkdir(exist_ok=True)
    (folder / PACKAGE / "__init__.py").write_text(SOURCE)
    config, weights = folder / "entity.yaml", folder / "entity.pth"
    config.write_text(CONFIG.format(num_classes=num_classes))
    settings = {"checkout": str(folder), "packages": [PACKAGE], "config": str(config), "weights": str(weights)}
    with contextlib.suppress(ModuleNotFoundError):
        _save_weights(config, weights)
    return settings | {"min_score": 0.0}


def _save_weights(config: Path, weights: Path) -> None:
    import torch
    from detectron2.config import get_cfg
    from detectron2.modeling import build_model

    cfg = get_cfg()
    cfg.MODEL.ENTITY_OF_OUR_OWN = "unset"
    cfg.merge_from_file(str(config))
    cfg.MODEL.DEVICE = "cpu"
    torch.manual_seed(0)
    torch.save({"model": build_model(cfg).state_dict(), "iteration": 7}, weights)

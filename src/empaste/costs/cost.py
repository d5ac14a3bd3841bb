"""What a stage would take: forward passes, other work, optimiser steps, bytes on disk."""

from dataclasses import dataclass

BYTE = "byte"


@dataclass(frozen=True)
class Passes:
    """Images that go through a network, each once; in training forwards and backwards.

    ``kind`` says what the network does and how, as the rates name it (``classifier.forward``), ``network`` and
    ``width`` which one it is, ``side`` how large an input is, in pixels. ``half`` says whether a GPU would compute in
    half precision, ``at_most`` whether the count depends on the images and is a bound.
    """

    kind: str
    network: str
    side: int
    count: int
    width: int = 0
    half: bool = False
    at_most: bool = False


@dataclass(frozen=True)
class Task:
    """Work of the CPU beside networks, or something written: ``operation``, as the rates name it, so many times."""

    operation: str
    count: float


WALK_SIDE = 128
"""Longest side in pixels of the image that the rate of a random walk holds for."""


def walk_task(number: float, side: int) -> Task:
    """So many random walks in images with a longest side of ``side`` pixels."""
    return Task("walk", number * (side / WALK_SIDE) ** 2)


@dataclass(frozen=True)
class Cost:
    """What one stage takes.

    ``images`` are those that it reads or makes; ``written`` is what it leaves on disk, `BYTE` for bytes that are known.
    ``at_most`` says whether images and segments are bounds.
    """

    images: int = 0
    segments: int = 0
    passes: tuple[Passes, ...] = ()
    tasks: tuple[Task, ...] = ()
    steps: int = 0
    written: tuple[Task, ...] = ()
    at_most: bool = False

"""Captions of the training images, and the substitution of what must not be in a background (EM-Paste §2.1–2.2)."""

from collections.abc import Callable, Iterator

from empaste.captions import blip, labels

Captioner = Callable[..., Iterator[list[str]]]

CAPTIONERS: dict[str, Captioner] = {
    "labels": labels.caption_scenes,
    "blip": blip.caption_scenes,
}
"""Method → ``(scenes, per_image, seed, model, batch_size, device)`` that yields ``per_image`` captions per scene."""

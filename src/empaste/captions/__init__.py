"""Captions of the training images, and the substitution of what must not be in a background (EM-Paste §2.1–2.2)."""

from collections.abc import Callable, Iterator

from empaste.captions import blip, caption_file, git, image_text_to_text, labels

Captioner = Callable[..., Iterator[list[str]]]

CAPTIONERS: dict[str, Captioner] = {
    "labels": labels.caption_scenes,
    "blip": blip.caption_scenes,
    "git": git.caption_scenes,
    "image_text_to_text": image_text_to_text.caption_scenes,
    "file": caption_file.caption_scenes,
}
"""Method → ``(scenes, per_image, seed, **options)`` that yields at most ``per_image`` captions for each.

Options, by name: images (all of data/images), model, prompt, file, batch_size, device, dtype, max_tokens, top_p; a
method takes those that it wants.
"""

LEARNED = frozenset({"blip", "git", "image_text_to_text"})
"""Methods that run a model."""

"""Captions as the table that is written, and what is worth knowing of them."""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TypedDict

import numpy as np
import pandas as pd

from empaste.captions.scenes import Scene
from empaste.captions.substitution import Rules, named_in, substitute
from empaste.errors import InputError


def caption_table(scenes: Sequence[Scene], texts: Sequence[Sequence[str]], rules: Rules, seed: int) -> pd.DataFrame:
    """A row per caption that is not empty: as written and as substituted, seeded by (seed, image, number).

    `InputError` where there is none at all.
    """
    rows = [
        (scene.image_id, text, substitute(text, rules, np.random.default_rng([seed, scene.image_id, number])))
        for scene, own in zip(scenes, texts, strict=True)
        for number, text in enumerate(own)
        if text
    ]
    if not rows:
        raise InputError(
            f"all captions of {len(scenes):,} images are empty; choose another captions.model, prompt or method"
        )
    table = pd.DataFrame(rows, columns=["image_id", "text", "substituted"])
    table.insert(0, "caption_id", range(len(table)))
    return table


class SubstitutedWords(TypedDict):
    """How many words were replaced, by class, and in compounds."""

    of_classes: dict[str, int]
    of_compounds: int


class CaptionMetrics(TypedDict):
    """What `caption_metrics` gives; shares in percent, None where there is nothing to take one of."""

    images: int
    images_without_captions: int
    captions: int
    empty_captions: int
    words_per_caption: float
    without_latin_letters: int
    substituted: float | None
    labels_named: float | None
    labels_named_per_class: dict[str, float | None]
    substituted_words: SubstitutedWords


def caption_metrics(
    table: pd.DataFrame, scenes: Sequence[Scene], texts: Sequence[Sequence[str]], rules: Rules
) -> CaptionMetrics:
    """Counts, and how well the captions fit the labels.

    ``labels_named`` is the share of (image, class) labels that a caption of the image names. For a class whose share is
    low the captioner does not see it, or calls it what no synonym says. ``substituted_words`` counts what was replaced;
    of compounds ("hot dog" beside the class dog) all together. ``without_latin_letters`` counts captions in which the
    English tables cannot find a word.
    """
    found = {number: named_in(text, rules) for number, text in zip(table["caption_id"], table["text"], strict=True)}
    counts = Counter(name for names in found.values() for name in names)
    named: dict[int, set[str]] = {}
    for number, image_id in zip(table["caption_id"], table["image_id"], strict=True):
        named.setdefault(image_id, set()).update(found[number])
    labels = [(name, name in named[one.image_id]) for one in scenes if one.image_id in named for name, _ in one.classes]
    return {
        "images": len(named),
        "images_without_captions": len(scenes) - len(named),
        "captions": len(table),
        "empty_captions": sum(not text for own in texts for text in own),
        "words_per_caption": round(float(np.mean([len(text.split()) for text in table["text"]])), 2),
        "without_latin_letters": sum(not _has_latin(text) for text in table["text"]),
        "substituted": _percent([bool(names) for names in found.values()]),
        "labels_named": _percent([hit for _, hit in labels]),
        "labels_named_per_class": {
            name: _percent([hit for one, hit in labels if one == name]) for name in rules.class_names
        },
        "substituted_words": {
            "of_classes": {name: counts[name] for name in rules.class_names},
            "of_compounds": sum(number for name, number in counts.items() if name not in rules.class_names),
        },
    }


def warnings(metrics: CaptionMetrics) -> Iterator[str]:
    """What of `caption_metrics` a person should look at."""
    if number := metrics["without_latin_letters"]:
        yield (
            f"{number:,} of {metrics['captions']:,} captions hold no Latin letter; the tables are English, so give the "
            "classes' names in that language in a file of captions.synonyms"
        )
    if number := metrics["empty_captions"]:
        yield f"{number:,} captions came out empty and were dropped"
    named, words = metrics["labels_named_per_class"], metrics["substituted_words"]["of_classes"]
    unseen = [name for name, share in named.items() if share is not None and not words[name]]
    if unseen:
        yield (
            f"no caption names {', '.join(unseen)}, which labels do; if captions call them something else, say so in a "
            "file of captions.synonyms"
        )


def _percent(hits: Sequence[bool]) -> float | None:
    return round(100 * sum(hits) / len(hits), 2) if hits else None


def _has_latin(text: str) -> bool:
    return any(unicodedata.name(letter, "").startswith("LATIN") for letter in text)

"""What the data set says: the scenes to caption, and the rules by which words of its classes are substituted."""

from pathlib import Path

import pandas as pd

from empaste.artifacts.image_paths import read_image_paths
from empaste.artifacts.schemas.prepare import Labels
from empaste.artifacts.tables import read_from
from empaste.captions.captioner import CaptionerSettings
from empaste.captions.scenes import Scene
from empaste.captions.substitution import Rules, build_rules
from empaste.captions.vocabulary import read_vocabulary


def read_scenes(images: Path, labels: Path, classes: pd.DataFrame) -> list[Scene]:
    """The training images with those of ``classes``, rows of `schemas.prepare.Classes`, that their labels name."""
    named = read_from(labels, Labels).merge(classes, on="class_id")
    present: dict[int, list[tuple[str, str]]] = {}
    for image_id, name, supercategory in named[["image_id", "name", "supercategory"]].itertuples(index=False):
        present.setdefault(image_id, []).append((name, supercategory))
    return [
        Scene(image_id, path, tuple(present.get(image_id, ())))
        for image_id, path in read_image_paths(images, "train").items()
    ]


def read_rules(classes: pd.DataFrame, settings: CaptionerSettings) -> Rules:
    """The rules for ``classes``, with the user's synonyms and supercategories."""
    vocabulary = read_vocabulary(settings.synonyms, list(classes["name"]))
    named = list(zip(classes["name"], classes["supercategory"], strict=True))
    return build_rules(named, vocabulary, settings.supercategories)

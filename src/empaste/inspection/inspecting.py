"""A data set inspected: every check once, over the images that are looked at."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from empaste.datasets.folder import read_left_out
from empaste.datasets.naming import ImageFiles
from empaste.datasets.opening import open_data_set
from empaste.datasets.records import Example, Split
from empaste.datasets.settings import PrepareSettings
from empaste.inspection.duplicates import Pair, find_pairs
from empaste.inspection.labels import Judged, judge_labels
from empaste.inspection.looking import Look, has_network, look_at
from empaste.inspection.sizes import SmallObjects, find_small
from empaste.scaleout import map_items

SPLITS: tuple[Split, ...] = ("train", "val")


@dataclass(frozen=True)
class Inspection:
    """What was found in a data set.

    ``looks`` are the images that were looked at, in the order of the data set, of ``num_images`` that it has,
    ``num_train`` of them for training; pairs and doubts name them by their places. ``judged`` is None where no
    pretrained network is installed, ``small`` where nothing is annotated. ``counts`` are images per class name and
    split, ``together`` training images per pair of classes. ``left_out`` are (file, reason) of images that the data set
    itself leaves out; ``trims_margins`` says whether ``prepare`` cuts off plain margins.
    """

    where: str
    num_images: int
    num_train: int
    class_names: Mapping[int, str]
    looks: tuple[Look, ...]
    pairs: tuple[Pair, ...]
    judged: Judged | None
    small: SmallObjects | None
    min_area: float
    counts: Mapping[str, Mapping[str, int]]
    together: Mapping[tuple[str, str], int]
    left_out: tuple[tuple[str, str], ...]
    without_label: int
    warnings: tuple[str, ...]
    trims_margins: bool

    @property
    def unreadable(self) -> list[Look]:
        """The images that could not be decoded."""
        return [one for one in self.looks if one.error]

    @property
    def with_margins(self) -> list[int]:
        """The places of training images with plain margins, those with the largest first."""
        train = [place for place, one in enumerate(self.looks) if one.margin_area and one.example.split == "train"]
        return sorted(train, key=lambda place: -self.looks[place].margin_area)

    def pairs_across(self, across: bool) -> list[Pair]:
        """The near-duplicates in both splits, or those within one."""
        return [one for one in self.pairs if (self.split(one.first) != self.split(one.second)) == across]

    def split(self, place: int) -> str:
        """The split of an image."""
        return self.looks[place].example.split

    def name(self, place: int) -> str:
        """What the data set calls an image."""
        return name_of(self.looks[place].example)

    def labels(self, place: int) -> list[str]:
        """The labels of an image."""
        return [self.class_names[class_id] for class_id in self.looks[place].class_ids]


def name_of(example: Example) -> str:
    """What the data set calls an image."""
    return example.listed_as or example.file_name


def inspect_data_set(settings: PrepareSettings, min_area: float, max_images: int) -> Inspection:
    """The data set of ``settings``, of which at most ``max_images`` (0: all), evenly spread, are looked at.

    `InputError` where its layout or its annotations are broken.
    """
    whole = settings.model_copy(update={"trim_margins": False})
    data = open_data_set(whole, map_items).data
    with_phi = has_network()
    look = partial(look_at, load=data.load, with_phi=with_phi)
    looks = tuple(map_items(look, spread(data.examples, max_images), "inspect"))
    names = {one.class_id: one.name for one in data.classes}
    known = {one.example.image_id: one.class_ids for one in looks}
    labels = [(one, known.get(one.image_id, one.class_ids)) for one in data.examples]
    return Inspection(
        where=_where(settings),
        num_images=len(data.examples),
        num_train=sum(one.split == "train" for one in data.examples),
        class_names=names,
        looks=looks,
        pairs=tuple(find_pairs(looks)),
        judged=_judge(looks, list(names)) if with_phi else None,
        small=find_small(looks, min_area),
        min_area=min_area,
        counts=_counts(labels, names),
        together=_together(labels, names),
        left_out=tuple(_left_out(settings)),
        without_label=data.num_without_label + sum(not class_ids for _, class_ids in labels),
        warnings=data.warnings,
        trims_margins=settings.trim_margins,
    )


def _where(settings: PrepareSettings) -> str:
    """What to call the data set: its folder, a relative one below that of the project."""
    if settings.root is None:
        return settings.dataset
    return settings.root if Path(settings.root).is_absolute() else f"{Path.cwd().name}/{settings.root}"


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """At most ``most`` of the examples (0: all), evenly spread."""
    if not most or len(examples) <= most:
        return list(examples)
    return [examples[place] for place in np.linspace(0, len(examples) - 1, most).round().astype(int)]


def _judge(looks: Sequence[Look], class_ids: Sequence[int]) -> Judged:
    """The doubts about labels, by the places of images in ``looks`` and of classes in ``class_ids``."""
    places = [place for place, one in enumerate(looks) if one.phi is not None]
    if not places:
        return Judged([], list(range(len(class_ids))))
    features = np.stack([one.phi for one in looks if one.phi is not None])
    labels = np.array([[class_id in looks[place].class_ids for class_id in class_ids] for place in places])
    judged = judge_labels(features, labels)
    return judged._replace(doubts=[one._replace(image=places[one.image]) for one in judged.doubts])


def _counts(labels: Sequence[tuple[Example, tuple[int, ...]]], names: Mapping[int, str]) -> dict[str, dict[str, int]]:
    counts = Counter((class_id, example.split) for example, class_ids in labels for class_id in class_ids)
    return {name: {split: counts[class_id, split] for split in SPLITS} for class_id, name in names.items()}


def _together(
    labels: Sequence[tuple[Example, tuple[int, ...]]], names: Mapping[int, str]
) -> dict[tuple[str, str], int]:
    """The training images that show both classes, for every pair of classes that is ever together, either way round."""
    counts: Counter[tuple[str, str]] = Counter()
    for example, class_ids in labels:
        if example.split == "train":
            counts.update((names[one], names[other]) for one in class_ids for other in class_ids if one != other)
    return dict(counts)


def _left_out(settings: PrepareSettings) -> Iterator[tuple[str, str]]:
    """What left_out.csv of a folder names."""
    if settings.dataset == "folder":
        images = ImageFiles(settings.folder / "images")
        for path, reason in read_left_out(settings.folder, images).items():
            yield path.relative_to(images.root).as_posix(), reason

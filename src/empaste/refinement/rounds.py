"""Rounds over a data set: foregrounds in, foregrounds drawn anew out, image by image.

Networks are cross-fitted: an image is looked at by one that did not learn its foregrounds, unless there is a single
fold. A class that none of the examples of a network shows is not to be seen by it; what was chosen of it before stays.
So does what a person decided: masks of an (image, class) that are right are those of every round.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple, TypedDict

import numpy as np

from empaste.errors import InputError
from empaste.masks import rle_area_box_xywh
from empaste.refinement.inference import Found, MapImages, Wanted, segment_images
from empaste.refinement.pieces import Seen
from empaste.refinement.settings import RefineSettings
from empaste.refinement.training import Example, Target, fit_segmenter
from empaste.rle import RLE

DEALING = 2
"""The stream of random numbers by which images are dealt; a training has the others."""


class Instance(TypedDict):
    """A foreground of a round."""

    image_id: int
    class_id: int
    segmentation: RLE
    score: float


class VoidRegion(TypedDict):
    """Pixels of an image that may show more of a class than the instances of a round."""

    image_id: int
    class_id: int
    segmentation: RLE


class LabelledImage(NamedTuple):
    """A training image: where it lies, and the classes that its labels name, in order."""

    path: Path
    class_ids: Sequence[int]


class TrainingImages(NamedTuple):
    """The training images by id, and all classes in the order of a network's outputs."""

    images: Mapping[int, LabelledImage]
    class_ids: Sequence[int]

    def examples(self, instances: Sequence[Instance]) -> list[Example]:
        """The images that show one of ``instances``, by id, each with its own, the largest first."""
        targets: dict[int, list[Target]] = {}
        for one in sorted(instances, key=lambda one: (one["image_id"], -rle_area_box_xywh(one["segmentation"])[0])):
            target = Target(self.class_ids.index(one["class_id"]), one["segmentation"])
            targets.setdefault(one["image_id"], []).append(target)
        return [Example(self.images[image_id].path, own) for image_id, own in targets.items()]

    def wanted(self, image_ids: Sequence[int], known: set[int]) -> dict[int, Wanted]:
        """Those of ``image_ids`` that show one of the ``known`` classes, with the places of those that they show."""
        return {
            image_id: Wanted(
                one.path, [self.class_ids.index(class_id) for class_id in one.class_ids if class_id in known]
            )
            for image_id in image_ids
            if known.intersection((one := self.images[image_id]).class_ids)
        }


class Round(TypedDict):
    """What a round gave: instances by image, of a class the largest first, and the void regions of both.

    ``empty`` are the (image, class) of the labels in which nothing was seen, ``kept`` those where the foregrounds of
    the round before stay: no network could look at them, or saw nothing and ``unseen`` is "keep".
    """

    instances: list[Instance]
    void: list[VoidRegion]
    empty: list[tuple[int, int]]
    kept: list[tuple[int, int]]


def refine(
    foregrounds: Sequence[Instance],
    images: Mapping[int, LabelledImage],
    class_ids: Sequence[int],
    settings: RefineSettings,
    map_images: MapImages,
    work: Path,
    decided: Sequence[Instance] = (),
) -> list[Round]:
    """The rounds that ``settings`` ask for, in order; the first learns ``foregrounds``.

    ``images`` are by id; all that have labels are looked at, by ``map_images``, also those without a foreground. What a
    person ``decided`` is in every round, alone of its class in its image. Every network and what it has seen stand in
    the folder ``work``, from where a call with the same arguments goes on. `InputError` where there is no foreground to
    learn, or an image cannot be read.
    """
    run = _Run(TrainingImages(images, class_ids), settings, map_images, work)
    folds = deal(sorted(images), settings.folds, settings.seed)
    rounds: list[Round] = []
    before = list(foregrounds)
    for number in range(1, settings.rounds + 1):
        if not before:
            raise InputError(
                f"round {number} of refine has no foreground to learn; look at data/foregrounds, and lower "
                f"foregrounds.min_prob or refine.min_area, or set refine.rounds to {number - 1}"
            )
        parts = [run.refine_fold(before, folds, number, fold) for fold in range(len(folds))]
        rounds.append(_with_decided(_joined(parts), decided))
        before = rounds[-1]["instances"]
    return rounds


def deal(image_ids: Sequence[int], num_folds: int, seed: int) -> list[list[int]]:
    """``image_ids`` dealt into ``num_folds`` folds, none of them empty, in a random order: classes may alternate by id.

    Of a fold the ids are in order.
    """
    num = min(num_folds, len(image_ids))
    order = np.random.default_rng([seed, DEALING]).permutation(len(image_ids)).tolist()
    return [sorted(image_ids[place] for place in order[fold::num]) for fold in range(num)]


class _Run(NamedTuple):
    """What all rounds share."""

    data: TrainingImages
    settings: RefineSettings
    map_images: MapImages
    work: Path

    def refine_fold(self, before: Sequence[Instance], folds: Sequence[Sequence[int]], number: int, fold: int) -> Round:
        """The images of a fold in the round ``number``, looked at by a network that learned the others."""
        own, num_classes = folds[fold], len(self.data.class_ids)
        held_out = set(own) if len(folds) > 1 else set()
        learned = [one for one in before if one["image_id"] not in held_out]
        known = {one["class_id"] for one in learned}
        what = f"refine, round {number}, fold {fold + 1} of {len(folds)}"
        examples = self.data.examples(learned)
        train = partial(fit_segmenter, examples, num_classes, self.settings, (number, fold), what)
        wanted = self.data.wanted(own, known)
        folder = self.work / f"round_{number}_fold_{fold}"
        found = segment_images(list(wanted.values()), train, num_classes, self.settings, self.map_images, folder)
        return self._as_round(own, dict(zip(wanted, found, strict=True)), before)

    def _as_round(self, own: Sequence[int], found: Mapping[int, Found], before: Sequence[Instance]) -> Round:
        """What was ``found`` in the images ``own``; of a class that was not looked for, what ``before`` has of it.

        So, too, where nothing was seen and ``unseen`` is "keep".
        """
        result = Round(instances=[], void=[], empty=[], kept=[])
        old: dict[tuple[int, int], list[Instance]] = {}
        for one in before:
            old.setdefault((one["image_id"], one["class_id"]), []).append(one)
        for key in ((image_id, class_id) for image_id in own for class_id in self.data.images[image_id].class_ids):
            seen = found.get(key[0], {}).get(self.data.class_ids.index(key[1]))
            if seen is None or (self.settings.unseen == "keep" and not seen.pieces and key in old):
                result["instances"] += old.get(key, [])
                result["kept"].append(key)
            else:
                _add_seen(result, key, seen)
        return result


def _add_seen(result: Round, key: tuple[int, int], seen: Seen) -> None:
    """``result`` holds what was ``seen`` of an (image, class)."""
    image_id, class_id = key
    result["instances"] += [
        Instance(image_id=image_id, class_id=class_id, segmentation=rle, score=round(confidence, 6))
        for rle, confidence in seen.pieces
    ]
    if seen.void:
        result["void"].append(VoidRegion(image_id=image_id, class_id=class_id, segmentation=seen.void))
    if not seen.pieces:
        result["empty"].append(key)


def _joined(parts: Sequence[Round]) -> Round:
    """The folds of a round as one, by image; an image's instances stay in their order."""
    instances = [one for part in parts for one in part["instances"]]
    return Round(
        instances=sorted(instances, key=lambda one: one["image_id"]),
        void=sorted((region for part in parts for region in part["void"]), key=lambda one: one["image_id"]),
        empty=sorted(pair for part in parts for pair in part["empty"]),
        kept=sorted(pair for part in parts for pair in part["kept"]),
    )


def _with_decided(one: Round, decided: Sequence[Instance]) -> Round:
    """The round with the ``decided`` instances, in place of all that it has of their (image, class)."""
    held = {(right["image_id"], right["class_id"]) for right in decided}
    others = [other for other in one["instances"] if (other["image_id"], other["class_id"]) not in held]
    return Round(
        instances=sorted([*others, *decided], key=lambda each: (each["image_id"], each["class_id"])),
        void=[region for region in one["void"] if (region["image_id"], region["class_id"]) not in held],
        empty=[pair for pair in one["empty"] if pair not in held],
        kept=[pair for pair in one["kept"] if pair not in held],
    )

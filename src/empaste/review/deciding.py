"""A review as the page sees it: what there is to judge, what was decided, and every new decision put into its file.

The files of decisions are the only memory. They are read before every change and written whole after it, so that what a
person changed by hand, or checked out, in the meantime stays.
"""

import threading
from collections import Counter
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from typing import NamedTuple, TypedDict

from empaste.artifacts.fields import shown
from empaste.artifacts.foreground_decisions import (
    ForegroundDecision,
    Subject,
    Verdict,
    read_foreground_decisions,
    read_mended,
    write_foreground_decisions,
)
from empaste.artifacts.label_decisions import LabelDecision, read_label_decisions, write_label_decisions
from empaste.errors import InputError
from empaste.layout import Layout
from empaste.review.foregrounds import Foreground, Pool, list_foregrounds, nothing_chosen, read_pool, why_gone
from empaste.rle import RLE, run_lengths

CHOICES: tuple[Verdict | None, ...] = ("keep", "reject", "mend", None)


class GoneError(InputError):
    """What the page speaks of is not in this run."""


class ClassCounts(TypedDict):
    """A class in the list of the page: how many of its foregrounds are decided in which way.

    ``drawn`` counts what a person drew where nothing was chosen or beside it, ``missing`` what is still without a mask.
    """

    name: str
    undecided: int
    keep: int
    reject: int
    mend: int
    missing: int
    drawn: int


class Listed(TypedDict):
    """A foreground in the list of its class; ``verdict`` is None where nothing is decided.

    ``chosen`` is whether F-EM chose something, ``of_run`` whether it is listed without a decision, too; ``instance`` is
    over 0 for what a person adds to others of the class in the image.
    """

    key: str
    image: str
    confidence: float | None
    verdict: Verdict | None
    chosen: bool
    of_run: bool
    instance: int


class Shown(Listed):
    """All that the page shows of a foreground.

    Masks are lengths of runs down the columns, off and on in turn, in an image of ``size`` (height, width). ``gone``
    says why there is nothing to show. ``others`` are what is chosen, kept or drawn of the class in the image besides.
    ``refined`` is what `refine` drew of it, None where the run has no refined masks; ``pasted`` is
    ``paste.foregrounds``.
    """

    class_name: str
    size: list[int]
    mask: list[int]
    mended: list[int] | None
    labels: list[str]
    gone: str | None
    others: list[list[int]]
    refined: list[list[int]] | None
    pasted: str


class _Known(NamedTuple):
    """What the review has read last: the pool, and what there is to judge, by key, in the page's order.

    It is replaced and never changed, since other threads read it without the lock.
    """

    pool: Pool
    foregrounds: Mapping[str, Foreground]


class Review:
    """The review of the run in ``places``; its methods may be called from several threads.

    Constructing it reads the run; `InputError` where that cannot be read, or there is nothing to judge.
    """

    def __init__(self, places: Layout) -> None:
        self._places = places
        self._lock = threading.Lock()
        self._taken_back: set[LabelDecision] = set()
        self._begun: dict[str, Foreground] = {}
        self._known = self._read()
        if not self._known.foregrounds:
            raise InputError(
                f"{places.foregrounds} holds no foreground to judge, and no training image has a label; look at "
                f"{places.labels}"
            )

    def classes(self) -> list[ClassCounts]:
        """The classes with their counts, those of the run first; the run is read again, since it may be a new one."""
        with self._lock:
            self._known = known = self._read()
            verdicts = self._verdicts()
        counts: dict[str, Counter[str]] = {name: Counter() for name in known.pool.class_names}
        there = [one for one in known.foregrounds.values() if one.is_of_run or one.subject in verdicts]
        for one in there:
            counts.setdefault(one.class_name, Counter())[_counted_as(one, verdicts.get(one.subject))] += 1
        return [
            ClassCounts(
                name=name, undecided=count["undecided"], keep=count["keep"], reject=count["reject"],
                mend=count["mend"], missing=count["missing"], drawn=count["drawn"],
            )
            for name, count in counts.items()
        ]  # fmt: skip

    def listed(self, class_name: str) -> list[Listed]:
        """The foregrounds of a class, least sure first, and images of it without one; then decided ones that the run
        does not choose any more.
        """
        verdicts = self._verdicts()
        own = [one for one in self._known.foregrounds.values() if one.class_name == class_name]
        there = [one for one in own if one.is_of_run or one.subject in verdicts]
        return [_listed(one, verdicts.get(one.subject)) for one in there]

    def shown(self, key: str) -> Shown:
        """A foreground with its masks and the labels of its image."""
        one, pool = self._find(key), self._known.pool
        verdicts = self._verdicts()
        decision = verdicts.get(one.subject)
        mended = decision.mended if decision else None
        refined = None if pool.refined is None else pool.refined.get((one.image, one.class_name), [])
        return Shown(
            **_listed(one, decision),
            class_name=one.class_name,
            size=one.mask["size"],
            mask=run_lengths(one.mask["counts"]),
            mended=None if mended is None else run_lengths(mended["counts"]),
            labels=sorted(self._labels(one.image)),
            gone=why_gone(one, pool),
            others=[run_lengths(rle["counts"]) for rle in self._others(one, verdicts)],
            refined=None if refined is None else [run_lengths(rle["counts"]) for rle in refined],
            pasted=pool.pasted,
        )

    def image_path(self, key: str) -> Path:
        """The file of a foreground's image; `GoneError` where there is none."""
        one = self._find(key)
        if one.image not in self._known.pool.paths:
            raise GoneError(f"image {one.image} is no training image of this run; run: dvc repro")
        path = self._known.pool.paths[one.image]
        if not path.is_file():
            raise GoneError(f"{path} does not exist; run: dvc repro prepare (or dvc pull)")
        return path

    def class_names(self) -> list[str]:
        """The names that labels may have, in order."""
        return self._known.pool.class_names

    def decide(self, key: str, verdict: object, mended: object = None) -> Listed:
        """The decision on a foreground stands in the file; with the verdict None there is none.

        ``mended`` is what `Shown` has there. `InputError` where a verdict or a mask is none; nothing is written then.
        """
        one = self._find(key)
        if verdict not in CHOICES:
            raise InputError(f"the verdict is {shown(verdict)}; choose from keep, reject, mend, null")
        choice = CHOICES[CHOICES.index(verdict)]
        if choice in ("keep", "reject") and not one.is_chosen:
            raise InputError(f"nothing was chosen, so there is nothing to {choice}; draw the object, or correct labels")
        drawn = _drawn(mended, one) if verdict == "mend" else None
        with self._lock:
            path = self._places.foreground_decisions
            others = [made for made in read_foreground_decisions(path) if made.key != one.subject]
            decision = _decision(one, choice, drawn) if choice else None
            write_foreground_decisions(path, [*others, *([decision] if decision else [])])
        return _listed(one, decision)

    def another(self, key: str) -> Listed:
        """An empty mask, for a further object of the class in the image of a foreground; nothing is decided.

        `InputError` where the run has not that image or class any more.
        """
        one, pool = self._find(key), self._known.pool
        if gone := why_gone(one, pool):
            raise GoneError(gone)
        with self._lock:
            empty = nothing_chosen(pool, one.image, one.class_name)._replace(is_of_run=False)
            taken = self._verdicts()
            added = (empty._replace(instance=number) for number in count(1))
            new = next(other for other in added if other.subject not in taken)
            self._begun[new.key] = new
            known = self._known.foregrounds
            self._known = self._known._replace(foregrounds={**known, new.key: known.get(new.key, new)})
        return _listed(new, None)

    def label(self, key: str, class_name: object, is_present: object) -> list[str]:
        """The image of a foreground has the label, or has it not; returns its labels.

        Where that is what the data set itself says, there is no decision in the file.
        """
        one = self._find(key)
        if class_name not in self._known.pool.class_names or not isinstance(class_name, str):
            raise InputError(f"the label is {shown(class_name)}; choose from {', '.join(self.class_names())}")
        if not isinstance(is_present, bool):
            raise InputError(f"whether the label is present is {shown(is_present)}; it must be true or false")
        with self._lock:
            path = self._places.label_decisions
            made = read_label_decisions(path)
            own = [made_one for made_one in made if made_one[:2] == (one.image, class_name)]
            if is_present != (class_name in self._labels(one.image)):
                new = [] if own else [LabelDecision(one.image, class_name, "added" if is_present else "removed")]
                write_label_decisions(path, [*(other for other in made if other not in own), *new])
                self._taken_back = (self._taken_back | set(own)) - set(new)
                self._known = self._with_earlier(self._listing(self._known.pool))
        return sorted(self._labels(one.image))

    def num_decisions(self) -> tuple[int, int]:
        """How many decisions on foregrounds, and on labels, the files hold."""
        places = self._places
        return len(self._verdicts()), len(read_label_decisions(places.label_decisions))

    def _read(self) -> _Known:
        return self._listing(read_pool(self._places))

    def _listing(self, pool: Pool) -> _Known:
        decisions = read_foreground_decisions(self._places.foreground_decisions)
        found = {one.key: one for one in list_foregrounds(pool, self._all_labels(pool), decisions)}
        begun = {key: one for key, one in self._begun.items() if key not in found and not why_gone(one, pool)}
        return _Known(pool, found | begun)

    def _with_earlier(self, listing: _Known) -> _Known:
        """``listing`` and what the page may still show of the one before, though its label is gone."""
        gone = {key: one for key, one in self._known.foregrounds.items() if key not in listing.foregrounds}
        earlier = {key: one._replace(is_of_run=False) for key, one in gone.items()}
        return _Known(listing.pool, {**listing.foregrounds, **earlier})

    def _find(self, key: str) -> Foreground:
        if key not in self._known.foregrounds:
            raise GoneError("this foreground is gone: the pipeline has run since the page was loaded; load it again")
        return self._known.foregrounds[key]

    def _others(self, one: Foreground, verdicts: Mapping[Subject, ForegroundDecision]) -> list[RLE]:
        """The masks that stand for the class in the image besides that of ``one``."""
        beside = [
            other
            for other in self._known.foregrounds.values()
            if (other.image, other.class_name) == (one.image, one.class_name) and other.key != one.key
        ]
        masks = [_standing(other, verdicts.get(other.subject)) for other in beside]
        return [rle for rle in masks if rle is not None and rle["size"] == one.mask["size"]]

    def _verdicts(self) -> dict[Subject, ForegroundDecision]:
        return {one.key: one for one in read_foreground_decisions(self._places.foreground_decisions)}

    def _labels(self, image: str) -> frozenset[str]:
        return self._all_labels(self._known.pool).get(image, frozenset())

    def _all_labels(self, pool: Pool) -> Mapping[str, frozenset[str]]:
        """The labels of the last run as corrected since; it may have obeyed corrections that are taken back by now."""
        labels = dict(pool.labels)
        made = read_label_decisions(self._places.label_decisions)
        changes = [(one, one.change == "removed") for one in self._taken_back]
        changes += [(one, one.change == "added") for one in made]
        for one, is_present in changes:
            own = labels.get(one.image, frozenset())
            labels[one.image] = own | {one.class_name} if is_present else own - {one.class_name}
        return labels


def _counted_as(one: Foreground, decision: ForegroundDecision | None) -> str:
    """The column of `ClassCounts` in which a foreground counts."""
    if not one.is_chosen:
        return "drawn" if decision else "missing"
    return decision.verdict if decision else "undecided"


def _standing(one: Foreground, decision: ForegroundDecision | None) -> RLE | None:
    """The mask that stands for a foreground: the right one, or what F-EM chose; None where there is none."""
    if decision:
        return decision.right_mask
    return one.mask if one.is_chosen and one.is_of_run else None


def _listed(one: Foreground, decision: ForegroundDecision | None) -> Listed:
    verdict = decision.verdict if decision else None
    return Listed(
        key=one.key, image=one.image, confidence=one.confidence, verdict=verdict, chosen=one.is_chosen,
        of_run=one.is_of_run, instance=one.instance,
    )  # fmt: skip


def _decision(one: Foreground, verdict: Verdict, mended: RLE | None) -> ForegroundDecision:
    return ForegroundDecision(one.image, one.class_name, verdict, one.mask, mended, one.instance)


def _drawn(mended: object, one: Foreground) -> RLE:
    return read_mended({"size": one.mask["size"], "counts": mended}, one.mask["size"], "the mended mask")

"""A person's decisions on foregrounds, ``data/decisions/foregrounds.json``: git tracks them, ``foregrounds`` obeys.

A decision is on a mask that the person saw, in an image called by its file name, of a class called by its name. Ids of
segments, images and classes are not in it: another run may give them to something else. Each decision is one line, in
order, so that two people's files merge and a difference reads as what was decided.
"""

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from empaste.artifacts import fields
from empaste.artifacts.fields import shown
from empaste.artifacts.json_files import read_json
from empaste.artifacts.outputs import write_whole
from empaste.errors import InputError
from empaste.masks import rle_area_box_xywh
from empaste.rle import RLE, read_rle

Verdict = Literal["keep", "reject", "mend"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)
Subject = tuple[str, str, str, int]
"""Image, class, counts of the judged mask, and the number of a drawn object: what a decision is on."""
LAYOUT = "a list of decisions under foregrounds, as empaste review writes it (docs/formats.md)"


class ForegroundDecision(NamedTuple):
    """What a person decided on the foreground ``mask`` of a class in an image: whether it is right.

    ``image`` is the file name in data/images/images.parquet. ``mended`` is the mask as it should be, where the verdict
    is to mend it, else None; of the same size, and not empty. An object that was drawn where nothing was chosen, or
    beside what was, is ``mended`` of an empty ``mask``; ``instance`` tells several of them apart, 0 elsewhere.
    """

    image: str
    class_name: str
    verdict: Verdict
    mask: RLE
    mended: RLE | None = None
    instance: int = 0

    @property
    def key(self) -> Subject:
        """What the decision is on. A file has one decision on it."""
        return self.image, self.class_name, self.mask["counts"], self.instance

    @property
    def right_mask(self) -> RLE | None:
        """The mask that the person holds to be right; None where the verdict is to reject it."""
        return self.mask if self.verdict == "keep" else self.mended


def read_foreground_decisions(path: Path) -> list[ForegroundDecision]:
    """The decisions at ``path``, in its order; none where there is no file, as before the first decision.

    `InputError` where it cannot be read, a field is missing, unknown or has no meaning, or two decisions are on one
    foreground.
    """
    if not path.exists():
        return []
    content = read_json(path, str(path))
    rows = fields.rows(content, "foregrounds", str(path), LAYOUT)
    _refuse_others(content, ("foregrounds",), str(path))
    decisions = [_read(row, f"{path}: foregrounds[{number}]") for number, row in enumerate(rows)]
    first: dict[Subject, int] = {}
    for number, one in enumerate(decisions):
        if (before := first.setdefault(one.key, number)) != number:
            both = f"{path}: foregrounds[{before}] and foregrounds[{number}]"
            where = f"of class {shown(one.class_name)} in image {one.image}"
            if _is_empty(one.mask):
                raise InputError(
                    f"{both} draw the same object (instance {one.instance}) {where}; remove one of them, or give it "
                    "another instance"
                )
            raise InputError(f"{both} are on the same mask {where}; remove one of them")
    return decisions


def write_foreground_decisions(path: Path, decisions: Iterable[ForegroundDecision]) -> None:
    """``path`` holds ``decisions``, one line each, sorted by image, class and mask; a reader never sees half of it."""
    lines = [json.dumps(_record(one), ensure_ascii=False) for one in sorted(decisions, key=lambda one: one.key)]
    body = "".join(f"\n{line}{',' * (number < len(lines))}" for number, line in enumerate(lines, start=1))
    write_whole(path, f'{{"foregrounds": [{body}{chr(10) * bool(lines)}]}}\n'.encode())


def _record(one: ForegroundDecision) -> dict[str, Any]:
    record: dict[str, Any] = {"image": one.image, "class": one.class_name, "decision": one.verdict, "mask": one.mask}
    if one.mended is not None:
        record["mended"] = one.mended
    return record | ({"instance": one.instance} if one.instance else {})


def _read(row: dict[str, Any], place: str) -> ForegroundDecision:
    verdict = row.get("decision")
    if verdict not in VERDICTS:
        raise InputError(f"{place}.decision is {shown(verdict)}; choose from {', '.join(VERDICTS)}")
    known = ("image", "class", "decision", "mask", *(["mended", "instance"] if verdict == "mend" else []))
    _refuse_others(row, known, place)
    image = fields.text(row.get("image"), f"{place}.image")
    class_name = fields.name(row.get("class"), f"{place}.class")
    mask = read_rle(row.get("mask"), None, f"{place}.mask")
    if verdict != "mend" and _is_empty(mask):
        raise InputError(
            f"{place}.mask is an empty mask, so there is nothing to {verdict}; to draw the object, let decision be "
            "mend and mended its mask; else remove the decision"
        )
    mended = read_mended(row.get("mended"), mask["size"], f"{place}.mended") if verdict == "mend" else None
    return ForegroundDecision(image, class_name, verdict, mask, mended, _read_instance(row, mask, f"{place}.instance"))


def _read_instance(row: dict[str, Any], mask: RLE, place: str) -> int:
    instance = fields.whole_number(row.get("instance", 0), place, low=0)
    if instance and not _is_empty(mask):
        raise InputError(
            f"{place} is {instance}, and mask is not empty; only objects drawn anew are numbered: remove it"
        )
    return instance


def read_mended(value: Any, size_hw: Sequence[int], place: str) -> RLE:
    """A mended mask of an image of this size, given as an RLE in text or numbers; `InputError` where it is empty."""
    mended = read_rle(value, size_hw, place)
    if _is_empty(mended):
        raise InputError(f"{place} is an empty mask; draw the object, or reject the foreground")
    return mended


def _is_empty(mask: RLE) -> bool:
    return not rle_area_box_xywh(mask)[0]


def _refuse_others(row: dict[str, Any], known: Sequence[str], place: str) -> None:
    if others := sorted(row.keys() - set(known)):
        raise InputError(f"{place} has the key {shown(others[0])}; it takes {', '.join(known)}")

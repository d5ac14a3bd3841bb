"""The images on which two runs differ most: their foregrounds, and what their detectors find.

Images are the same in two runs if their files are called the same; classes, if their names are.
"""

from collections.abc import Mapping
from typing import NamedTuple, TypeVar

from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.truth import IOU50
from empaste.report import drawing
from empaste.report.inputs import Label, Run, Side, read_masks, read_rows
from empaste.report.names import isolated
from empaste.report.sheets.detections import ShownDetections
from empaste.report.sheets.foregrounds import judged_panel
from empaste.report.sheets.panels import Facts, Group, Panel, Sheet, counted
from empaste.rle import RLE

Key = tuple[str, str]
"""The name of an image's file, and that of a class."""
Named = TypeVar("Named")


class Choice(NamedTuple):
    """A pool's foregrounds of one (image, class); ``iou`` of the first with an instance, 0 where nobody knows."""

    label: Label
    masks: list[RLE]
    iou: float


def changed_foregrounds(here: Side, there: Side) -> Sheet:
    """The (image, class) whose foregrounds differ: where most was lost, then where most was gained."""
    title = "Foregrounds that differ"
    ours, theirs = chosen(here.run), chosen(there.run)
    keys = dict.fromkeys([*ours, *theirs])
    gains = {key: _iou(ours, key) - _iou(theirs, key) for key in keys if _masks(ours, key) != _masks(theirs, key)}
    if not gains:
        return Sheet("foregrounds", title, "", (), "Both runs chose the same foregrounds.")
    judged = bool(here.run.train_truth.outlined)
    groups = [
        Group(
            [_choice_panel(here, ours, key), _choice_panel(there, theirs, key)],
            f"{key[0]} · {isolated(key[1])}",
            facts=Facts([key[1]], _iou(ours, key) >= IOU50 if judged else None),
        )
        for key in extremes(gains, len(here.run.train_ids))
    ]
    right = [sum(_iou(choices, key) >= IOU50 for key in gains) for choices in (ours, theirs)]
    verdict = f" Of these {right[0]:,} are right (IoU {IOU50}) here, {right[1]:,} in {there.name}." if judged else ""
    guide = f"Left this run, right {there.name}. Of {counted(len(keys), 'foreground')} {len(gains):,} differ.{verdict} "
    return Sheet("foregrounds", title, guide + "The largest losses come first, then the largest gains.", groups)


def chosen(run: Run) -> dict[Key, Choice]:
    """What the pool of ``run`` holds, by the names of image and class."""
    pool = read_rows(run.files.foregrounds / "pool.parquet", Foregrounds, run.ids_of("train"))
    masks = read_masks(run.files, [pool])
    files, truth = _file_names(run), run.train_truth
    found: dict[Label, list[RLE]] = {}
    for image_id, class_id, segment_id in zip(pool["image_id"], pool["class_id"], pool["segment_id"], strict=True):
        found.setdefault((image_id, class_id), []).append(masks[segment_id])
    return {
        (files[label[0]], run.class_names[label[1]]): Choice(label, own, float(truth.best_ious(own[:1], *label)[0]))
        for label, own in found.items()
    }


def _file_names(run: Run) -> dict[int, str]:
    return dict(zip(run.images["image_id"], run.images["file_name"], strict=True))


def _masks(choices: Mapping[Key, Choice], key: Key) -> list[RLE]:
    return choices[key].masks if key in choices else []


def _iou(choices: Mapping[Key, Choice], key: Key) -> float:
    return choices[key].iou if key in choices else 0.0


def _choice_panel(side: Side, choices: Mapping[Key, Choice], key: Key) -> Panel:
    if key in choices:
        return judged_panel(side.run, side.name, choices[key].masks, choices[key].label)
    ids = {name: image_id for image_id, name in _file_names(side.run).items()}
    if key[0] not in ids:
        return Panel(drawing.blank(), f"{side.name} · no such image", "bad")
    return Panel(drawing.enlarge(side.run.pixels(ids[key[0]])), f"{side.name} · no foreground", "bad")


def extremes(gains: Mapping[Named, float], num: int) -> list[Named]:
    """The keys of the ``num`` // 2 lowest values, lowest first, then of the highest, highest first; ties by key."""
    lowest_first = sorted(gains, key=lambda key: (gains[key], str(key)))
    half = max(1, num // 2)
    return [*lowest_first[:half], *reversed(lowest_first[half:][-half:])]


def changed_detections(here: Side, there: Side) -> Sheet:
    """The validation images that differ most in what is right in them: losses first, then gains."""
    title = "Detections that differ"
    theirs = {name: image_id for image_id, name in _file_names(there.run).items()}
    shared = {name: image_id for image_id, name in _file_names(here.run).items() if name in theirs}
    ours_right, theirs_right = here.run.val_quality, there.run.val_quality
    gains = {
        name: ours_right[image_id] - theirs_right[theirs[name]]
        for name, image_id in shared.items()
        if image_id in ours_right and theirs[name] in theirs_right
    }
    changed = {name: gain for name, gain in gains.items() if gain}
    if not changed:
        said = "No validation image is better or worse." if gains else "The runs share no validation image with masks."
        return Sheet("detections", title, "", (), said)
    shown = ShownDetections(here.run), ShownDetections(there.run)
    groups = []
    for name in extremes(changed, len(here.run.val_ids)):
        ours, other = shared[name], theirs[name]
        heading = f"{name}: {ours_right[ours]:.0%} right, {there.name} {theirs_right[other]:.0%}"
        panels = [shown[0].truth_panel(ours), shown[0].panel(ours, here.name), shown[1].panel(other, there.name)]
        groups.append(Group(panels, heading, facts=shown[0].facts(ours)))
    better = sum(gain > 0 for gain in changed.values())
    guide = (
        f"Ground truth, this run, {there.name}. Of {counted(len(gains), 'validation image')} {better:,} are better "
        f"here and {len(changed) - better:,} worse. The largest losses come first, then the largest gains."
    )
    return Sheet("detections", title, guide, groups)

"""Validation images: ground truth beside detections, all of them, and where they agree least and most."""

from collections.abc import Sequence

from empaste.artifacts.coco_records import Annotation, Detection
from empaste.artifacts.truth import IOU50, has_box_alone, is_ignored_region
from empaste.evaluation.mistakes import MIN_SCORE, image_quality, match_instances
from empaste.report import drawing
from empaste.report.inputs import Run, annotations_of, read_detections
from empaste.report.names import isolated
from empaste.report.sheets.panels import Group, Panel, Sheet, counted, draw_instances


def detection_sheet(run: Run) -> Sheet:
    """Validation images: ground truth beside detections."""
    detections = read_detections(run.files.detections)
    truth = annotations_of(run.val_truth, run.val_ids)
    known = bool(run.val_truth["annotations"])
    groups = []
    for image_id in run.val_ids:
        own = [one for one in detections if one["image_id"] == image_id]
        panels = [_detection_panel(run, image_id, own)]
        groups.append(Group([_truth_panel(run, image_id, truth[image_id], known), *panels]))
    guide = (
        "Validation images, which nothing was trained on: left the ground truth, right what the detector finds with a "
        f"score of at least {MIN_SCORE}. Compare how many objects are found, under which name, and how well masks fit."
    )
    if not groups:
        return Sheet("detections", "Detections", guide, (), "The validation split has no images.")
    return Sheet("detections", "Detections beside ground truth", guide, groups)


def mistake_sheet(run: Run) -> Sheet:
    """The validation images with the fewest right instances, then those with the most; ties by id."""
    title = "Worst and best validation images"
    if all(is_ignored_region(one) for one in run.val_truth["annotations"]):
        return Sheet("mistakes", title, "", (), "The validation split has no masks to compare detections with.")
    detections = read_detections(run.files.detections)
    quality = image_quality(match_instances(run.val_truth, detections), run.val_truth)
    known = [image_id for image_id in quality if image_id in run.paths]
    order = sorted(known, key=lambda image_id: (quality[image_id], image_id))
    half = max(1, len(run.val_ids) // 2)
    worst, best = order[:half], order[half:][-half:]
    truth = annotations_of(run.val_truth, order)
    groups = [
        Group(
            [
                _truth_panel(run, image_id, truth[image_id], True),
                _detection_panel(run, image_id, [one for one in detections if one["image_id"] == image_id]),
            ],
            f"{'worst' if image_id in worst else 'best'}: {quality[image_id]:.0%} right",
        )
        for image_id in [*worst, *best]
    ]
    guide = (
        "All validation images, sorted: of what is there and what was said, the share in which an instance and a "
        f"detection with a score of at least {MIN_SCORE} meet (mask IoU of at least {IOU50}) under the same name."
    )
    return Sheet("mistakes", title, guide, groups)


def _truth_panel(run: Run, image_id: int, instances: Sequence[Annotation], known: bool) -> Panel:
    image = drawing.enlarge(run.pixels(image_id))
    if not known:
        return Panel(image, f"{image_id} · no masks known · {', '.join(map(isolated, run.names_in(image_id)))}")
    objects = [one for one in instances if not is_ignored_region(one)]
    boxes = sum(map(has_box_alone, instances))
    without = f", {boxes} without a mask" if boxes else ""
    caption = f"{image_id} · ground truth, {counted(len(objects), 'object')}{without}"
    return Panel(draw_instances(run, image, objects), caption)


def _detection_panel(run: Run, image_id: int, detections: Sequence[Detection]) -> Panel:
    shown = sorted((one for one in detections if one["score"] >= MIN_SCORE), key=lambda one: one["score"])
    image = draw_instances(run, run.pixels(image_id), shown)
    best = max((one["score"] for one in detections), default=None)
    if shown:
        return Panel(image, f"{image_id} · {counted(len(shown), 'detection')}, best {best:.2f}")
    return Panel(image, f"{image_id} · no detection" + ("" if best is None else f", best only {best:.2f}"), "bad")

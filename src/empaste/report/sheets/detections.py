"""Validation images: ground truth beside detections, all of them, and where they agree least and most."""

from empaste.artifacts.coco_records import Detection, rows_by_image
from empaste.artifacts.truth import IOU50, has_box_alone, is_ignored_region
from empaste.evaluation.mistakes import MIN_SCORE
from empaste.report import drawing
from empaste.report.inputs import Run
from empaste.report.names import isolated
from empaste.report.sheets.panels import Facts, Group, Panel, Sheet, class_names, counted, draw_instances


def detection_sheet(run: Run) -> Sheet:
    """Validation images: ground truth beside detections."""
    shown = ShownDetections(run)
    groups = [shown.group(image_id) for image_id in run.val_ids]
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
    shown, quality = ShownDetections(run), run.val_quality
    order = sorted(quality, key=lambda image_id: (quality[image_id], image_id))
    half = max(1, len(run.val_ids) // 2)
    worst, best = order[:half], order[half:][-half:]
    groups = [shown.group(image_id, f"worst: {quality[image_id]:.0%} right") for image_id in worst]
    groups += [shown.group(image_id, f"best: {quality[image_id]:.0%} right") for image_id in best]
    guide = (
        "All validation images, sorted: of what is there and what was said, the share in which an instance and a "
        f"detection with a score of at least {MIN_SCORE} meet (mask IoU of at least {IOU50}) under the same name."
    )
    return Sheet("mistakes", title, guide, groups)


class ShownDetections:
    """A run's detections and ground truth by validation image, ready to be drawn side by side."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.detections = rows_by_image(run.detections)
        self.truth = rows_by_image(run.val_truth["annotations"])
        self.is_known = bool(self.truth)

    def group(self, image_id: int, heading: str = "") -> Group:
        """The image with its ground truth, and with what the detector finds."""
        return Group([self.truth_panel(image_id), self.panel(image_id)], heading, facts=self.facts(image_id))

    def facts(self, image_id: int) -> Facts:
        """The classes that are there or are said to be, whether all of it is right, and the best score."""
        shown, truth = self._shown(image_id), self.truth.get(image_id, [])
        best = max((one["score"] for one in shown), default=None)
        right = self.run.val_quality.get(image_id) == 1 if self.is_known else None
        return Facts(class_names(self.run, [*truth, *shown]), right, best)

    def truth_panel(self, image_id: int) -> Panel:
        """The image with its instances."""
        image, instances = drawing.enlarge(self.run.pixels(image_id)), self.truth.get(image_id, [])
        if not self.is_known:
            names = ", ".join(map(isolated, self.run.names_in(image_id)))
            return Panel(image, f"{image_id} · no masks known · {names}")
        objects = [one for one in instances if not is_ignored_region(one)]
        boxes = sum(map(has_box_alone, instances))
        without = f", {boxes} without a mask" if boxes else ""
        caption = f"{image_id} · ground truth, {counted(len(objects), 'object')}{without}"
        return Panel(draw_instances(self.run, image, objects), caption)

    def panel(self, image_id: int, called: str = "") -> Panel:
        """The image with the detections of at least `MIN_SCORE`; ``called`` stands before the caption."""
        found, shown = self.detections.get(image_id, []), self._shown(image_id)
        image = draw_instances(self.run, self.run.pixels(image_id), shown)
        best = max((one["score"] for one in found), default=None)
        caption = f"{called or image_id} · "
        if shown:
            return Panel(image, f"{caption}{counted(len(shown), 'detection')}, best {best:.2f}")
        return Panel(image, caption + "no detection" + ("" if best is None else f", best only {best:.2f}"), "bad")

    def _shown(self, image_id: int) -> list[Detection]:
        shown = [one for one in self.detections.get(image_id, []) if one["score"] >= MIN_SCORE]
        return sorted(shown, key=lambda one: one["score"])

"""One contact sheet per stage, of the same evenly spaced images, so that one image can be followed through all."""

import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from jaxtyping import UInt8

from empaste.artifacts.arrays import read_array
from empaste.artifacts.coco import is_ignored_region
from empaste.artifacts.schemas.backgrounds import Backgrounds
from empaste.artifacts.schemas.cams import Cams
from empaste.artifacts.schemas.captions import Captions
from empaste.artifacts.schemas.foregrounds import Foregrounds
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.segments import segment_rles
from empaste.artifacts.shards import Shards
from empaste.artifacts.tables import read_table
from empaste.evaluation.mistakes import image_quality, match_instances
from empaste.images import encode_rgb
from empaste.masks import decode_mask
from empaste.overlaps import mask_ious
from empaste.report import drawing
from empaste.report.inputs import Run, annotations_of, evenly_spaced, read_detections, read_rows
from empaste.report.names import isolated
from empaste.rle import RLE

MIN_IOU = 0.5
"""A foreground is right from this IoU with an instance of its class on."""
MIN_SCORE = 0.5
"""Detections under this score are counted, not drawn."""
LEFT_OUT = "not in the pool: under the least probability, or no choice"
MAX_SEGMENTS = 80
"""Segments drawn per image; the best by score."""

Image = UInt8[np.ndarray, "h w 3"]


@dataclass(frozen=True)
class Panel:
    """A picture with its caption; ``tone`` is "good", "bad" or "" and colours the caption."""

    image: Image
    caption: str
    tone: str = ""


@dataclass(frozen=True)
class Group:
    """Panels that belong together, side by side, with a heading and lines of text (either may be empty)."""

    panels: Sequence[Panel]
    heading: str = ""
    lines: Sequence[str] = ()


@dataclass(frozen=True)
class Sheet:
    """A stage's pictures. ``guide`` tells what to look for; ``missing``, where not empty, why there are none."""

    name: str
    title: str
    guide: str
    groups: Sequence[Group] = field(default=())
    missing: str = ""


def build_sheets(run: Run) -> list[Sheet]:
    """The sheets of all stages in the order of the pipeline."""
    return [build(run) for build in BUILDERS]


def contact_sheet(sheet: Sheet, columns: int = 6) -> bytes | None:
    """The sheet's panels as one JPEG image for places that show no page; None where there are none."""
    rows: list[list[tuple[Image, str]]] = []
    for group in sheet.groups:
        panels = [(panel.image, panel.caption) for panel in group.panels]
        rows += [panels[start : start + columns] for start in range(0, len(panels), columns)]
    return encode_rgb(drawing.tile(rows), ".jpg", 85) if rows else None


def image_sheet(run: Run) -> Sheet:
    """The training images with their labels."""
    panels = [
        Panel(drawing.enlarge(run.pixels(id_)), f"{id_} · {', '.join(map(isolated, run.names_in(id_))) or 'no label'}")
        for id_ in run.train_ids
    ]
    guide = (
        "Training images, each with its number and its image-level labels: all that the method may learn from. The "
        "same images, under the same numbers, appear on the sheets below. Do the labels fit the pictures?"
    )
    return Sheet("images", "Images and labels", guide, [Group(panels)])


def proposal_sheet(run: Run) -> Sheet:
    """The segments of the training images, outlined."""
    segments = read_rows(run.files.segments / "segments.parquet", Segments, run.train_ids)
    panels = []
    for image_id in run.train_ids:
        own = segments[segments["image_id"] == image_id]
        panels.append(Panel(_draw_segments(run.pixels(image_id), own), f"{image_id} · {len(own)} segments"))
    guide = (
        "Every outline is one class-agnostic segment, a candidate for a foreground. Each object should have one "
        "outline of its own that follows its border; where none does, no later stage can find the object."
    )
    return Sheet("proposals", "Proposals", guide, [Group(panels)])


def _draw_segments(pixels: Image, segments: pd.DataFrame) -> Image:
    """Large segments first, so that small ones stay visible."""
    image = drawing.enlarge(pixels)
    best = segments.nlargest(MAX_SEGMENTS, "score", keep="first").sort_values("area", ascending=False, kind="stable")
    for number, rle in enumerate(segment_rles(best)):
        drawing.draw_mask(image, drawing.enlarge_mask(decode_mask(rle)), drawing.colour_of(number), 0.12)
    return image


def foreground_sheet(run: Run) -> Sheet:
    """Per (image, class): the CAM with its centre, then the choice of every iteration, judged where there are masks."""
    cams = read_table(run.files.cams / "cams.parquet", Cams)
    heatmaps = read_array(run.files.cams / "heatmaps.npy", len(cams), str(run.files.cams / "cams.parquet"), "cams")
    names = sorted(run.files.foregrounds.glob("iter_*.parquet"), key=lambda path: int(path.stem.removeprefix("iter_")))
    iterations = {path.stem: read_rows(path, Foregrounds, run.train_ids) for path in names}
    pool = read_rows(run.files.foregrounds / "pool.parquet", Foregrounds, run.train_ids)
    segments = _chosen_segments(run, iterations)
    judge = _Judge(run)
    groups = []
    for row in np.flatnonzero(cams["image_id"].isin(run.train_ids)):
        cam = cams.iloc[row]
        key = (int(cam["image_id"]), int(cam["class_id"]))
        choices = [_choice(run, judge, name, _of(table, key), segments, key) for name, table in iterations.items()]
        panels = [_cam_panel(run, cam, heatmaps[row]), *choices]
        left_out = () if len(_of(pool, key)) else (LEFT_OUT,)
        groups.append(Group(panels, f"{key[0]} · {isolated(run.class_names[key[1]])}", left_out))
    verdict = (
        "Green and ✓: right, at an IoU of 0.5 or more with an instance of the class; red and ✗: wrong. The ground "
        "truth is used for this judgement alone."
        if judge.known
        else "This data set has no masks for its training images, so right and wrong are left to your eyes."
    )
    guide = (
        "From left to right: where the classifier sees the class (its centre of gravity marked by a cross), Step 1's "
        "choice of a segment, then the choice after each EM iteration. Watch whether wrong choices get corrected. "
        f"{verdict}"
    )
    none = "" if groups else "No training image on these sheets has a labelled class."
    return Sheet("foregrounds", "Class activation and foreground per iteration", guide, groups, none)


def _cam_panel(run: Run, cam: "pd.Series[Any]", heat: np.ndarray) -> Panel:
    pixels = run.pixels(int(cam["image_id"]))
    image = drawing.draw_heat(drawing.enlarge(pixels), np.asarray(heat, np.float32))
    if cam["cam_empty"]:
        return Panel(image, f"CAM is empty · p {cam['prob']:.2f}", "bad")
    scale = image.shape[1] / pixels.shape[1]
    drawing.draw_cross(image, cam["centre_x"] * scale, cam["centre_y"] * scale)
    return Panel(image, f"CAM · p {cam['prob']:.2f}")


def _choice(
    run: Run, judge: "_Judge", name: str, chosen: pd.DataFrame, segments: dict[int, RLE], key: tuple[int, int]
) -> Panel:
    """The segments chosen for one (image, class) in one iteration."""
    label = "Step 1" if name == "iter_0" else f"EM {name.removeprefix('iter_')}"
    image = drawing.enlarge(run.pixels(key[0]))
    if chosen.empty:
        return Panel(image, f"{label} · no choice", "bad")
    rles = [segments[segment_id] for segment_id in chosen["segment_id"]]
    masks = [drawing.enlarge_mask(decode_mask(rle)) for rle in rles]
    ious = [judge.iou(rle, key) for rle in rles]
    drawing.dim_outside(image, np.any(masks, axis=0))
    for mask, iou in zip(masks, ious, strict=True):
        drawing.draw_mask(image, mask, _verdict_colour(iou), 0.0)
    caption = f"{label} · p {chosen['prob'].iloc[0]:.2f}"
    if ious[0] is None:
        return Panel(image, caption)
    right = ious[0] >= MIN_IOU
    return Panel(image, f"{caption} · IoU {ious[0]:.2f} {'✓' if right else '✗'}", "good" if right else "bad")


def _verdict_colour(iou: float | None) -> drawing.Colour:
    if iou is None:
        return drawing.NEUTRAL
    return drawing.GOOD if iou >= MIN_IOU else drawing.BAD


def _of(table: pd.DataFrame, key: tuple[int, int]) -> pd.DataFrame:
    return table[(table["image_id"] == key[0]) & (table["class_id"] == key[1])]


def _chosen_segments(run: Run, iterations: dict[str, pd.DataFrame]) -> dict[int, RLE]:
    segments = read_rows(run.files.segments / "segments.parquet", Segments, run.train_ids)
    ids = {segment_id for table in iterations.values() for segment_id in table["segment_id"]}
    chosen = segments[segments["segment_id"].isin(ids)]
    return dict(zip(chosen["segment_id"], segment_rles(chosen), strict=True))


class _Judge:
    """Compares segments with the training split's ground truth, where it has any."""

    def __init__(self, run: Run) -> None:
        self.known = bool(run.train_truth["annotations"])
        self.instances = annotations_of(run.train_truth, run.train_ids)

    def iou(self, rle: RLE, key: tuple[int, int]) -> float | None:
        """The highest IoU with an instance of the class; None where nothing is known."""
        if not self.known:
            return None
        objects = [one for one in self.instances[key[0]] if not is_ignored_region(one)]
        own = [one["segmentation"] for one in objects if one["category_id"] == key[1]]
        return float(mask_ious([rle], own).max(initial=0.0))


def background_sheet(run: Run) -> Sheet:
    """Per training image: its captions, as written and as substituted, and the backgrounds made from them."""
    captions = read_rows(run.files.captions / "captions.parquet", Captions, run.train_ids)
    table = read_table(run.files.backgrounds / "backgrounds.parquet", Backgrounds)
    selected, shards = table[table["selected"]], Shards(run.files.backgrounds)
    groups = []
    for image_id in run.train_ids:
        original = Panel(drawing.enlarge(run.pixels(image_id)), f"{image_id} · original")
        own = selected[selected["image_id"] == image_id]
        panels = [_background_panel(run, shards, row) for _, row in own.iterrows()]
        rows = captions[captions["image_id"] == image_id]
        lines = [
            f"“{isolated(text)}” → “{isolated(new)}”"
            for text, new in zip(rows["text"], rows["substituted"], strict=True)
        ]
        groups.append(Group([original, *panels], f"{image_id}", lines))
    guide = (
        "Captions as written, and with the words for classes substituted; beside the original the backgrounds selected "
        "for it. A good background keeps the scene and shows no object of any class: pasted objects would otherwise "
        "stand beside unlabelled ones. “shows” is what the classifier still sees in it. "
    )
    empty = selected.empty and "No background was made or selected: composites use the original images alone."
    summary = " ".join([*_fates(run, table), *_pool_shares(run)])
    return Sheet("backgrounds", "Captions and backgrounds", guide + summary, groups, empty or "")


def _background_panel(run: Run, shards: Shards, row: "pd.Series[Any]") -> Panel:
    image = drawing.enlarge(shards.read_rgb(str(row["file_name"])))
    seen = isolated(run.class_names.get(row["presence_class_id"], "?"))
    clip = "" if np.isnan(row["clip_score"]) else f" · CLIP {row['clip_score']:.2f}"
    return Panel(image, f"background {row['background_id']} · shows {seen} {row['presence_prob']:.2f}{clip}")


def _fates(run: Run, table: pd.DataFrame) -> Iterator[str]:
    """What became of the candidates, and which class most often ruled one out."""
    if table.empty:
        return
    by_presence = table[table["dropped_by"] == "presence"]
    seen = Counter(by_presence["presence_class_id"].tolist()).most_common()
    named = ", ".join(f"{isolated(run.class_names.get(class_id, '?'))} {number:,}" for class_id, number in seen)
    yield f"Of {_count(len(table), 'candidate')} {int(table['selected'].sum()):,} were selected;"
    yield f"{len(by_presence):,} were dropped because a class shows in them{f' (most of all {named})' * bool(named)},"
    yield f"{int((table['dropped_by'] == 'selection').sum()):,} because others were better."


def _pool_shares(run: Run) -> Iterator[str]:
    """What the composites were made on, in shares."""
    images = run.composites["images"]
    kinds = Counter(
        image["kind"] if image.get("pasted_on", True) else "as it is" for image in images if "kind" in image
    )
    names = {"original": "originals pasted on", "background": "backgrounds", "as it is": "originals as they are"}
    shares = [f"{100 * kinds[kind] / len(images):.0f} % {name}" for kind, name in names.items() if kinds[kind]]
    if shares:
        yield f"The {_count(len(images), 'composite')}: {', '.join(shares)}."


def composite_sheet(run: Run) -> Sheet:
    """Composites as they are and with their annotations."""
    by_id = {image["id"]: image for image in run.composites["images"]}
    shown = _composites_to_show(list(by_id.values()), run.train_ids)
    instances = annotations_of(run.composites, shown)
    shards, groups = Shards(run.files.composites), []
    for composite_id in shown:
        image = drawing.enlarge(shards.read_rgb(by_id[composite_id]["file_name"]))
        own = instances[composite_id]
        marked = _draw_instances(run, image, own)
        num_pasted = sum(one.get("source") == "pasted" for one in own)
        caption = f"{num_pasted} pasted, {len(own) - num_pasted} its own"
        groups.append(Group([Panel(image, _origin(by_id[composite_id])), Panel(marked, caption)]))
    guide = (
        "What the detector is trained on: left the composite, right its annotations. Masks should end where the object "
        "does, an object under another should lose what is hidden, and pasted objects should not look cut out."
    )
    return Sheet("composites", "Composites", guide, groups, "" if groups else "There are no composites.")


def _composites_to_show(images: list[dict[str, Any]], train_ids: Sequence[int]) -> list[int]:
    """Two thirds on the training images shown (one each), one third on backgrounds; else evenly spaced."""
    num = len(train_ids)
    on_shown: dict[int, int] = {}
    for image in images:
        if image.get("kind") == "original" and image.get("pasted_on", True) and image["source_id"] in train_ids:
            on_shown.setdefault(image["source_id"], image["id"])
    backgrounds = [image["id"] for image in images if image.get("kind") == "background"]
    first = evenly_spaced(list(on_shown.values()), max(1, num - min(len(backgrounds), num // 3)))
    second = evenly_spaced(backgrounds, num - len(first))
    rest = [image["id"] for image in images if image["id"] not in {*first, *second}]
    return [*first, *second, *evenly_spaced(rest, num - len(first) - len(second))]


def _origin(image: dict[str, Any]) -> str:
    kind = {"original": "on image", "background": "on background"}.get(image.get("kind", ""), "composite")
    return f"{kind} {image.get('source_id', image['id'])}"


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
    known = [image_id for image_id in quality if image_id in run.file_names]
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
        f"detection with a score of at least {MIN_SCORE} meet (mask IoU of at least {MIN_IOU}) under the same name."
    )
    return Sheet("mistakes", title, guide, groups)


def _truth_panel(run: Run, image_id: int, instances: list[dict[str, Any]], known: bool) -> Panel:
    image = drawing.enlarge(run.pixels(image_id))
    if not known:
        return Panel(image, f"{image_id} · no masks known · {', '.join(map(isolated, run.names_in(image_id)))}")
    objects = [one for one in instances if not is_ignored_region(one)]
    boxes = sum(bool(one.get("box_only")) for one in instances)
    without = f", {boxes} without a mask" if boxes else ""
    caption = f"{image_id} · ground truth, {_count(len(objects), 'object')}{without}"
    return Panel(_draw_instances(run, image, objects), caption)


def _detection_panel(run: Run, image_id: int, detections: list[dict[str, Any]]) -> Panel:
    shown = sorted((one for one in detections if one["score"] >= MIN_SCORE), key=lambda one: one["score"])
    image = _draw_instances(run, run.pixels(image_id), shown)
    best = max((one["score"] for one in detections), default=None)
    if shown:
        return Panel(image, f"{image_id} · {_count(len(shown), 'detection')}, best {best:.2f}")
    return Panel(image, f"{image_id} · no detection" + ("" if best is None else f", best only {best:.2f}"), "bad")


def _draw_instances(run: Run, image: Image, instances: Sequence[dict[str, Any]]) -> Image:
    """The enlarged ``image`` with masks and names; scores where there are any."""
    drawn = [
        drawing.Drawn(
            decode_mask(one["segmentation"]),
            isolated(run.class_names[one["category_id"]]) + (f" {one['score']:.2f}" if "score" in one else ""),
            drawing.colour_of(run.colour_number(one["category_id"])),
        )
        for one in instances
    ]
    return drawing.draw_instances(image, drawn)


def _count(num: int, what: str) -> str:
    return f"{num:,} {what}{'' if num == 1 else 's'}"


def file_name(sheet: Sheet) -> str:
    """What the sheet's contact sheet is called as a file."""
    return re.sub(r"\W", "_", sheet.name) + ".jpg"


BUILDERS: tuple[Callable[[Run], Sheet], ...] = (
    image_sheet,
    proposal_sheet,
    foreground_sheet,
    background_sheet,
    composite_sheet,
    detection_sheet,
    mistake_sheet,
)

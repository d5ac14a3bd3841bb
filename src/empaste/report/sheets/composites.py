"""Composites as they are and with their annotations."""

from collections.abc import Sequence

from empaste.artifacts.coco_records import ImageRecord
from empaste.artifacts.shards import Shards
from empaste.report import drawing
from empaste.report.inputs import Run, annotations_of, evenly_spaced
from empaste.report.sheets.panels import Facts, Group, Panel, Sheet, class_names, draw_instances


def composite_sheet(run: Run) -> Sheet:
    """Composites as they are and with their annotations."""
    by_id = {image["id"]: image for image in run.composites["images"]}
    shown = _composites_to_show(list(by_id.values()), run.train_ids)
    instances = annotations_of(run.composites, shown)
    shards, groups = Shards(run.files.composites), []
    for composite_id in shown:
        image = drawing.enlarge(shards.read_rgb(by_id[composite_id]["file_name"]))
        own = instances[composite_id]
        marked = draw_instances(run, image, own)
        num_pasted = sum(one.get("source") == "pasted" for one in own)
        caption = f"{num_pasted} pasted, {len(own) - num_pasted} its own"
        facts = Facts(class_names(run, own))
        groups.append(Group([Panel(image, _origin(by_id[composite_id])), Panel(marked, caption)], facts=facts))
    guide = (
        "What the detector is trained on: left the composite, right its annotations. Masks should end where the object "
        "does, an object under another should lose what is hidden, and pasted objects should not look cut out."
    )
    return Sheet("composites", "Composites", guide, groups, "" if groups else "There are no composites.")


def _composites_to_show(images: list[ImageRecord], train_ids: Sequence[int]) -> list[int]:
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


def _origin(image: ImageRecord) -> str:
    kind = {"original": "on image", "background": "on background"}.get(image.get("kind", ""), "composite")
    return f"{kind} {image.get('source_id', image['id'])}"

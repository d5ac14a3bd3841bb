"""Results in the formats of other tools: one file per format, each ending with its record, and one line here."""

from empaste.exporting import coco, cvat, fiftyone, label_studio, lvis, voc, yolo
from empaste.exporting.format import Format

FORMATS: dict[str, Format] = {
    "coco": coco.FORMAT,
    "voc": voc.FORMAT,
    "yolo": yolo.FORMAT,
    "lvis": lvis.FORMAT,
    "cvat": cvat.FORMAT,
    "labelstudio": label_studio.FORMAT,
    "fiftyone": fiftyone.FORMAT,
}

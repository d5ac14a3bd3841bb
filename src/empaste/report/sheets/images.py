"""The training images with their labels."""

from empaste.report import drawing
from empaste.report.inputs import Run
from empaste.report.names import isolated
from empaste.report.sheets.panels import Group, Panel, Sheet


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

"""The training images with their labels."""

from empaste.report import drawing
from empaste.report.inputs import Run
from empaste.report.names import isolated
from empaste.report.sheets.panels import Facts, Group, Panel, Sheet


def image_sheet(run: Run) -> Sheet:
    """The training images with their labels."""
    panels = [_image_panel(run, image_id) for image_id in run.train_ids]
    guide = (
        "Training images, each with its number and its image-level labels: all that the method may learn from. The "
        "same images, under the same numbers, appear on the sheets below. Do the labels fit the pictures?"
    )
    return Sheet("images", "Images and labels", guide, [Group(panels)])


def _image_panel(run: Run, image_id: int) -> Panel:
    names = run.names_in(image_id)
    caption = f"{image_id} · {', '.join(map(isolated, names)) or 'no label'}"
    return Panel(drawing.enlarge(run.pixels(image_id)), caption, facts=Facts(names))

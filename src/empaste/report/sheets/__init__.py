"""One contact sheet per stage, of the same evenly spaced images, so that one image can be followed through all."""

from collections.abc import Callable

from empaste.report.inputs import Run
from empaste.report.sheets.backgrounds import background_sheet
from empaste.report.sheets.composites import composite_sheet
from empaste.report.sheets.detections import detection_sheet, mistake_sheet
from empaste.report.sheets.foregrounds import foreground_sheet
from empaste.report.sheets.images import image_sheet
from empaste.report.sheets.panels import Sheet
from empaste.report.sheets.proposals import proposal_sheet

BUILDERS: tuple[Callable[[Run], Sheet], ...] = (
    image_sheet,
    proposal_sheet,
    foreground_sheet,
    background_sheet,
    composite_sheet,
    detection_sheet,
    mistake_sheet,
)


def build_sheets(run: Run) -> list[Sheet]:
    """The sheets of all stages in the order of the pipeline."""
    return [build(run) for build in BUILDERS]

"""One's own images: a project for them, a look at them, and what a person decides on them."""

from pathlib import Path
from typing import Annotated

import typer


def init(
    name: Annotated[
        Path | None, typer.Argument(help="a new folder; with --update and --rescan: the project, default here")
    ] = None,
    images: Annotated[Path | None, typer.Option(help="folder of the images, and folders below")] = None,
    labels: Annotated[Path | None, typer.Option(help="CSV: file,label and perhaps split, a row per label")] = None,
    labels_from_folders: Annotated[
        bool, typer.Option("--labels-from-folders", help="an image has the label that its folder is called")
    ] = False,
    coco: Annotated[
        Path | None, typer.Option(help="COCO JSON, its images in --images or beside it; or a folder with both splits")
    ] = None,
    voc: Annotated[
        Path | None, typer.Option(help="folder of a VOC devkit; or of XML files, their images in --images")
    ] = None,
    update: Annotated[
        bool, typer.Option("--update", help="renew the pipeline of a project after another version was installed")
    ] = False,
    rescan: Annotated[
        bool,
        typer.Option("--rescan", help="take new images of a project into its labels, and drop those that are gone"),
    ] = False,
) -> None:
    """Make a project folder for your own images, ready for dvc repro: docs/begin.md."""
    from empaste.beginning.outcome import begin_project, rescan_project, update_project

    if update:
        update_project(name or Path(), (images, labels, labels_from_folders, coco, voc, rescan))
        return
    if rescan:
        rescan_project(name or Path(), labels, labels_from_folders, (images, coco, voc))
        return
    begin_project(name, images, labels, labels_from_folders, coco, voc)


def inspect(
    root: Annotated[Path | None, typer.Option(help="a data set; default: that of params.yaml")] = None,
    dataset: Annotated[str | None, typer.Option(help="its kind: folder (default), coco, voc")] = None,
    out: Annotated[Path, typer.Option(help="folder for index.html and findings.csv")] = Path("inspect"),
    max_images: Annotated[int, typer.Option(min=0, help="look at so many images, evenly spread; 0: all")] = 5000,
) -> None:
    """Look at a data set before a run: classes, sizes, duplicates, doubtful labels, small objects, costs."""
    from empaste.inspection.outcome import inspect as inspect_images

    inspect_images(root, dataset, out, max_images)


def review(
    port: Annotated[int, typer.Option(min=0, max=65535, help="port on this machine; 0: a free one")] = 0,
    open_browser: Annotated[bool, typer.Option("--open", help="open the page in the default browser")] = False,
) -> None:
    """Open a local page to judge foregrounds, mend their masks and correct labels: docs/review.md; until Ctrl-C."""
    from empaste.review.opening import serve_review

    serve_review(port, open_browser)

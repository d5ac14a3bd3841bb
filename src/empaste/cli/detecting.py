"""The trained detector at work: on images and videos, as a server, on the training images themselves."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from empaste.layout import HERE

CLASSIFIER_WEIGHT = 0.33
"""The say of a classifier that is named without its weight."""


def predict(
    source: Annotated[
        Path, typer.Argument(metavar="SOURCE", help="an image, a folder of images, a video, or a camera: camera:0")
    ],
    model: Annotated[Path, typer.Option(help="folder of a trained detector")] = HERE.detector,
    out: Annotated[Path, typer.Option(help="new folder for COCO files and overlays, or the video")] = Path(
        "predictions"
    ),
    min_score: Annotated[float, typer.Option(min=0, max=1, help="leave out detections below this score")] = 0.5,
    max_detections: Annotated[int, typer.Option(min=1, help="most detections per image")] = 100,
    batch_size: Annotated[int, typer.Option(min=1, help="images per batch")] = 4,
    num_threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: all cores")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps")] = "auto",
    every: Annotated[int, typer.Option(min=1, help="of a video or camera: look at every N-th frame")] = 1,
    max_frames: Annotated[int, typer.Option(min=0, help="of a video or camera: most frames to look at; 0: all")] = 0,
    classifier: Annotated[
        Path | None,
        typer.Option(help="folder of a trained classifier that has a say in the scores; default: the project's own"),
    ] = None,
    classifier_weight: Annotated[
        float | None,
        typer.Option(min=0, max=0.99, help="its say; default: evaluate.classifier_weight; 0: the detector alone"),
    ] = None,
) -> None:
    """Find instances in images, a video or a camera; write COCO results, and what was found drawn on the images.

    The project's own detector gets the scores that it was evaluated with. Ctrl-C ends a camera, and what was found is
    kept.
    """
    from empaste.detectors.detecting import DetectSettings
    from empaste.prediction import predict_files
    from empaste.videos import is_video

    opinion = _opinion(model, classifier, classifier_weight)
    settings = DetectSettings(min_score, max_detections, batch_size, num_threads, device, opinion)
    if is_video(source):
        _predict_video(source, model, out, settings, every=every, max_frames=max_frames)
        return
    done = predict_files(source, model, out, settings)
    print(f"{done.num_instances} instances in {done.num_images} images: {out}/results.json, {out}/overlays")
    for text in done.passed_over:
        print(f"passed over: {text}", file=sys.stderr)
    for trouble in done.failed:
        print(f"left out: {trouble}", file=sys.stderr)
    if done.failed:
        total = done.num_images + len(done.failed)
        print(f"{len(done.failed)} of {total} images failed; what the others show is written", file=sys.stderr)
        raise typer.Exit(1)


def _opinion(model: Path, classifier: Path | None, weight: float | None) -> Any:
    """The classifier that has a say in the scores, if one has: what is asked for, else what `evaluate` has asked."""
    from empaste.detectors.rescoring import SecondOpinion

    if weight is None and classifier:
        weight = CLASSIFIER_WEIGHT
    elif weight is None:
        weight = _weight_in_evaluation(model)
        if weight:
            print(f"{HERE.classifier} has a say of {weight:g} in the scores, as evaluate.classifier_weight says")
    return SecondOpinion(classifier or HERE.classifier, weight) if weight else None


def _weight_in_evaluation(model: Path) -> float:
    """What the scores of ``model`` were evaluated with; 0 for a detector that is not of the project in this folder."""
    from empaste.evaluation.settings import EvaluateSettings
    from empaste.settings import load_settings

    if model.resolve() != HERE.detector.resolve() or not HERE.params.exists():
        return 0.0
    return load_settings(HERE.params, "evaluate", EvaluateSettings).classifier_weight


def _predict_video(source: Path, model: Path, out: Path, settings: Any, *, every: int, max_frames: int) -> None:
    from empaste.video_prediction import VIDEO, predict_video

    done = predict_video(source, model, out, settings, every=every, max_frames=max_frames)
    print(f"{done.num_instances} instances in {done.num_frames} frames: {out}/{VIDEO}, {out}/results.json")
    if done.trouble:
        print(f"{done.trouble}; what was found before is written", file=sys.stderr)
        raise typer.Exit(1)


def pseudo_labels(
    out: Annotated[Path, typer.Argument(metavar="OUT.json", help="a new file, a COCO data set")],
    model: Annotated[Path, typer.Option(help="folder of a trained detector")] = HERE.detector,
    min_score: Annotated[float, typer.Option(min=0, max=1, help="leave out detections below this score")] = 0.7,
    min_best: Annotated[
        float, typer.Option(min=0, max=1, help="but keep the best detection of each image and label from this score on")
    ] = 0.2,
    per_class: Annotated[int, typer.Option(min=0, help="most instances per class, best first; 0: all")] = 0,
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    batch_size: Annotated[int, typer.Option(min=1, help="images per batch")] = 4,
    num_threads: Annotated[int, typer.Option(min=0, help="CPU threads; 0: all cores")] = 0,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, mps")] = "auto",
) -> None:
    """Write confident detections in the training images, of the classes of their labels, as a COCO file to paste."""
    from empaste.detectors.detecting import DetectSettings
    from empaste.pseudo_labels import MAX_DETECTIONS, write_pseudo_labels

    settings = DetectSettings(min_score, MAX_DETECTIONS, batch_size, num_threads, device)
    counts = write_pseudo_labels(out, model, images, labels, settings, min_best=min_best, per_class=per_class)
    for one in counts:
        print(
            f"{one.name}: {one.instances} instances; "
            f"{one.images_without} of {one.labelled_images} images of this label got none"
        )
    print(f"{sum(one.instances for one in counts)} instances: {out}")


def serve(
    model: Annotated[
        str | None,
        typer.Argument(help="of the MLflow store: models:/NAME/VERSION; default: the newest detector"),
    ] = None,
    host: Annotated[str, typer.Option(help="address to listen on")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=1, max=65535)] = 5001,
) -> None:
    """Serve a registered detector over HTTP, within bounds: docs/serving.md; until Ctrl-C."""
    from empaste.model_server import NEWEST, serve_model

    serve_model(model or NEWEST, host, port)

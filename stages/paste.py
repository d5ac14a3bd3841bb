"""``data/composites`` holds images with pasted foregrounds and annotations of exactly what is visible (EM-Paste §3)."""

from functools import partial
from pathlib import Path

import typer

from empaste.artifacts.outputs import whole_directory, write_json, write_whole
from empaste.artifacts.work import remove_work
from empaste.layout import HERE
from empaste.paste.data_set import make_composites
from empaste.paste.gathering import gather
from empaste.paste.settings import PasteSettings
from empaste.paste.summary import class_shares
from empaste.scaleout import map_items
from empaste.settings import load_settings
from stages.runner import stage


@stage("paste")
def main(
    images: Path = HERE.images,
    labels: Path = HERE.labels,
    segments: Path = HERE.segments,
    foregrounds: Path = HERE.foregrounds,
    refined: Path = HERE.refined,
    backgrounds: Path = HERE.backgrounds,
    ground_truth: Path = HERE.train_truth,
    out: Path = HERE.composites,
    metrics: Path = HERE.metrics / "paste.json",
    plot: Path = HERE.plots / "paste.csv",
    params: Path = HERE.params,
) -> None:
    """Paste foregrounds on the originals that hold some and on the selected backgrounds. Goes on where it stopped."""
    settings = load_settings(params, "paste", PasteSettings)
    places = HERE._replace(
        images=images, labels=labels, segments=segments, foregrounds=foregrounds, refined=refined,
        backgrounds=backgrounds, train_truth=ground_truth,
    )  # fmt: skip
    gathered = gather(settings, places, "paste", partial(map_items, what="cut out"))
    with whole_directory(out) as folder:
        summary = make_composites(folder, gathered, settings, partial(map_items, what="compose"))
    write_json(metrics, summary)
    write_whole(plot, class_shares(summary).to_csv(index=False, float_format="%.3f").encode())
    remove_work(gathered.work)


if __name__ == "__main__":
    typer.run(main)

"""Places without any object, drawn as the demo's images are: what an ideal text-to-image model would add to them.

    python -m benchmarks.empty_scenes /tmp/empty_scenes
    empaste study new_places --set backgrounds.root=/tmp/empty_scenes

The drawings are new places, so they show what backgrounds are worth that the originals do not hold. For measuring
only: a user's project has no such source.
"""

from pathlib import Path
from typing import Annotated

import typer
from tqdm import tqdm

from empaste.artifacts.outputs import write_whole
from empaste.datasets.demo import draw_empty_scene
from empaste.datasets.settings import PrepareSettings
from empaste.errors import InputError
from empaste.images import encode_rgb
from empaste.layout import HERE
from empaste.settings import load_settings


def main(
    folder: Annotated[Path, typer.Argument(help="a new folder")],
    number: Annotated[int, typer.Option(min=1, help="images")] = 1000,
) -> None:
    """Draw ``number`` empty scenes into ``folder``, of the demo's size and seed; `InputError` where it is there."""
    if folder.exists():
        raise InputError(f"{folder} is there; name a new folder, or remove it")
    settings = load_settings(HERE.params, "prepare", PrepareSettings)
    folder.mkdir(parents=True)
    for one in tqdm(range(1, number + 1), "drawing", unit="image"):
        image = draw_empty_scene(settings.seed, one, settings.image_size)
        write_whole(folder / f"{one:06d}.jpg", encode_rgb(image, ".jpg", 95))


if __name__ == "__main__":
    typer.run(main)

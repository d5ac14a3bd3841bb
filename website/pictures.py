"""The pictures of docs/method.md, made anew: ``python -m website.pictures``, after ``dvc repro`` of the demo."""

import io
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.paper_figures.figure import Wish
from empaste.paper_figures.writing import write_figures

ROWS = {"choice": 3, "iterations": 1, "space_maximize": 2, "contexts": 2}
"""The figures, and how many rows (of iterations: classes) each one has."""
WIDTH = 1100
MAX_BYTES = 150_000
QUALITIES = range(84, 39, -4)


def make_pictures(files: Layout, out: Path) -> None:
    """``out/method_NAME.jpg`` shows the figure NAME of the run in ``files``; `InputError` where one cannot be drawn."""
    for name, num in ROWS.items():
        with TemporaryDirectory() as folder:
            (outcome,) = write_figures([name], files, Path(folder), "png", Wish((), (), num, None))
            assert outcome.path  # a figure that was named is drawn, or was refused
            with Image.open(outcome.path) as picture:
                (out / f"method_{name}.jpg").write_bytes(shrink(picture))


def shrink(picture: Image.Image) -> bytes:
    """``picture``, `WIDTH` pixels wide, as a JPEG of the best quality of `QUALITIES` that fits into `MAX_BYTES`."""
    small = picture.convert("RGB").resize(
        (WIDTH, round(picture.height * WIDTH / picture.width)), Image.Resampling.LANCZOS
    )
    for quality in QUALITIES:
        stream = io.BytesIO()
        small.save(stream, "JPEG", quality=quality, optimize=True, progressive=True)
        if stream.tell() <= MAX_BYTES:
            return stream.getvalue()
    raise InputError(
        f"a picture of {small.width} × {small.height} pixels has over {MAX_BYTES:,} bytes; give it fewer rows"
    )


if __name__ == "__main__":
    make_pictures(HERE, Path("docs/assets"))

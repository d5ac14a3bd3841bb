"""``empaste report --against``: the run in the workspace beside that of an experiment, a branch or a commit."""

import tempfile
from pathlib import Path

from empaste.artifacts.outputs import write_whole
from empaste.artifacts.run_record import read_stages
from empaste.layout import HERE, Layout
from empaste.report.against import output_changes, read_side, render_comparison
from empaste.report.inputs import Side
from empaste.studies.experiments import fetch

COMPARED = ("images", "labels", "train_truth", "val_truth", "segments", "foregrounds", "detections")
"""The artifacts of a run that the page shows."""
WORKSPACE = "this run"


def compare(against: str, out: Path, num_images: int) -> None:
    """``out`` is the page that sets the run of the workspace beside that of the revision ``against``.

    Artifacts that both runs share by DVC's record are read in the workspace; the others of ``against`` come from DVC's
    cache, or from its remote. ``num_images`` of each sheet are shown. `InputError` where there is no such revision, or
    where an artifact is missing.
    """
    here = read_side(WORKSPACE, HERE, num_images)
    with tempfile.TemporaryDirectory(prefix="empaste-against-") as folder:
        there = read_side(against, _fetched(against, here, Path(folder)), num_images)
        page = render_comparison(here, there)
    out.parent.mkdir(parents=True, exist_ok=True)
    write_whole(out, page.encode())


def _fetched(rev: str, here: Side, folder: Path) -> Layout:
    """The run of ``rev``: what differs from the workspace's lies below ``folder``, the rest in the workspace."""
    there = fetch(rev, [HERE.params, HERE.lock, HERE.metrics], folder)
    differing = output_changes(here.stages, read_stages(there.lock))
    other = [name for name in COMPARED if str(getattr(HERE, name)) in differing]
    fetch(rev, [getattr(HERE, name) for name in other], folder)
    return HERE._replace(**{name: getattr(there, name) for name in (*other, "params", "lock", "metrics")})

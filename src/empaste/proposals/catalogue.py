"""What each proposal source learned from, and what it needs: for `empaste doctor` and docs/proposals.md.

The point of weak supervision is what nobody had to label, so a run is as weakly supervised as its proposals.
"""

import importlib.util
from typing import NamedTuple

from empaste.errors import DETECTRON2, install_command


class Source(NamedTuple):
    """One source; the name is that in the registry."""

    learned_from: str
    """What was labelled by people for it; "nothing" where nothing is learned."""
    speed: str
    """Milliseconds of one core per image of VOC's size as docs/proposals.md says they were measured; or "-"."""
    needs: tuple[str, ...] = ()
    """Packages, as they are imported, beyond the required ones."""
    install: str = ""
    """What installs them."""
    settings: tuple[str, ...] = ()
    """Parameters under ``proposals`` that only the user can set: folders, files, models."""


MATLAB, SEGMENTERS, GCA10 = map(install_command, ("matlab", "segmenters", "gca10"))

SOURCES: dict[str, Source] = {
    "entity_like": Source("nothing", "340"),
    "hierarchical": Source("nothing", "350"),
    "selective_search": Source("nothing", "560"),
    "felzenszwalb": Source("nothing", "290"),
    "slic": Source("nothing", "180"),
    "quickshift": Source("nothing", "530"),
    "gca10": Source("nothing", "600", ("maxflow",), GCA10),
    "mcg": Source("masks (BSDS500, VOC 2012 train)", "1300", ("h5py",), MATLAB, ("mcg.root",)),
    "cob": Source("masks (PASCAL-Context, VOC 2012 train)", "1300", ("h5py",), MATLAB, ("cob.root",)),
    "coco_results": Source("as the other program", "70", settings=("coco_results.file",)),
    "sam": Source("masks (SA-1B)", "-", ("transformers",), SEGMENTERS, ("sam.model",)),
    "sam2": Source("masks (SA-1B, SA-V)", "-", ("transformers",), SEGMENTERS, ("sam2.model",)),
    "sam3": Source("masks and phrases (SA-Co, SA-V)", "-", ("transformers",), SEGMENTERS, ("sam3.model",)),
    "mask2former": Source("masks and classes (COCO)", "-", ("transformers",), SEGMENTERS, ("mask2former.model",)),
    "entity": Source("masks (COCO panoptic)", "-", ("detectron2",), DETECTRON2, ("entity.config", "entity.weights")),
}
"""h5py is for files of MATLAB 7.3 alone; older ones are read without."""


def weightless() -> list[str]:
    """The sources that learned from nothing and whose packages are installed."""
    return [
        name
        for name, source in SOURCES.items()
        if source.learned_from == "nothing" and all(importlib.util.find_spec(package) for package in source.needs)
    ]

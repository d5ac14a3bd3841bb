"""What brings a data set: its published archives, their sizes, and the command that fetches and unpacks them."""

from typing import NamedTuple

from empaste.costs.scale import Counts

GB = 1e9
VOC_URL = "http://host.robots.ox.ac.uk/pascal/VOC/voc2012/VOCtrainval_11-May-2012.tar"
SBD_URL = "https://www2.eecs.berkeley.edu/Research/Projects/CS/vision/grouping/semantic_contours/benchmark.tgz"
COCO_URL = "http://images.cocodataset.org"
LISTS = "VOCdevkit/VOC2012/ImageSets/Segmentation"


class Archive(NamedTuple):
    """A file to download, and its size in bytes, as its publisher rounds it."""

    url: str
    size: float


class Fetch(NamedTuple):
    """What brings a data set: ``command`` in words, its archives, and the counts that its publishers state.

    Counts are None where the data are one's own.
    """

    command: str
    archives: tuple[Archive, ...] = ()
    published: Counts | None = None


TRAINAUG = (
    f"cat benchmark_RELEASE/dataset/train.txt benchmark_RELEASE/dataset/val.txt {LISTS}/train.txt | sort -u | "
    f"grep -vxFf {LISTS}/val.txt > {LISTS}/trainaug.txt"
)
"""The 10,582 images of trainaug: those of SBD and of VOC's train that do not validate."""

FETCH = {
    "voc": Fetch(
        f"run: wget {VOC_URL} && tar xf VOCtrainval_11-May-2012.tar; for trainaug's list and masks also: wget "
        f"{SBD_URL} && tar xf benchmark.tgz && {TRAINAUG}; then --set prepare.root=VOCdevkit",
        (Archive(VOC_URL, 2.0 * GB), Archive(SBD_URL, 1.4 * GB)),
        # Trainaug and val; the mean size of the archive's 17,125 images.
        Counts(10582, 1449, 15873, 20, 375, 500, 2.0 * GB / 17125),
    ),
    "coco": Fetch(
        f"run: wget {COCO_URL}/zips/train2017.zip {COCO_URL}/zips/val2017.zip "
        f"{COCO_URL}/annotations/annotations_trainval2017.zip && for zip in *2017.zip; do "
        "unzip -q $zip -d coco; done, then --set prepare.root=coco",
        (
            Archive(f"{COCO_URL}/zips/train2017.zip", 18 * GB),
            Archive(f"{COCO_URL}/zips/val2017.zip", 1 * GB),
            Archive(f"{COCO_URL}/annotations/annotations_trainval2017.zip", 0.241 * GB),
        ),
        Counts(118287, 5000, 343032, 80, 480, 640, 18 * GB / 118287),
    ),
    "folder": Fetch("add --set prepare.root=FOLDER, a folder with images/ and labels.csv in it (docs/inputs.md)"),
}
"""By data set. Labels per training image: 1.5 on VOC, 2.9 on COCO; sizes in pixels are the usual ones."""

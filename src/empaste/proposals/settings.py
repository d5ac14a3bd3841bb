"""The section ``proposals`` of ``params.yaml``."""

from typing import Annotated, Any, Literal, get_args

from pydantic import Field, model_validator

from empaste.errors import InputError
from empaste.settings import Count, Device, Fraction, NonNegative, Positive, PositiveFloat, Settings


class Felzenszwalb(Settings):
    """Graph-based superpixels (Felzenszwalb & Huttenlocher 2004), one set per scale."""

    scales: Annotated[list[PositiveFloat], Field(min_length=1)]
    sigma: NonNegative
    min_size: Positive


class Slic(Settings):
    """SLIC superpixels (Achanta et al. 2012), one set per number of segments."""

    num_segments: Annotated[list[Positive], Field(min_length=1)]
    compactness: PositiveFloat


class Quickshift(Settings):
    """Quickshift superpixels (Vedaldi & Soatto 2008), one set per largest distance."""

    max_distances: Annotated[list[PositiveFloat], Field(min_length=1)]
    kernel_size: PositiveFloat
    ratio: Fraction


class Hierarchical(Settings):
    """Superpixels merged through a region adjacency graph, every level kept."""

    scale: PositiveFloat
    sigma: NonNegative
    min_region: Fraction
    boundary_weight: NonNegative
    max_iou: Fraction


class EntityLike(Settings):
    """Selective search reduced to its best segments that differ."""

    max_iou: Fraction
    num_best: Positive


class SelectiveSearch(Settings):
    """Several segmentations, each merged under several likenesses, every merge kept."""

    scales: Annotated[list[PositiveFloat], Field(min_length=1)]
    sigma: NonNegative
    min_region: Fraction
    max_iou: Fraction


class Gca10(Settings):
    """Compact superpixels by energy minimisation (Veksler et al. 2010), one set per patch size."""

    max_side: Count
    patch_sizes: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    sigma: PositiveFloat
    num_sweeps: Positive


class PublishedFiles(Settings):
    """A folder of published .mat files, one per image."""

    root: str | None
    num_best: Positive


class CocoResults(Settings):
    """A file of COCO results."""

    file: str | None
    num_best: Positive


class Segmenter(Settings):
    """A pretrained network: hub name or local folder, and how it runs."""

    model: str | None
    max_side: Count
    num_threads: Count
    device: Device


class PromptedSegmenter(Segmenter):
    """SAM and its successors, asked at every point of a grid."""

    points_per_side: Positive
    points_per_batch: Positive
    min_quality: Fraction
    min_stability: Fraction
    max_box_iou: Fraction


class QuerySegmenter(Segmenter):
    """Mask2Former, each of its queries one segment."""

    min_score: Fraction


class EntityProject(Settings):
    """A detectron2 project: where it lies, its configuration and weights, and how it runs."""

    checkout: str | None
    packages: list[str]
    config: str | None
    weights: str | None
    min_score: Fraction
    max_side: Count
    num_threads: Count
    device: Device


class ProposalsSettings(Settings):
    """Class-agnostic segments per training image."""

    method: Literal[
        "hierarchical", "entity_like", "selective_search", "felzenszwalb", "slic", "quickshift",
        "gca10", "mcg", "cob", "coco_results", "sam", "sam2", "sam3", "mask2former", "entity",
    ]  # fmt: skip
    min_area: Fraction
    max_extent: Annotated[float, Field(gt=0)]
    max_segments: Positive
    max_side: Count
    hierarchical: Hierarchical
    entity_like: EntityLike
    selective_search: SelectiveSearch
    felzenszwalb: Felzenszwalb
    slic: Slic
    quickshift: Quickshift
    gca10: Gca10
    mcg: PublishedFiles
    cob: PublishedFiles
    coco_results: CocoResults
    sam: PromptedSegmenter
    sam2: PromptedSegmenter
    sam3: PromptedSegmenter
    mask2former: QuerySegmenter
    entity: EntityProject

    @model_validator(mode="after")
    def _source_where_needed(self) -> "ProposalsSettings":
        """A method that reads files of the user's is told where they are."""
        needed = {"mcg": ["root"], "cob": ["root"], "coco_results": ["file"], "entity": ["config", "weights"]}
        needed |= {method: ["model"] for method in ("sam", "sam2", "sam3", "mask2former")}
        for name in needed.get(self.method, []):
            if not getattr(getattr(self, self.method), name):
                key = f"{self.method}.{name}"
                raise ValueError(f"{key} is null, but method {self.method} needs it; set proposals.{key}")
        return self

    def options(self, method: str) -> dict[str, Any]:
        """The arguments of ``method``, and the ``max_side`` of those that have one of their own.

        Methods that make many segments are told early which would be dropped.
        """
        own: dict[str, Any] = getattr(self, method).model_dump()
        if method == "entity_like":
            own = self.selective_search.model_dump() | own
        if method in ("felzenszwalb", "slic", "quickshift"):
            own["min_area"] = self.min_area
        if method in ("hierarchical", "entity_like", "selective_search"):
            own |= {"min_area": self.min_area, "max_extent": self.max_extent}
        return own

    def source(self, method: str) -> dict[str, Any]:
        """What `propose_rows` wants to know to propose by ``method``; `InputError` where there is no such method."""
        known = get_args(type(self).model_fields["method"].annotation)
        if method not in known:
            raise InputError(f"proposals.method is {method!r}; choose from {', '.join(known)}")
        options = self.options(method)
        # Networks see more than superpixels need: a section of theirs has a size of its own.
        max_side = options.pop("max_side", self.max_side)
        shared = {name: getattr(self, name) for name in ("min_area", "max_extent", "max_segments")}
        return {"method": method, "options": options, "max_side": max_side, **shared}

"""``params.yaml``: one section per stage, read into a frozen, typed model; unknown keys and wrong values are refused.

A stage takes its own section and hands plain arguments to the library; no library function sees these models.
"""

import difflib
import re
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, TypeAdapter, ValidationError, model_validator
from pydantic_core import ErrorDetails

from empaste.errors import InputError

Fraction = Annotated[float, Field(ge=0, le=1)]
Percent = Annotated[float, Field(gt=0, le=100)]
Positive = Annotated[int, Field(ge=1)]
Count = Annotated[int, Field(ge=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Device = Literal["auto", "cpu", "cuda", "mps"]


Architecture = Literal[
    "resnet_slim", "resnet_slim_pooled", "resnet18", "resnet34", "resnet50", "resnet101",
    "mobilenet_v3_small", "mobilenet_v3_large",
    "efficientnet_b0", "efficientnet_b1", "efficientnet_b2", "efficientnet_b3", "efficientnet_b4",
    "efficientnet_v2_s", "efficientnet_v2_m", "convnext_tiny", "convnext_small", "convnext_base",
    "vit_b_16", "vit_b_32", "vit_l_16",
]  # fmt: skip


class Section(BaseModel):
    """What every section shares: frozen, strict types, no unknown key."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class LongTail(Section):
    """Class sizes that fall by a Pareto density."""

    max_size: Count
    min_size: Positive
    shape: PositiveFloat


class Prepare(Section):
    """The data set in use."""

    dataset: Literal["demo", "folder", "coco", "voc"]
    root: str | None
    seed: Count
    num_train: Positive
    num_val: Positive
    image_size: Annotated[int, Field(ge=64, le=1024)]
    max_side: Count
    val_fraction: Annotated[float, Field(gt=0, lt=1)]
    max_train: Count
    max_val: Count
    annotation_frame: Literal["auto", "upright", "stored"]
    long_tail: LongTail

    @model_validator(mode="after")
    def _root_where_needed(self) -> "Prepare":
        if self.dataset != "demo" and not self.root:
            raise ValueError(f"root is null, but dataset {self.dataset} is read from a folder; set prepare.root to it")
        return self

    @model_validator(mode="after")
    def _tail_falls(self) -> "Prepare":
        tail = self.long_tail
        if 0 < tail.max_size < tail.min_size:
            raise ValueError(
                f"long_tail.min_size is {tail.min_size}, more than long_tail.max_size, {tail.max_size}; lower it"
            )
        return self


class Classifier(Section):
    """The multi-label image classifier."""

    architecture: Architecture
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    weights: str | None
    image_size: Annotated[int, Field(ge=32)]
    epochs: Positive
    batch_size: Annotated[int, Field(ge=2)]
    learning_rate: PositiveFloat
    weight_decay: Annotated[float, Field(ge=0)]
    seed: Count
    num_threads: Count
    device: Device


class Felzenszwalb(Section):
    """Graph-based superpixels (Felzenszwalb & Huttenlocher 2004), one set per scale."""

    scales: Annotated[list[PositiveFloat], Field(min_length=1)]
    sigma: Annotated[float, Field(ge=0)]
    min_size: Positive


class Slic(Section):
    """SLIC superpixels (Achanta et al. 2012), one set per number of segments."""

    num_segments: Annotated[list[Positive], Field(min_length=1)]
    compactness: PositiveFloat


class Quickshift(Section):
    """Quickshift superpixels (Vedaldi & Soatto 2008), one set per largest distance."""

    max_distances: Annotated[list[PositiveFloat], Field(min_length=1)]
    kernel_size: PositiveFloat
    ratio: Fraction


class Hierarchical(Section):
    """Superpixels merged through a region adjacency graph, every level kept."""

    scale: PositiveFloat
    sigma: Annotated[float, Field(ge=0)]
    min_region: Fraction
    boundary_weight: Annotated[float, Field(ge=0)]
    max_iou: Fraction


class EntityLike(Section):
    """Selective search reduced to its best segments that differ."""

    max_iou: Fraction
    num_best: Positive


class SelectiveSearch(Section):
    """Several segmentations, each merged under several likenesses, every merge kept."""

    scales: Annotated[list[PositiveFloat], Field(min_length=1)]
    sigma: Annotated[float, Field(ge=0)]
    min_region: Fraction
    max_iou: Fraction


class Gca10(Section):
    """Compact superpixels by energy minimisation (Veksler et al. 2010), one set per patch size."""

    max_side: Count
    patch_sizes: Annotated[list[Annotated[float, Field(gt=0, le=1)]], Field(min_length=1)]
    sigma: PositiveFloat
    num_sweeps: Positive


class PublishedFiles(Section):
    """A folder of published .mat files, one per image."""

    root: str | None
    num_best: Positive


class CocoResults(Section):
    """A file of COCO results."""

    file: str | None
    num_best: Positive


class Segmenter(Section):
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


class EntityProject(Section):
    """A detectron2 project: where it lies, its configuration and weights, and how it runs."""

    checkout: str | None
    packages: list[str]
    config: str | None
    weights: str | None
    min_score: Fraction
    max_side: Count
    num_threads: Count
    device: Device


class Proposals(Section):
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
    def _source_where_needed(self) -> "Proposals":
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


class Cams(Section):
    """Grad-CAM per (image, class)."""

    keep: Literal["threshold", "top_percent"]
    threshold: Annotated[float, Field(gt=0, lt=1)]
    top_percent: Percent
    scales: Annotated[list[Annotated[float, Field(gt=0, le=8)]], Field(min_length=1)]
    flip: bool
    batch_size: Positive
    num_threads: Count
    device: Device


Weight = Annotated[float, Field(ge=0)]


class EvidenceWeights(Section):
    """How much each term of the evidence counts."""

    cam_overlap: Weight
    insertion: Weight
    deletion: Weight
    objectness: Weight
    frame: Weight


class EvidenceParams(Section):
    """What an image itself says of its segments."""

    fills: Annotated[list[Literal["blur", "gray"]], Field(min_length=1)]
    num_judged: Count
    weights: EvidenceWeights
    batch_size: Positive
    num_threads: Count
    device: Device


class Features(Section):
    """How a segment is shown, and to which networks."""

    backbones: Annotated[list[str], Field(min_length=1)]
    views: Annotated[list[Literal["crop", "in_place_gray", "in_place_blur"]], Field(min_length=1)]
    erosion: Count
    batch_size: Positive
    num_threads: Count
    device: Device


def _percent_or_schedule(value: object) -> object:
    """``value`` where it is a share in percent, or a list of such; said in one line, not one per alternative."""
    shares = value if isinstance(value, list) and value else [value]
    if any(isinstance(share, bool) or not isinstance(share, int | float) or not 0 < share <= 100 for share in shares):
        raise ValueError("write a number over 0 and up to 100, or a list with one per iteration such as [30, 50, 70]")
    return value


PercentOrSchedule = Annotated[float | list[float], BeforeValidator(_percent_or_schedule)]


class ForegroundsParams(Section):
    """F-EM."""

    initial: Literal["published", "crop", "evidence"]
    num_nearest: Positive
    iterations: Count
    keep_percent: PercentOrSchedule
    distance: Literal["mahalanobis", "relative_mahalanobis", "cosine", "centred_cosine"]
    covariance: Literal["ledoit_wolf", "oas", "identity_shrinkage", "pca_ledoit_wolf", "diagonal"]
    shrinkage: Fraction
    components: PositiveFloat
    normalise: bool
    evidence_weight: Annotated[float, Field(ge=0)]
    num_best: Count
    max_components: Positive
    max_instances: Positive
    instance_quantile: Fraction
    instance_overlap: Fraction
    min_prob: Fraction


class CaptionsParams(Section):
    """Captions of the training images."""

    method: Literal["labels", "blip", "git", "image_text_to_text", "file"]
    per_image: Positive
    fraction: Annotated[float, Field(gt=0, le=1)]
    model: str | None
    prompt: str | None
    max_tokens: Positive
    top_p: Annotated[float, Field(gt=0, le=1)]
    dtype: Literal["auto", "float32", "float16", "bfloat16"]
    file: str | None
    synonyms: str | None
    supercategories: dict[str, str]
    seed: Count
    batch_size: Positive
    device: Device

    @model_validator(mode="after")
    def _source_where_needed(self) -> "CaptionsParams":
        if self.method in ("blip", "git", "image_text_to_text") and not self.model:
            raise ValueError(f"model is null, but method {self.method} needs one; give a hub name or a local folder")
        if self.method == "file" and not self.file:
            raise ValueError("file is null, but method file reads captions from one; set captions.file to it")
        return self


class DiffusionParams(Section):
    """A text-to-image model of diffusers."""

    model: str | None
    dtype: Literal["auto", "float32", "float16", "bfloat16"]
    offload: Literal["none", "model", "sequential"]
    steps: Positive
    guidance: Annotated[float, Field(ge=0)]
    image_size: Annotated[int, Field(ge=64)]
    avoid_classes: bool


class ImageApiParams(Section):
    """A text-to-image endpoint that speaks OpenAI's protocol."""

    base_url: str
    model: str | None
    key_env: str | None
    size: str
    options: dict[str, str | int | float | bool]
    timeout: PositiveFloat
    max_concurrent: Positive
    price_per_image: Annotated[float, Field(ge=0)] | None
    max_cost: Annotated[float, Field(ge=0)] | None


class BackgroundsParams(Section):
    """Where the synthesised backgrounds come from."""

    method: Literal["none", "black", "random", "inpaint", "diffusion", "api"]
    root: str | None
    per_caption: Positive
    keep_per_caption: Positive
    selection: Literal["two_step", "caption"]
    clip_model: str | None
    presence_threshold: Fraction
    erase_prob: Fraction
    retries: Count
    seed: Count
    batch_size: Positive
    num_threads: Count
    device: Device
    diffusion: DiffusionParams
    api: ImageApiParams

    @model_validator(mode="after")
    def _consistent(self) -> "BackgroundsParams":
        if self.keep_per_caption > self.per_caption:
            raise ValueError(
                f"keep_per_caption is {self.keep_per_caption}, more than per_caption, {self.per_caption}; lower it"
            )
        if self.method == "random" and not self.root:
            raise ValueError("root is null, but method random takes images from a folder; set backgrounds.root to it")
        if self.method == "diffusion" and not self.diffusion.model:
            raise ValueError(
                "diffusion.model is null, but method diffusion needs one; give a hub name or a local folder"
            )
        if self.method == "api" and not self.api.model:
            raise ValueError("api.model is null, but method api needs one; give what the endpoint calls its model")
        return self


Blending = Literal["gaussian", "box_blur", "poisson", "none"]


def _number_or_range(value: object) -> object:
    """``value`` where it is a number to draw or a rising range of such; said in one line, not one per alternative."""
    numbers = value if isinstance(value, list) and len(value) == 2 else [value]
    if any(not isinstance(number, int) or isinstance(number, bool) or number < 1 for number in numbers):
        raise ValueError("write a whole number of 1 or more, or a rising range of two such as [1, 4]")
    return value


NumberOrRange = Annotated[int | list[int], BeforeValidator(_number_or_range)]


class Paste(Section):
    """The composites."""

    placement: Literal["random", "space_maximize", "mixed", "none"]
    foregrounds: Literal["fem", "step1", "gt", "gt_and_fem", "file"]
    foregrounds_file: str | None
    n_p: NumberOrRange
    selection: Literal["uniform", "balanced", "repeat_factor", "confidence"]
    repeat_threshold: Annotated[float, Field(gt=0, le=1)]
    confidence_temperature: PositiveFloat
    scale: Annotated[list[PositiveFloat], Field(min_length=2, max_length=2)]
    min_radius: Annotated[float, Field(ge=1)]
    rotation: Annotated[float, Field(ge=0, le=180)]
    flip: Fraction
    brightness: Annotated[list[PositiveFloat], Field(min_length=2, max_length=2)]
    blending: Annotated[list[Blending], Field(min_length=1)]
    blur_sigma: PositiveFloat
    duplicate_originals: Positive
    keep_originals: bool
    min_visible: Fraction
    min_pixels: Positive
    seed: Count
    jpeg_quality: Annotated[int, Field(ge=1, le=100)]

    @model_validator(mode="after")
    def _file_where_needed(self) -> "Paste":
        if self.foregrounds == "file" and not self.foregrounds_file:
            raise ValueError(
                "foregrounds_file is null, but foregrounds: file reads instances from one; set paste.foregrounds_file "
                "to it (empaste pseudo-labels writes one)"
            )
        return self

    @model_validator(mode="after")
    def _ranges_rise(self) -> "Paste":
        for name in ("scale", "n_p", "brightness"):
            value = getattr(self, name)
            if isinstance(value, list) and value[0] > value[1]:
                raise ValueError(f"{name} is {value}; a range rises: write [{value[1]}, {value[0]}]")
        return self


class Train(Section):
    """Mask R-CNN."""

    backend: Literal["torchvision", "detectron2"]
    architecture: Literal["resnet_slim", "resnet18", "resnet34", "resnet50", "resnet101"]
    heads: Literal["standard", "v2"]
    class_agnostic: bool
    width: Annotated[int, Field(ge=8, multiple_of=8)]
    weights: str | None
    image_size: Annotated[int, Field(ge=32)]
    iterations: Positive
    batch_size: Positive
    accumulate: Positive
    optimizer: Literal["adamw", "sgd"]
    learning_rate: PositiveFloat
    reference_batch: Count
    weight_decay: Annotated[float, Field(ge=0)]
    schedule: Literal["cosine", "steps"]
    warm_up: Fraction
    jitter: Annotated[list[PositiveFloat], Field(min_length=2, max_length=2)]
    precision: Literal["float32", "bfloat16", "float16"]
    compile: bool
    ema: Annotated[float, Field(ge=0, lt=1)]
    checkpoint_every: Positive
    seed: Count
    num_threads: Count
    num_workers: Count
    num_processes: Positive
    device: Device

    @model_validator(mode="after")
    def _range_rises(self) -> "Train":
        if self.jitter[0] > self.jitter[1]:
            raise ValueError(f"jitter is {self.jitter}; a range rises: write [{self.jitter[1]}, {self.jitter[0]}]")
        return self

    @model_validator(mode="after")
    def _parts_are_equal(self) -> "Train":
        parts = self.num_processes * self.accumulate
        if self.batch_size % parts:
            raise ValueError(
                f"batch_size is {self.batch_size}, which num_processes × accumulate ({self.num_processes} × "
                f"{self.accumulate}) does not divide; choose a multiple of {parts}"
            )
        return self


class Evaluate(Section):
    """Detections on the validation split, and their AP."""

    protocol: Literal["coco", "voc"]
    min_score: Fraction
    max_detections: Positive
    batch_size: Positive
    num_threads: Count
    device: Device


class Report(Section):
    """The page that a person opens."""

    num_images: Positive


class Params(Section):
    """All of ``params.yaml``."""

    prepare: Prepare
    classifier: Classifier
    proposals: Proposals
    cams: Cams
    evidence: EvidenceParams
    features: Features
    foregrounds: ForegroundsParams
    captions: CaptionsParams
    backgrounds: BackgroundsParams
    paste: Paste
    train: Train
    evaluate: Evaluate
    report: Report


MAX_ALIASES = 20
"""References (``*name``) in a YAML file: more of them, nested, spell more values than any memory holds."""
MAX_BYTES = 2**20
"""Bytes of a YAML file: fifty times those of the shipped parameters."""
MAX_MISFITS = 20
MAX_SHOWN = 80
"""Misfits that an error lists, and letters of a value that it shows."""


MERGE = "tag:yaml.org,2002:merge"
"""The key ``<<``, which takes the keys of another mapping over."""


class _Loader(yaml.SafeLoader):
    """PyYAML, but for numbers such as 1e-05, which is how DVC writes them: YAML 1.1 takes them for text.

    A value that holds itself, references beyond `MAX_ALIASES`, and a key that stands twice are refused.
    """

    def __init__(self, stream: str) -> None:
        super().__init__(stream)
        self.open_anchors: list[str | None] = []
        self.num_aliases = 0

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        """The next node, as PyYAML composes it."""
        event = self.peek_event()
        if isinstance(event, yaml.AliasEvent):
            self.num_aliases += 1
            if event.anchor in self.open_anchors or self.num_aliases > MAX_ALIASES:
                raise yaml.YAMLError(f"*{event.anchor} spells a value without end")
            return super().compose_node(parent, index)
        self.open_anchors.append(getattr(event, "anchor", None))
        node = super().compose_node(parent, index)
        self.open_anchors.pop()
        return node

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping, as PyYAML constructs it; a key that stands twice is refused, where PyYAML takes the last."""
        lines: dict[str, int] = {}
        for key, _ in node.value:
            line = key.start_mark.line + 1
            if key.tag != MERGE and (first := lines.setdefault(str(key.value), line)) != line:
                raise yaml.YAMLError(f"the key {key.value} stands in line {first} and again in line {line}")
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float", re.compile(r"[-+]?\d+(\.\d*)?[eE][-+]?\d+$"), [*"-+0123456789"]
)


def parse_yaml(text: str) -> Any:
    """The content of the YAML ``text``; `yaml.YAMLError` where it is none."""
    try:
        return yaml.load(text, _Loader)
    except (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError) as error:
        raise yaml.YAMLError(f"a value is none of its kind, or too deep ({error})") from error


def compose_yaml(text: str) -> yaml.Node | None:
    """The nodes of the YAML ``text``, which `parse_yaml` reads, with their places in it."""
    return yaml.compose(text, _Loader)


def read_yaml(path: Path, remedy: str) -> Any:
    """The content of the YAML file at ``path``; `InputError`, which ends with ``remedy``, where it cannot be read."""
    try:
        return parse_yaml(read_text(path, remedy))
    except yaml.YAMLError as error:
        raise InputError(f"{path} is not valid YAML: {error}; {remedy}") from error


def read_text(path: Path, remedy: str) -> str:
    """The text of the file at ``path``; `InputError`, which ends with ``remedy``, where it cannot be read."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise InputError(f"{path} has {path.stat().st_size:,} bytes; allowed are {MAX_BYTES:,}; {remedy}")
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise InputError(f"{path} does not exist; run from the top of the repository") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); {remedy}") from error
    except UnicodeDecodeError as error:
        raise InputError(f"{path} is not text in UTF-8 ({error}); {remedy}") from error


def load_params(path: Path) -> Params:
    """The validated content of ``path``; `InputError` lists every misfit with key, value, what is allowed."""
    remedy = f"correct it, or restore it with: git checkout {path}"
    content = read_yaml(path, remedy)
    if not isinstance(content, dict):
        raise InputError(f"{path} holds no sections but {_shown(content)}; {remedy}")
    try:
        return Params.model_validate(content)
    except ValidationError as error:
        misfits = [_explain(path, detail) for detail in error.errors()]
        more = [f"and {len(misfits) - MAX_MISFITS} more"] if len(misfits) > MAX_MISFITS else []
        raise InputError("\n".join(misfits[:MAX_MISFITS] + more)) from error


def _shown(value: Any) -> str:
    """``value`` as an error shows it: in Python's form, cut off where it is long."""
    form = repr(value)
    return form if len(form) <= MAX_SHOWN else f"{form[:MAX_SHOWN]}…"


def _explain(path: Path, detail: ErrorDetails) -> str:
    """One line for one misfit: file, key, value, what is allowed, next step."""
    key = ".".join(str(part) for part in detail["loc"])
    value, message = _shown(detail["input"]), detail["msg"].removeprefix("Value error, ")
    if detail["type"] == "missing":
        return f"{path}: {key} is missing; add it (the shipped params.yaml has it with a comment)"
    if detail["type"] == "extra_forbidden":
        return f"{path}: {key} is {value}, but there is no such parameter; {_near_names(detail['loc'])}"
    if detail["type"] == "literal_error":
        return f"{path}: {key} is {value}; choose from {detail['ctx']['expected'].replace(' or ', ', ')}"
    if detail["type"] == "value_error":
        return f"{path}: {key} is {value}; {message}" if len(detail["loc"]) > 1 else f"{path}: {key}.{message}"
    return f"{path}: {key} is {value}; {message[0].lower()}{message[1:]}; correct it and run again"


def _near_names(location: tuple[int | str, ...]) -> str:
    """What may have been meant, and what there is."""
    model: Any = Params
    for part in location[:-1]:
        model = model.model_fields[part].annotation
    names = list(model.model_fields)
    near = difflib.get_close_matches(str(location[-1]), names, 1)
    return (f"did you mean {near[0]}? " if near else "") + f"allowed here: {', '.join(names)}"


def takes(key: str, value: Any) -> bool:
    """Whether ``value`` is of a kind that the parameter ``key`` (dotted) takes; any is where there is no such one."""
    model: Any = Params
    *sections, name = key.split(".")
    for section in sections:
        field = getattr(model, "model_fields", {}).get(section)
        model = field.annotation if field else None
    field = getattr(model, "model_fields", {}).get(name)
    if field is None:
        return True
    try:
        TypeAdapter(field.annotation).validate_python(value, strict=True)
    except ValidationError:
        return False
    return True

"""One strict schema per table; checked when a table is written and when it is read.

Keys are ``image_id``, ``segment_id`` and ``class_id`` everywhere. Ids are the data set's own where it has some (COCO),
else counted from 1. Pixel coordinates have their origin at the upper left corner of the image.
"""

import pandera.pandas as pa
from pandera.typing.pandas import Series


class Table(pa.DataFrameModel):
    """What all tables share: no unknown column, no silent conversion."""

    class Config:
        strict = True
        coerce = False
        ordered = True


class Images(Table):
    """``data/images/images.parquet``: one row per image, in order of id; ``file_name`` is relative to its directory."""

    image_id: Series[int] = pa.Field(unique=True)
    split: Series[str] = pa.Field(isin=["train", "val"])
    file_name: Series[str] = pa.Field(unique=True)
    height: Series[int] = pa.Field(ge=1)
    width: Series[int] = pa.Field(ge=1)


class Classes(Table):
    """``data/labels/classes.parquet``: the classes, in the order of the classifier's outputs."""

    class_id: Series[int] = pa.Field(unique=True, ge=1)
    name: Series[str] = pa.Field(unique=True)
    supercategory: Series[str]


class Labels(Table):
    """``data/labels/labels.parquet``: one row per (image, class present in it), both splits, in order."""

    image_id: Series[int]
    class_id: Series[int]

    class Config(Table.Config):
        unique = ["image_id", "class_id"]


class Segments(Table):
    """``data/segments/segments.parquet``: class-agnostic proposals of the training images, by (image, segment).

    ``segment_id`` counts from 0 through the table, so that it is the row of ``data/features`` too. ``counts`` is the
    COCO RLE of an image of ``height`` × ``width``; ``area`` in pixels; ``x, y, box_width, box_height`` the tight box;
    ``score`` the method's own ranking, higher is better.
    """

    segment_id: Series[int] = pa.Field(unique=True, ge=0)
    image_id: Series[int]
    counts: Series[str]
    height: Series[int]
    width: Series[int]
    area: Series[int] = pa.Field(ge=1)
    x: Series[int] = pa.Field(ge=0)
    y: Series[int] = pa.Field(ge=0)
    box_width: Series[int] = pa.Field(ge=1)
    box_height: Series[int] = pa.Field(ge=1)
    score: Series[float]


class Cams(Table):
    """``data/cams/cams.parquet``: one row per (training image, class present), row-aligned with ``heatmaps.npy``.

    ``centre_x, centre_y``: centre of gravity of the thresholded map in image pixels, NaN where ``cam_empty``.
    """

    image_id: Series[int]
    class_id: Series[int]
    prob: Series[float] = pa.Field(ge=0, le=1)
    centre_x: Series[float] = pa.Field(nullable=True)
    centre_y: Series[float] = pa.Field(nullable=True)
    cam_empty: Series[bool]

    class Config(Table.Config):
        unique = ["image_id", "class_id"]


class Evidence(Table):
    """``data/evidence/evidence.parquet``: one row per (training image, class present, segment), in this order.

    Terms as in `empaste.evidence.scoring`: soft overlap with the class's heat map, share of the image's frame, the
    proposal source's score, and the rise and fall of the class's logit with the segment
    alone and without it (NaN where not ``judged`` in place). ``score`` joins them, higher is better; segments that were
    not judged come last.
    """

    image_id: Series[int]
    class_id: Series[int]
    segment_id: Series[int]
    cam_overlap: Series[float] = pa.Field(ge=0)
    frame_share: Series[float] = pa.Field(ge=0)
    objectness: Series[float]
    insertion: Series[float] = pa.Field(nullable=True)
    deletion: Series[float] = pa.Field(nullable=True)
    judged: Series[bool]
    score: Series[float]

    class Config(Table.Config):
        unique = ["image_id", "class_id", "segment_id"]


class Foregrounds(Table):
    """``data/foregrounds/{iter_0 … iter_J, pool}.parquet``: the chosen segment per (image, class).

    ``iter_0`` is Step 1, ``iter_j`` the choice after the j-th EM iteration, ``pool`` the last choice without those
    under the least probability. ``distance`` to the class statistics that chose it (for ``iter_0``: pixels from the
    CAM's centre; NaN where none), ``prob`` the classifier's probability of the class, ``inlier`` whether the M-step
    that follows keeps it, ``cam_empty`` whether Step 1 went by the classifier alone. ``instance`` counts from 0 within
    an (image, class), over 0 in the pool alone; ``confidence`` is how sure the choice of the segment is.
    """

    image_id: Series[int]
    class_id: Series[int]
    segment_id: Series[int]
    distance: Series[float] = pa.Field(nullable=True)
    prob: Series[float] = pa.Field(ge=0, le=1)
    inlier: Series[bool]
    cam_empty: Series[bool]
    instance: Series[int] = pa.Field(ge=0)
    confidence: Series[float] = pa.Field(ge=0, le=1)

    class Config(Table.Config):
        unique = ["image_id", "class_id", "segment_id"]


class Captions(Table):
    """``data/captions/captions.parquet``: captions as written and as substituted, per training image."""

    caption_id: Series[int] = pa.Field(unique=True, ge=0)
    image_id: Series[int]
    text: Series[str]
    substituted: Series[str]


class Backgrounds(Table):
    """``data/backgrounds/backgrounds.parquet``: one row per candidate; shards hold ``file_name`` of the selected ones.

    ``caption_id`` is -1 where the generator used no caption. ``clip_score`` and ``target_score`` are CLIP's similarity
    to the caption and to the likest target class, NaN where nothing was scored; ``presence_prob`` is the classifier's
    highest class probability and ``presence_class_id`` its class. ``dropped_by`` is empty for the selected ones.
    """

    background_id: Series[int] = pa.Field(unique=True, ge=0)
    image_id: Series[int]
    caption_id: Series[int]
    prompt: Series[str]
    file_name: Series[str]
    height: Series[int] = pa.Field(ge=1)
    width: Series[int] = pa.Field(ge=1)
    clip_score: Series[float] = pa.Field(nullable=True)
    target_score: Series[float] = pa.Field(nullable=True)
    presence_class_id: Series[int]
    presence_prob: Series[float] = pa.Field(ge=0, le=1)
    selected: Series[bool]
    dropped_by: Series[str] = pa.Field(isin=["", "presence", "selection"])


class BackgroundFailures(Table):
    """``data/backgrounds/failures.parquet``: one row per image that was asked for and did not come, and why."""

    image_id: Series[int]
    caption_id: Series[int]
    prompt: Series[str]
    attempts: Series[int] = pa.Field(ge=1)
    reason: Series[str]

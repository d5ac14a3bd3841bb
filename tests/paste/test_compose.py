"""Annotations are exactly what is visible."""

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.masks import decode_mask, encode_mask, mask_box_xywh
from empaste.paste import BLENDINGS, PLACEMENTS
from empaste.paste import compose as composing
from empaste.paste.blending import HALF, blend_ring
from empaste.paste.compose import Composite, EncodedComposite, Unreadable, compose, compose_encoded, paste_on
from empaste.paste.foregrounds import Foreground
from empaste.paste.pool import Canvas
from empaste.paste.warping import Layer, warp
from tests.paste.scenes import SETTINGS, blob, changed, colour_of, paint, pool_of


def shown(composite: Composite) -> dict[int, np.ndarray]:
    """The pixels of each foreground, by the colours of the image alone."""
    ids = {annotation["segment_id"] for annotation in composite.annotations}
    return {source_id: (composite.image == colour_of(source_id)).all(axis=2) for source_id in ids}


def annotated(composite: Composite) -> dict[int, np.ndarray]:
    """The same by the annotations; a foreground that is there several times counts as one."""
    masks: dict[int, np.ndarray] = {}
    for annotation in composite.annotations:
        mask = decode_mask(annotation["segmentation"])
        masks[annotation["segment_id"]] = masks.get(annotation["segment_id"], np.zeros_like(mask)) | mask
    return masks


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    num_own=st.integers(1, 4),
    placement=st.sampled_from(["random", "space_maximize"]),
    scale=st.sampled_from([[0.1, 0.4], [0.6, 1.0], [1.0, 3.0]]),
    rotation=st.sampled_from([0.0, 30.0, 180.0]),
)
def test_annotations_are_the_colours_of_the_image(
    seed: int, num_own: int, placement: str, scale: list[float], rotation: float
) -> None:
    rng = np.random.default_rng(seed)
    size_hw = int(rng.integers(12, 60)), int(rng.integers(12, 60))
    with tempfile.TemporaryDirectory() as folder:
        first = paint(Path(folder) / "1.png", 1, [blob(rng, size_hw) for _ in range(num_own)])
        other = paint(Path(folder) / "2.png", 2, [blob(rng, (40, 50))])
        options = changed(placement=placement, scale=scale, rotation=rotation, seed=seed)
        composite = compose(first, pool_of(Path(folder) / "pool", [first, other]), options)
    truth, masks = shown(composite), annotated(composite)
    # A cutout of the original itself shows what lay on it, so its colours are not its own alone; the second's are.
    if num_own == 1:
        assert all(np.array_equal(truth[key], masks[key]) for key in masks)
    total = np.zeros(size_hw, int)
    for annotation in composite.annotations:
        mask = decode_mask(annotation["segmentation"])
        total += mask
        assert annotation["area"] == mask.sum() > 0
        assert annotation["bbox"] == list(mask_box_xywh(mask))
    assert total.max(initial=0) <= 1
    assert np.array_equal(total.astype(bool), composite.image.any(axis=2))


def painted_by_pixels(
    background: Canvas, layers: list[Layer], size_hw: tuple[int, int], blending: str
) -> tuple[dict[int, set[tuple[int, int]]], list[int]]:
    """What an independent renderer shows, which pastes numbers pixel by pixel.

    A ring of old surroundings shows no number. The pixels (y, x) of the n-th object that was painted, counted from 0,
    and how many pixels each had before anything hid it.
    """
    shown: dict[tuple[int, int], int] = {}
    sizes = []
    masks = [decode_mask(foreground.mask_rle) for foreground in background.own]
    placed = [(0, 0, mask) for mask in masks] + [(layer.x, layer.y, layer.coverage >= HALF) for layer in layers]
    for number, (left, top, mask) in enumerate(placed):
        sizes.append(0)
        if number >= len(masks) and blending == "ring":
            seen = layers[number - len(masks)].on(size_hw)[1]
            hidden = blend_ring(seen.colour, seen.colour, seen.coverage, 1.0).hidden if seen.mask.any() else seen.mask
            assert hidden is not None
            for y, x in zip(*np.nonzero(hidden), strict=True):
                shown.pop((int(y) + seen.y, int(x) + seen.x), None)
        for y, x in zip(*np.nonzero(mask), strict=True):
            sizes[-1] += 1
            if 0 <= y + top < size_hw[0] and 0 <= x + left < size_hw[1]:
                shown[int(y) + top, int(x) + left] = number
    pixels: dict[int, set[tuple[int, int]]] = {number: set() for number in range(len(placed))}
    for place, number in shown.items():
        pixels[number].add(place)
    return pixels, sizes


def noting(layers: list[Layer]) -> Callable[..., Layer]:
    """`warp`, which keeps what it returns in ``layers`` too."""

    def warp_and_note(*args: Any) -> Layer:
        layers.append(warp(*args))
        return layers[-1]

    return warp_and_note


@settings(max_examples=80, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    num_own=st.integers(0, 3),
    n_p=st.integers(1, 6),
    placement=st.sampled_from(["random", "space_maximize", "mixed"]),
    blending=st.sampled_from(sorted(BLENDINGS)),
    scale=st.sampled_from([[0.05, 0.4], [0.6, 1.0], [1.0, 3.0]]),
    flip=st.sampled_from([0.0, 1.0]),
    min_visible=st.sampled_from([0.0, 0.3, 0.9]),
    min_pixels=st.sampled_from([1, 16]),
    void=st.booleans(),
)
def test_annotations_equal_an_independent_renderer_of_numbers(
    seed: int, num_own: int, n_p: int, placement: str, blending: str, scale: list[float], flip: float,
    min_visible: float, min_pixels: int, void: bool,
) -> None:  # fmt: skip
    rng = np.random.default_rng(seed)
    size_hw = int(rng.integers(12, 60)), int(rng.integers(12, 60))
    options = changed(seed=seed, n_p=n_p, placement=placement, scale=scale,
                     blending=[blending], min_visible=min_visible, min_pixels=min_pixels, flip=flip,
                     rotation=180.0, brightness=[0.5, 1.5])  # fmt: skip
    layers: list[Layer] = []
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.setattr(composing, "warp", noting(layers))
        background = paint(
            Path(folder) / "1.png", 1, [blob(rng, size_hw) for _ in range(num_own)] or [blob(rng, size_hw)]
        )
        background = background._replace(own=background.own[:num_own])
        if void:
            background = background._replace(void=(encode_mask(blob(rng, size_hw)),))
        other = paint(Path(folder) / "2.png", 2, [blob(rng, (40, 50)), blob(rng, (40, 50))])
        composite = compose(background, pool_of(Path(folder) / "pool", [other]), options)
    pixels, sizes = painted_by_pixels(background, layers, size_hw, blending)
    kept = [n for n in pixels if len(pixels[n]) >= max(1, min_pixels, min_visible * sizes[n])]
    assert composite.num_dropped == len(pixels) - len(kept)
    assert len(composite.annotations) == len(kept)
    for number, annotation in zip(kept, composite.annotations, strict=True):
        ys, xs = np.nonzero(decode_mask(annotation["segmentation"]))
        assert set(zip(ys.tolist(), xs.tolist(), strict=True)) == pixels[number]
        assert annotation["area"] == len(pixels[number])
        left, top = min(x for _, x in pixels[number]), min(y for y, _ in pixels[number])
        right, bottom = max(x for _, x in pixels[number]), max(y for y, _ in pixels[number])
        assert annotation["bbox"] == [left, top, right - left + 1, bottom - top + 1]
        assert annotation["source"] == ("original" if number < num_own else "pasted")


@pytest.mark.parametrize(("quality", "factor"), [(75, 0x22), (89, 0x22), (90, 0x11), (100, 0x11)])
def test_high_quality_keeps_colour_in_full(tmp_path: Path, quality: int, factor: int) -> None:
    own = paint(tmp_path / "1.png", 1, [blob(np.random.default_rng(0), (60, 60))])._replace(pasted_on=False)
    composite = compose_encoded(own, tmp_path, changed(jpeg_quality=quality))
    assert isinstance(composite, EncodedComposite)
    frame = composite.jpeg.index(b"\xff\xc0")  # the header of the frame: its 12th byte is how brightness is sampled
    assert composite.jpeg[frame + 11] == factor


def test_an_unreadable_background_is_no_composite_but_a_reason(tmp_path: Path) -> None:
    missing = Canvas("background", 1, 0, tmp_path / "missing.jpg", (), True)
    assert compose_encoded(missing, tmp_path, SETTINGS) == Unreadable(
        f"{tmp_path}/missing.jpg does not exist; run: dvc repro"
    )


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_space_maximize_covers_no_void(seed: int) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        own = paint(Path(folder) / "1.png", 1, [blob(rng, (70, 80))])
        region = blob(rng, (70, 80))
        own = own._replace(void=(encode_mask(region),))
        options = changed(placement="space_maximize", n_p=9, rotation=180.0, seed=seed)
        composite = compose(own, pool_of(Path(folder) / "pool", [own]), options)
    pasted = [decode_mask(one["segmentation"]) for one in composite.annotations if one["source"] == "pasted"]
    assert not any((mask & region).any() for mask in pasted)


def test_void_belongs_to_no_instance_but_what_lies_on_it_does(tmp_path: Path) -> None:
    mask, region = np.zeros((30, 40), bool), np.zeros((30, 40), bool)
    mask[5:20, 5:20], region[10:30, 10:40] = True, True
    own = paint(tmp_path / "1.png", 1, [mask])._replace(pasted_on=False, void=(encode_mask(region),))
    composite = compose(own, tmp_path, SETTINGS)
    assert [np.array_equal(decode_mask(one["segmentation"]), mask) for one in composite.annotations] == [True]
    assert composite.void is not None
    assert np.array_equal(decode_mask(composite.void), region & ~mask)
    assert compose(own._replace(void=()), tmp_path, SETTINGS).void is None


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_what_is_pasted_on_void_is_void_no_longer(seed: int) -> None:
    rng = np.random.default_rng(seed)
    with tempfile.TemporaryDirectory() as folder:
        own = paint(Path(folder) / "1.png", 1, [blob(rng, (70, 80))])
        own = own._replace(void=(encode_mask(np.ones((70, 80), bool)),))
        options = changed(placement="random", n_p=3, blending=["none"], seed=seed, min_visible=0.0, min_pixels=1)
        composite = compose(own, pool_of(Path(folder) / "pool", [own]), options)
    known = np.zeros((70, 80), bool)
    for one in composite.annotations:
        known |= decode_mask(one["segmentation"])
    assert composite.void is not None
    assert np.array_equal(decode_mask(composite.void), ~known)


def test_mixed_draws_one_placement_per_image(tmp_path: Path) -> None:
    write_rgb(tmp_path / "empty.png", np.zeros((60, 60, 3), np.uint8))
    pool = pool_of(tmp_path / "pool", [paint(tmp_path / "1.png", 1, [np.ones((20, 20), bool)])])
    options = changed(n_p=3, scale=[0.3, 0.3], rotation=0.0, placement="mixed")
    filled = 0
    for k in range(40):
        composite = compose(Canvas("background", k, 0, tmp_path / "empty.png", (), True), pool, options)
        widths = {one["bbox"][2] for one in composite.annotations}
        assert max(widths) <= 7 or max(widths) >= 40
        filled += max(widths) >= 40
    assert 10 <= filled <= 30


def test_placements_given_take_the_place_of_the_registrys(tmp_path: Path) -> None:
    own = paint(tmp_path / "1.png", 1, [np.ones((20, 20), bool)])
    pool = pool_of(tmp_path / "pool", [own])
    image = np.zeros((60, 60, 3), np.uint8)
    background = Canvas("background", 1, 0, tmp_path / "1.png", (), True)
    assert paste_on(image.copy(), background, pool, SETTINGS).annotations
    assert not paste_on(image, background, pool, SETTINGS, {"random": PLACEMENTS["none"]}).annotations
    assert not image.any()


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_a_flipped_object_is_its_mirror_image(tmp_path: Path, flip: float) -> None:
    mask = np.zeros((40, 50), bool)
    mask[:, :10] = mask[30:] = True
    [annotation] = alone(tmp_path, mask, (90, 90), rotation=0.0, scale=[1.0, 1.0], flip=flip, seed=2).annotations
    x, y, width, height = annotation["bbox"]
    found = decode_mask(annotation["segmentation"])[y : y + height, x : x + width]
    upper = found[: height // 2]
    assert upper[:, :8].all() == (flip == 0)
    assert upper[:, -8:].all() == (flip == 1)
    assert annotation["area"] == pytest.approx(mask.sum(), rel=0.05)


def test_brightness_multiplies_the_colours_and_leaves_the_mask(tmp_path: Path) -> None:
    plain = alone(tmp_path / "a", np.ones((20, 20), bool), (60, 60), seed=4)
    dark = alone(tmp_path / "b", np.ones((20, 20), bool), (60, 60), seed=4, brightness=[0.5, 0.5])
    assert plain.annotations == dark.annotations
    inside = decode_mask(plain.annotations[0]["segmentation"])
    assert np.allclose(dark.image[inside], plain.image[inside] / 2, atol=1)
    assert not dark.image[~inside].any()


@pytest.mark.parametrize("blending", ["gaussian", "box_blur"])
def test_beside_the_object_and_its_soft_edge_nothing_changes(tmp_path: Path, blending: str) -> None:
    write_rgb(tmp_path / "b.png", np.random.default_rng(0).integers(0, 256, (80, 90, 3), np.uint8))
    pool = pool_of(tmp_path / "pool", [paint(tmp_path / "1.png", 1, [np.ones((25, 25), bool)])])
    background = Canvas("background", 1, 0, tmp_path / "b.png", (), True)
    composite = compose(background, pool, changed(n_p=1, blending=[blending], blur_sigma=1.5))
    inside = decode_mask(composite.annotations[0]["segmentation"]).astype(np.uint8)
    beside = cv2.dilate(inside, np.ones((11, 11), np.uint8)) == 0
    assert np.array_equal(composite.image[beside], background.read_rgb()[beside])


def alone(folder: Path, mask: np.ndarray, size_hw: tuple[int, int], **changes: Any) -> Composite:
    """One object of ``mask``, pasted once on an empty image of ``size_hw``."""
    folder.mkdir(exist_ok=True)
    pool = pool_of(folder / "pool", [paint(folder / "1.png", 1, [mask])])
    write_rgb(folder / "empty.png", np.zeros((*size_hw, 3), np.uint8))
    empty = Canvas("background", 1, 0, folder / "empty.png", (), True)
    return compose(empty, pool, changed(n_p=1, **changes))


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_a_quarter_of_an_object_hangs_over_the_edge_at_most(seed: int) -> None:
    rng = np.random.default_rng(seed)
    mask = np.zeros((40, 40), bool)
    mask[:, :4] = mask[36:, :] = True
    with tempfile.TemporaryDirectory() as folder:
        composite = alone(Path(folder), mask, tuple(rng.integers(30, 90, 2)), seed=seed, rotation=0.0, scale=[1.0, 1.0])
    whole = mask.sum() if composite.image.shape[0] >= 40 <= composite.image.shape[1] else 0
    [annotation] = composite.annotations
    assert annotation["area"] >= 0.75 * whole


@pytest.mark.parametrize("scale", [0.11, 0.25, 0.3, 0.5, 0.77, 1.0, 2.5])
@pytest.mark.parametrize("rotation", [0.0, 90.0])
def test_scale_is_of_the_native_size(tmp_path: Path, scale: float, rotation: float) -> None:
    mask = np.zeros((100, 130), bool)
    mask[20:80, 10:110] = True
    composite = alone(tmp_path, mask, (800, 900), scale=[scale, scale], rotation=rotation, seed=3)
    [annotation] = composite.annotations
    assert annotation["area"] == pytest.approx(6000 * scale**2, rel=0.05, abs=15)
    if rotation == 0:
        assert annotation["bbox"][2:] == pytest.approx([100 * scale, 60 * scale], abs=1.5)


def test_an_object_larger_than_the_image_is_shrunk_to_it(tmp_path: Path) -> None:
    composite = alone(tmp_path, np.ones((300, 200), bool), (30, 50), scale=[1.0, 1.0], rotation=0.0)
    [annotation] = composite.annotations
    assert annotation["area"] >= 0.75 * 30 * 20
    assert annotation["area"] <= 31 * 21


@pytest.mark.parametrize("placement", PLACEMENTS)
@pytest.mark.parametrize("blending", BLENDINGS)
@pytest.mark.parametrize("size_hw", [(1, 1), (3, 200), (40, 50)])
def test_extreme_objects_and_images(tmp_path: Path, placement: str, blending: str, size_hw: tuple[int, int]) -> None:
    pixel, frame, line = np.zeros((30, 30), bool), np.ones((30, 30), bool), np.zeros((30, 30), bool)
    pixel[0, 29], frame[1:-1, 1:-1], line[15] = True, False, True
    originals = [paint(tmp_path / f"{k}.png", k, [mask]) for k, mask in enumerate((pixel, frame, line), start=1)]
    pool = pool_of(tmp_path / "pool", originals)
    write_rgb(tmp_path / "b.png", np.full((*size_hw, 3), 9, np.uint8))
    background = Canvas("background", 1, 0, tmp_path / "b.png", (), True)
    for seed in range(4):
        options = changed(placement=placement, blending=[blending], n_p=[1, 9], seed=seed)
        composite = compose(background, pool, options)
        assert composite.image.shape == (*size_hw, 3)
        assert all(0 < annotation["area"] <= size_hw[0] * size_hw[1] for annotation in composite.annotations)


def test_holes_stay_holes(tmp_path: Path) -> None:
    mask = np.ones((41, 41), bool)
    mask[15:26, 15:26] = False
    composite = alone(tmp_path, mask, (60, 60), scale=[1.0, 1.0], rotation=0.0, seed=1, placement="space_maximize")
    x, y, width, height = map(int, composite.annotations[0]["bbox"])
    assert not decode_mask(composite.annotations[0]["segmentation"])[y + height // 2, x + width // 2]
    assert not composite.image[y + height // 2, x + width // 2].any()


def test_space_maximize_covers_nothing_that_is_there(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    first = paint(tmp_path / "1.png", 1, [blob(rng, (120, 150))])
    pool = pool_of(tmp_path / "pool", [first])
    options = changed(placement="space_maximize", n_p=50, rotation=180.0, min_visible=1.0)
    composite = compose(first, pool, options)
    # None is hidden at all, and the fifty that were asked for end where the room does.
    assert composite.num_dropped == 0
    assert 2 < len(composite.annotations) < 50


def covering(folder: Path, left_visible: int) -> Composite:
    """An instance 100 pixels wide, of which another covers all but ``left_visible`` columns."""
    under, over = np.zeros((10, 120), bool), np.zeros((10, 120), bool)
    under[:, :100], over[:, left_visible:] = True, True
    background = paint(folder / "1.png", 1, [under, over])._replace(pasted_on=False)
    return compose(background, folder / "no pool", changed(min_visible=0.1, min_pixels=16))


def test_an_instance_of_which_a_tenth_is_visible_stays_and_with_less_it_goes(tmp_path: Path) -> None:
    assert [one["segment_id"] for one in covering(tmp_path, 10).annotations] == [10, 11]
    gone = covering(tmp_path, 9)
    assert [one["segment_id"] for one in gone.annotations] == [11]
    assert gone.num_dropped == 1


def test_an_instance_of_under_sixteen_pixels_is_dropped(tmp_path: Path) -> None:
    for pixels, kept in ((15, 0), (16, 1)):
        mask = np.zeros((4, 20), bool)
        mask[0, :pixels] = True
        background = paint(tmp_path / "1.png", 1, [mask])._replace(pasted_on=False)
        assert len(compose(background, tmp_path, changed(min_pixels=16)).annotations) == kept


def test_what_hangs_over_the_edge_counts_as_invisible(tmp_path: Path) -> None:
    sizes = set()
    for seed in range(20):
        composite = alone(tmp_path / str(seed), np.ones((20, 20), bool), (40, 40), seed=seed, rotation=0.0,
                          scale=[1.0, 1.0], min_visible=0.999)  # fmt: skip
        sizes |= {one["area"] for one in composite.annotations}
    # Between pixels a square may lose or gain a corner pixel by rounding; one that hangs over by a pixel loses twenty.
    assert sizes <= {399, 400, 401}


def test_annotations_say_where_they_come_from(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    own = paint(tmp_path / "1.png", 1, [blob(rng, (60, 60))])
    pool = pool_of(tmp_path / "pool", [paint(tmp_path / "2.png", 2, [blob(rng, (30, 30))])])
    composite = compose(own, pool, changed(n_p=1))
    assert [(one["source"], one["segment_id"], one["category_id"]) for one in composite.annotations] == [
        ("original", 10, 1), ("pasted", 20, 1)
    ]  # fmt: skip


def test_placement_none_leaves_the_original_as_it_is(tmp_path: Path) -> None:
    own = paint(tmp_path / "1.png", 1, [blob(np.random.default_rng(0), (60, 60))])
    composite = compose(own, tmp_path / "no pool", changed(placement="none"))
    assert np.array_equal(composite.image, own.read_rgb())
    assert composite.annotations[0]["segmentation"] == own.own[0].mask_rle


def test_draws_hang_on_the_seed_and_the_item_alone(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    item = paint(tmp_path / "1.png", 1, [blob(rng, (60, 60))])
    pool = pool_of(tmp_path / "pool", [item])
    options = changed(blending=["gaussian", "poisson", "none"], placement="space_maximize", n_p=[1, 4])
    images = {
        compose(one, pool, how).image.tobytes()
        for one, how in [
            (item, options), (item, options), (item._replace(copy=1), options),
            (item, options.model_copy(update={"seed": 1})),
            (item._replace(kind="background"), options), (item._replace(source_id=2), options),
        ]
    }  # fmt: skip
    assert len(images) == 5


def test_a_number_is_exact_and_a_range_is_drawn_from_to_its_ends(tmp_path: Path) -> None:
    size_hw = (400, 400)
    write_rgb(tmp_path / "empty.png", np.zeros((*size_hw, 3), np.uint8))
    pool = pool_of(tmp_path / "pool", [paint(tmp_path / "1.png", 1, [np.ones((20, 20), bool)])])
    empty = Canvas("background", 0, 0, tmp_path / "empty.png", (), True)
    for bounds in ((3, 3), (1, 4)):
        options = changed(n_p=list(bounds))
        composites = (compose(empty._replace(source_id=k), pool, options) for k in range(40))
        assert {len(one.annotations) + one.num_dropped for one in composites} == set(range(bounds[0], bounds[1] + 1))


def test_a_list_of_blendings_draws_one_per_image(tmp_path: Path) -> None:
    write_rgb(tmp_path / "empty.png", np.zeros((60, 60, 3), np.uint8))
    pool = pool_of(tmp_path / "pool", [paint(tmp_path / "1.png", 1, [np.ones((30, 30), bool)])])
    options = changed(n_p=1, blending=["gaussian", "none"], rotation=0.0, scale=[1.0, 1.0])
    hard = 0
    for k in range(40):
        image = compose(Canvas("background", k, 0, tmp_path / "empty.png", (), True), pool, options).image
        hard += len(np.unique(image.reshape(-1, 3), axis=0)) == 2
    assert 10 <= hard <= 30


@pytest.mark.parametrize("blending", ["none", "gaussian", "box_blur"])
def test_an_outline_mixed_with_the_old_background_makes_no_halo(tmp_path: Path, blending: str) -> None:
    # A black disc on white, as a lens draws it: pixels on its outline are gray. On black it must not show.
    large = np.full((400, 400, 3), 255, np.uint8)
    cv2.circle(large, (203, 198), 150, (0, 0, 0), -1)
    image = cv2.resize(large, (50, 50), interpolation=cv2.INTER_AREA)
    write_rgb(tmp_path / "1.png", image)
    own = (Foreground(1, 1, 5, "segment_id", encode_mask(image[..., 0] < 128)),)
    pool = pool_of(tmp_path / "pool", [Canvas("original", 1, 0, tmp_path / "1.png", own, True)])
    write_rgb(tmp_path / "black.png", np.zeros((80, 80, 3), np.uint8))
    for seed in range(10):
        options = changed(blending=[blending], scale=[0.3, 1.5], rotation=180.0, seed=seed)
        composite = compose(Canvas("background", 1, 0, tmp_path / "black.png", (), True), pool, options)
        assert composite.annotations
        assert composite.image.max() <= 1


def test_no_old_background_comes_along(tmp_path: Path) -> None:
    # A white object from a black image, pasted on white, must not show: no dark fringe, at any scale or angle.
    image, mask = np.zeros((50, 50, 3), np.uint8), np.zeros((50, 50), np.uint8)
    cv2.circle(mask, (25, 25), 18, 1, -1)
    image[mask > 0] = 255
    write_rgb(tmp_path / "1.png", image)
    own = (Foreground(1, 1, 5, "segment_id", encode_mask(mask.astype(bool))),)
    pool = pool_of(tmp_path / "pool", [Canvas("original", 1, 0, tmp_path / "1.png", own, True)])
    write_rgb(tmp_path / "white.png", np.full((80, 80, 3), 255, np.uint8))
    for seed in range(10):
        options = changed(blending=["gaussian"], scale=[0.2, 1.5], rotation=180.0, seed=seed, blur_sigma=2.0)
        composite = compose(Canvas("background", 1, 0, tmp_path / "white.png", (), True), pool, options)
        assert composite.annotations
        assert composite.image.min() >= 254


def test_an_unreadable_background_is_named(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"not a jpeg")
    with pytest.raises(InputError, match=r"broken\.jpg is not a readable image"):
        compose(Canvas("background", 1, 0, tmp_path / "broken.jpg", (), True), tmp_path, SETTINGS)


def test_own_masks_of_another_size_are_refused(tmp_path: Path) -> None:
    background = paint(tmp_path / "1.png", 1, [np.ones((4, 5), bool)])
    write_rgb(tmp_path / "1.png", np.zeros((5, 4, 3), np.uint8))
    with pytest.raises(InputError, match=r"1\.png is 5 × 4 .* segment_id 10 4 × 5; run: dvc repro"):
        compose(background, tmp_path, changed(placement="none"))

"""Each rule chooses from counts and hardware alone, and says why; what it chooses is what the stages take."""

from dataclasses import replace
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste.beginning.choices import choose, choose_presets, val_fraction
from empaste.beginning.found import Found
from empaste.beginning.machine import Machine
from empaste.beginning.pipeline_files import preset_values
from empaste.params import takes

FOUND = Found(1000, 250, {"cat": 600, "dog": 400}, 1024, 0, splits_drawn=False)
LAPTOP = Machine(2, None, 0.0, imagenet=True, contours=True)
SERVER = Machine(16, "H200", 140.0, imagenet=True, contours=True)


cached_values = cache(preset_values)


def chosen(found: Found = FOUND, machine: Machine = LAPTOP, dataset: str = "folder") -> dict[str, object]:
    values = cached_values(choose_presets(dataset, found, machine).names)
    return {one.key: one.value for one in choose(dataset, "dataset", found, machine, values)}


@pytest.mark.parametrize(
    ("dataset", "train", "machine", "names"),
    [
        ("folder", 1000, LAPTOP, ("photos",)),
        ("coco", 100_000, LAPTOP, ("photos",)),
        ("folder", 1000, replace(LAPTOP, imagenet=False), ("photos_scratch",)),
        ("folder", 100_000, SERVER, ("photos_gpu",)),
        ("folder", 1000, replace(SERVER, imagenet=False), ("photos_scratch", "gpu")),
        ("coco", 4999, SERVER, ("photos_gpu",)),
        ("coco", 5000, SERVER, ("coco",)),
        ("voc", 5000, SERVER, ("voc",)),
    ],
)
def test_the_preset_follows_from_kind_size_and_machine(
    dataset: str, train: int, machine: Machine, names: tuple[str, ...]
) -> None:
    assert choose_presets(dataset, replace(FOUND, train=train), machine).names == names


@pytest.mark.parametrize("machine", [LAPTOP, SERVER])
def test_the_reason_says_what_is_learned_from_beside_labels(machine: Machine) -> None:
    assert "learned from people's outlines (BSDS500; image-level" in choose_presets("folder", FOUND, machine).why
    without = choose_presets("folder", FOUND, replace(machine, contours=False)).why
    assert without.endswith("; ImageNet's weights are installed; nothing is downloaded")


def test_what_the_preset_is_made_for_changes_nothing() -> None:
    assert chosen() == {"prepare.dataset": "folder", "prepare.root": "dataset"}


def test_few_images_get_fewer_steps_and_more_passes() -> None:
    few = chosen(replace(FOUND, train=200, val=50, splits_drawn=True))
    assert few["train.iterations"] == 300
    many = chosen(replace(FOUND, train=10_000))
    assert many["train.iterations"] == 2400
    assert "refine.iterations" not in few | many, "a hundred steps did for 215 images and for 1,075"
    scratch = replace(LAPTOP, imagenet=False)
    assert chosen(replace(FOUND, train=200, val=50, splits_drawn=True), scratch)["classifier.epochs"] == 160
    assert chosen(replace(FOUND, train=10_000), scratch)["classifier.epochs"] == 20


def test_a_classifier_that_stays_as_its_probe_is_trained_for_no_size_of_the_data_set() -> None:
    for train in (200, 1000, 10_000):
        assert "classifier.epochs" not in chosen(replace(FOUND, train=train, val=50, splits_drawn=True))


def test_squares_are_no_larger_than_the_images() -> None:
    small = chosen(replace(FOUND, longest_side=130))
    assert (small["classifier.image_size"], small["train.image_size"], small["refine.image_size"]) == (160, 160, 160)
    assert not any(key.endswith("image_size") for key in chosen(replace(FOUND, longest_side=5000)))


@pytest.mark.parametrize(("smallest", "folds"), [(3, 1), (4, 2), (9, 2), (10, None)])
def test_folds_follow_the_smallest_class(smallest: int, folds: int | None) -> None:
    assert chosen(replace(FOUND, images_per_class={"cat": 500, "dog": smallest})).get("foregrounds.folds") == folds


@pytest.mark.parametrize(("images", "share"), [(10, 0.3), (99, 0.3), (100, 0.2), (4999, 0.2), (5000, 0.1)])
def test_more_of_few_images_validate(images: int, share: float) -> None:
    assert val_fraction(images) == share


def test_the_machine_decides_on_threads_batches_and_contours() -> None:
    cores = chosen(machine=replace(LAPTOP, cores=16))
    assert {value for key, value in cores.items() if key.endswith("num_threads")} == {8}
    assert "paste.num_threads" not in cores
    small = chosen(machine=replace(SERVER, gpu_gib=4.0, cores=4))
    assert (small["train.accumulate"], small["train.num_workers"]) == (2, 4)
    bare = chosen(machine=replace(LAPTOP, contours=False))
    keys = ("proposals.selective_search.contours", "cams.contours", "refine.contours")
    assert [bare[key] for key in keys] == [None, None, None]
    assert bare["cams.follow_edges"] is False


@pytest.mark.parametrize(("gib", "parts"), [(80.0, None), (24.0, 2), (8.0, 4), (0.1, 16)])
def test_the_papers_recipe_keeps_its_steps_and_sizes_and_fits_the_gpu(gib: float, parts: int | None) -> None:
    recipe = chosen(replace(FOUND, train=10_582), replace(SERVER, gpu_gib=gib), "voc")
    assert recipe.keys() <= {"prepare.dataset", "prepare.root", "train.accumulate"}
    assert recipe.get("train.accumulate") == parts


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 10**6), st.integers(1, 10**5), st.integers(1, 20_000), st.integers(1, 128),
    st.sampled_from([None, "GPU"]), st.booleans(), st.booleans(),
)  # fmt: skip
def test_any_choice_is_one_that_the_parameter_takes(
    train: int, smallest: int, side: int, cores: int, gpu: str | None, imagenet: bool, contours: bool
) -> None:
    found = Found(train, max(1, train // 4), {"cat": min(smallest, train)}, side, 0, splits_drawn=True)
    machine = Machine(cores, gpu, 4.0 if gpu else 0.0, imagenet, contours)
    for key, value in chosen(found, machine).items():
        assert takes(key, value), (key, value)

"""The contract of every generator, and what each one alone promises."""

import pickle
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest

from empaste.backgrounds import GENERATORS, IN_PROCESS, random_folder
from empaste.backgrounds.scenes import NO_CAPTION, Scene
from empaste.errors import InputError
from empaste.images import write_rgb
from empaste.params import BackgroundsParams


@pytest.fixture
def options(tmp_path: Path, tiny_diffusion: Path) -> dict[str, Any]:
    folder = tmp_path / "folder" / "deeper"
    folder.mkdir(parents=True)
    for number in range(4):
        write_rgb(folder / f"{number}.jpg", np.random.default_rng(number).integers(0, 255, (70, 90, 3), np.uint8))
    return {
        "per_caption": 2, "seed": 5, "root": str(tmp_path / "folder"), "model": str(tiny_diffusion), "steps": 2,
        "guidance": 7.5, "image_size": 64, "batch_size": 3, "device": "cpu",
    }  # fmt: skip


def images_of(generate: Any, scenes: list[Scene]) -> list[np.ndarray]:
    return [candidate.image for scene in scenes for candidate in generate(scene).candidates]


@pytest.mark.parametrize("method", GENERATORS)
def test_contract(method: str, options: dict[str, Any], scenes: list[Scene]) -> None:
    generate = GENERATORS[method](**options)
    made = [generate(scene) for scene in scenes]
    for scene, of_scene in zip(scenes, made, strict=True):
        ids = [candidate.caption_id for candidate in of_scene.candidates]
        assert ids in ([NO_CAPTION] * 2, [caption_id for caption_id, _ in scene.captions for _ in range(2)])
        for candidate in of_scene.candidates:
            assert candidate.image.dtype == np.uint8 and candidate.image.ndim == 3
            if candidate.caption_id == NO_CAPTION:
                assert candidate.image.shape == (scene.height, scene.width, 3)
            else:
                assert candidate.prompt == dict(scene.captions)[candidate.caption_id]
    alone = images_of(GENERATORS[method](**options | {"batch_size": 1}), scenes[1:2])
    for image, same in zip(alone, images_of(generate, scenes[1:2]), strict=True):
        # Another batch may change the last bit of a float, and with it one level of a pixel.
        assert np.abs(image.astype(int) - same).max() <= 1
    if method != "black":
        others = images_of(GENERATORS[method](**options | {"seed": 6}), scenes)
        assert any(not np.array_equal(a, b) for a, b in zip(images_of(generate, scenes), others, strict=True))
    if method not in IN_PROCESS:
        again = images_of(pickle.loads(pickle.dumps(generate)), scenes)
        assert all(np.array_equal(a, b) for a, b in zip(images_of(generate, scenes), again, strict=True))


def test_params_and_registry_name_the_same_methods() -> None:
    assert set(get_args(BackgroundsParams.model_fields["method"].annotation)) == {"none", *GENERATORS}


def test_random_crops_what_covers_the_scene() -> None:
    image = np.zeros((10, 40, 3), np.uint8)
    image[:, :, 0] = np.arange(40)
    cut = random_folder.crop(image, 20, 30, np.random.default_rng(0))
    assert cut.shape == (20, 30, 3)
    assert np.ptp(cut[0, :, 0]) == pytest.approx(15, abs=1)  # doubled, so 30 columns span 15 of the original's
    assert random_folder.crop(np.zeros((1, 1, 3), np.uint8), 5, 7, np.random.default_rng(0)).shape == (5, 7, 3)


def test_random_names_the_folder_and_the_file(tmp_path: Path, scenes: list[Scene]) -> None:
    with pytest.raises(InputError, match=r"backgrounds.root is '.*nowhere', which is no folder"):
        random_folder.generator(per_caption=1, seed=0, root=str(tmp_path / "nowhere"))
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(InputError, match="holds no image"):
        random_folder.generator(per_caption=1, seed=0, root=str(empty))
    (empty / "broken.jpg").write_bytes(b"no image")
    with pytest.raises(InputError, match=r"broken.jpg is not a readable image .*remove it"):
        random_folder.generator(per_caption=1, seed=0, root=str(empty))(scenes[0])


def test_random_repeats_only_where_there_are_too_few(tmp_path: Path, scenes: list[Scene]) -> None:
    for number in range(3):
        write_rgb(tmp_path / f"folder{number}.png", np.full((48, 64, 3), 50 * number, np.uint8))
    files = random_folder.image_files(tmp_path)
    files = tuple(path for path in files if path.name.startswith("folder"))
    drawn = random_folder.make(scenes[0], 3, 0, files).candidates
    assert sorted(int(candidate.image[0, 0, 0]) for candidate in drawn) == [0, 50, 100]
    assert len(random_folder.make(scenes[0], 5, 0, files).candidates) == 5


def test_gray_and_16_bit_files_are_read_as_a_person_sees_them(tmp_path: Path, scenes: list[Scene]) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((48, 64), 51400, np.uint16))
    made = random_folder.make(scenes[0], 1, 0, (tmp_path / "deep.png",))
    assert (made.candidates[0].image == 200).all()

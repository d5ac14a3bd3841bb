"""The contract of every generator, and what each one alone promises."""

import json
import pickle
from pathlib import Path
from typing import Any, get_args

import cv2
import numpy as np
import pytest
from PIL import Image

from empaste.backgrounds import GENERATORS, open_source, random_folder
from empaste.backgrounds.scenes import NO_CAPTION, Scene, Source, is_blank
from empaste.backgrounds.settings import BackgroundsSettings
from empaste.errors import InputError
from empaste.images import write_rgb
from tests.backgrounds.settings import settings_with


@pytest.fixture
def options(tmp_path: Path, tiny_diffusion: Path, painters: Any, api_options: dict[str, Any]) -> dict[str, Any]:
    folder = tmp_path / "folder" / "deeper"
    folder.mkdir(parents=True)
    for number in range(4):
        write_rgb(folder / f"{number}.jpg", np.random.default_rng(number).integers(0, 255, (70, 90, 3), np.uint8))
    return {
        "per_caption": 2, "retries": 1, "seed": 5, "root": str(tmp_path / "folder"), "batch_size": 3, "device": "cpu",
        "diffusion": {
            "model": str(tiny_diffusion), "dtype": "auto", "offload": "none", "steps": 2, "guidance": 7.5,
            "image_size": 64, "avoid_classes": True,
        },
        "api": api_options | {"base_url": painters(["b64"]).base_url},
    }  # fmt: skip


def source_of(method: str, options: dict[str, Any]) -> Source:
    return open_source(settings_with(method=method, **options), ["dog", "sofa"], map)


def images_of(source: Source, scenes: list[Scene]) -> list[np.ndarray]:
    return [candidate.image for made in source.make(scenes) for candidate in made.candidates]


@pytest.mark.parametrize("method", GENERATORS)
def test_contract(method: str, options: dict[str, Any], scenes: list[Scene], tmp_path: Path) -> None:
    source = source_of(method, options)
    source.begin(12, tmp_path / "kept")
    made = list(source.make(scenes))
    for scene, of_scene in zip(scenes, made, strict=True):
        assert not of_scene.failures
        ids = [candidate.caption_id for candidate in of_scene.candidates]
        assert ids in ([NO_CAPTION] * 2, [caption_id for caption_id, _ in scene.captions for _ in range(2)])
        for candidate in of_scene.candidates:
            assert candidate.image.dtype == np.uint8
            assert candidate.image.ndim == 3
            if candidate.caption_id == NO_CAPTION:
                assert candidate.image.shape == (scene.height, scene.width, 3)
            else:
                assert candidate.prompt == dict(scene.captions)[candidate.caption_id]
    alone = images_of(source_of(method, options | {"batch_size": 1}), scenes[1:2])
    for image, same in zip(alone, [one.image for one in made[1].candidates], strict=True):
        # Another batch may change the last bit of a float, and with it one level of a pixel.
        assert np.abs(image.astype(int) - same).max() <= 1
    if method not in ("black", "api"):
        others = images_of(source_of(method, options | {"seed": 6}), scenes)
        assert any(not np.array_equal(a, b) for a, b in zip(images_of(source, scenes), others, strict=True))
    if GENERATORS[method].pure:
        again = images_of(pickle.loads(pickle.dumps(source)), scenes)
        assert all(np.array_equal(a, b) for a, b in zip(images_of(source, scenes), again, strict=True))


def test_params_and_registries_name_the_same_methods() -> None:
    assert set(get_args(BackgroundsSettings.model_fields["method"].annotation)) == {"none", *GENERATORS}
    assert all(name == one.name for name, one in GENERATORS.items())


def test_what_a_jpeg_left_of_black_is_blank() -> None:
    image = np.random.default_rng(0).integers(0, 4, (8, 8, 3)).astype(np.uint8)
    assert is_blank(image)
    assert is_blank(np.full((1, 1, 3), 200, np.uint8))
    image[0, 0] = 40
    assert not is_blank(image)


def test_random_crops_what_covers_the_scene() -> None:
    image = np.zeros((10, 40, 3), np.uint8)
    image[:, :, 0] = np.arange(40)
    cut = random_folder.crop(image, 20, 30, np.random.default_rng(0))
    assert cut.shape == (20, 30, 3)
    assert np.ptp(cut[0, :, 0]) == pytest.approx(15, abs=1)  # doubled, so 30 columns span 15 of the original's
    assert random_folder.crop(np.zeros((1, 1, 3), np.uint8), 5, 7, np.random.default_rng(0)).shape == (5, 7, 3)


def opened(folder: Path, **changes: Any) -> Source:
    options: dict[str, Any] = {"per_caption": 1, "retries": 1, "seed": 0, "root": str(folder)}
    return random_folder.open_source(settings_with(**options | changes), ["dog", "tvmonitor"])


def test_random_names_the_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"backgrounds.root is '.*nowhere', which is no folder"):
        opened(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="holds no image"):
        opened(tmp_path / "empty")


def test_what_cannot_be_read_is_replaced_or_listed(tmp_path: Path, scenes: list[Scene]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "broken.jpg").write_bytes(b"no image")
    (made,) = opened(folder).make(scenes[:1])
    (failure,) = made.failures
    assert failure.attempts == 2
    assert "broken.jpg is not a readable image (its kind is none of" in failure.reason
    for number in range(20):
        write_rgb(folder / f"{number}.png", np.full((48, 64, 3), number, np.uint8))
    several = list(opened(folder, retries=3).make([scene for scene in scenes for _ in range(40)]))
    assert all(len(one.candidates) == 1 and not one.failures for one in several)


def test_a_folders_photographs_are_read_as_training_reads_them(
    tmp_path: Path, scenes: list[Scene], capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "folder"
    (folder / ".thumbnails").mkdir(parents=True)
    layer = np.full((48, 64, 4), 90, np.uint8)
    layer[..., 3] = 0
    Image.fromarray(layer).save(folder / "clear.webp", lossless=True)
    Image.fromarray(layer[..., :3]).save(folder / ".thumbnails/1.png")
    (folder / "2.heic").touch()
    (folder / "3.NEF").touch()
    (made,) = opened(folder).make(scenes[:1])
    assert (made.candidates[0].image == 255).all()
    assert not made.failures
    told = capsys.readouterr().err
    assert "WARNING: backgrounds.root: 2 photographs of kinds that are not read are left out" in told
    assert "2.heic" in told


@pytest.mark.parametrize("kind", ["csv", "coco"])
def test_images_that_their_labels_give_a_target_class_are_refused(tmp_path: Path, kind: str) -> None:
    (tmp_path / "images").mkdir()
    for name in ("a", "b", "c", "d"):
        write_rgb(tmp_path / "images" / f"{name}.png", np.zeros((8, 8, 3), np.uint8))
    if kind == "csv":
        (tmp_path / "labels.csv").write_text("file,label\na.png,Dog\nb.png,tree; TV\nc.png,tree\n")
    else:
        content = {
            "images": [{"id": id_, "file_name": f"{name}.png"} for id_, name in enumerate("abcd")],
            "annotations": [{"image_id": 0, "category_id": 18}, {"image_id": 1, "category_id": 72},
                            {"image_id": 2, "category_id": 1}],
            "categories": [{"id": 18, "name": "dog"}, {"id": 72, "name": "tv"}, {"id": 1, "name": "tree"}],
        }  # fmt: skip
        (tmp_path / "annotations").mkdir()
        (tmp_path / "annotations" / "instances.json").write_text(json.dumps(content))
    usable = random_folder.usable_files(tmp_path, ["dog", "tvmonitor"])
    assert [path.stem for path in usable.files] == ["c", "d"]
    assert usable.num_refused == 2
    assert opened(tmp_path).counts == {"refused_by_labels": 2}
    (tmp_path / "labels.csv").write_text("file,label\n" + "".join(f"images/{name}.png,dog\n" for name in "abcd"))
    with pytest.raises(InputError, match=r"all 4 images of backgrounds.root, .* show a target class by their labels"):
        opened(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("labels.csv", "name,class\n", "needs the columns file and label"),
        ("labels.csv", b"file,label\n\xff\xfe,dog\n", "not a readable CSV file in UTF-8"),
        ("notes.json", "{", "is not valid JSON: .*put it elsewhere if it says nothing about the images"),
        (
            "notes.json",
            '{"images": [], "categories": [], "annotations": [{"image_id": 3, "category_id": 1}]}',
            "no such entry in images.*put it elsewhere",
        ),
    ],
)
def test_labels_that_cannot_be_believed_are_named(tmp_path: Path, name: str, content: Any, said: str) -> None:
    write_rgb(tmp_path / "a.png", np.zeros((8, 8, 3), np.uint8))
    (tmp_path / name).write_bytes(content.encode() if isinstance(content, str) else content)
    with pytest.raises(InputError, match=said):
        opened(tmp_path)


def test_random_repeats_only_where_there_are_too_few(tmp_path: Path, scenes: list[Scene]) -> None:
    for number in range(3):
        write_rgb(tmp_path / f"folder{number}.png", np.full((48, 64, 3), 50 * number, np.uint8))
    files = random_folder.image_files(tmp_path)
    files = tuple(path for path in files if path.name.startswith("folder"))
    drawn = random_folder.make(scenes[0], 3, 0, 0, files).candidates
    assert sorted(int(candidate.image[0, 0, 0]) for candidate in drawn) == [0, 50, 100]
    assert len(random_folder.make(scenes[0], 5, 0, 0, files).candidates) == 5


def test_gray_and_16_bit_files_are_read_as_a_person_sees_them(tmp_path: Path, scenes: list[Scene]) -> None:
    cv2.imwrite(str(tmp_path / "deep.png"), np.full((48, 64), 51400, np.uint16))
    made = random_folder.make(scenes[0], 1, 0, 0, (tmp_path / "deep.png",))
    assert (made.candidates[0].image == 200).all()

"""Images that other programs name: by id or by file name, decided once for all keys of a file."""

import unicodedata

import pytest

from empaste.artifacts.image_keys import NamedImage, image_key, match_keys, match_names, require_known
from empaste.errors import InputError


def named(*file_names: str) -> list[NamedImage]:
    return [NamedImage(number, name, name.partition("/")[0]) for number, name in enumerate(file_names, 1)]


IMAGES = named("train/x__a.jpg", "train/y__a.jpg", "train/b.jpg", "val/b.jpg", "train/c.jpg", "train/2.jpg")


def ids(*names: str) -> list[int | None]:
    found = match_names(names, IMAGES).found
    return [found[name].image_id if name in found else None for name in names]


def test_a_name_as_in_data_images_wins_then_the_one_of_the_data_set() -> None:
    assert ids("train/b.jpg", "val/b.jpg", "train__b") == [3, 4, 3]
    assert ids("train/b.png") == [3]
    assert ids("x/a.jpg", "y\\A.PNG", "./x/a", "c", "c.jpg") == [1, 2, 1, 5, 5]


def test_the_end_of_a_path_counts_with_its_folders() -> None:
    assert ids("/home/me/set/x/a.jpg", "C:\\set\\y\\a.jpg", "/repo/data/images/val/b.jpg") == [1, 2, 4]
    assert ids("train2017/c.jpg") == [5]


def test_names_that_leave_open_what_they_mean() -> None:
    names = ["a.jpg", "b.jpg", "one/c.jpg", "two/c.jpg", "other.jpg"]
    assert match_names(names, IMAGES).found == {}
    assert match_names(names, IMAGES).unclear == {
        "a.jpg": "could mean train/x__a.jpg, train/y__a.jpg",
        "b.jpg": "could mean train/b.jpg, val/b.jpg",
        "one/c.jpg": "could mean train/c.jpg, as another name of the file could",
        "two/c.jpg": "could mean train/c.jpg, as another name of the file could",
    }


def test_names_of_two_files_are_not_one_image() -> None:
    assert match_names(["c.png", "C.jpg"], IMAGES).unclear == {
        "c.png": "could mean train/c.jpg, as C.jpg could",
        "C.jpg": "could mean train/c.jpg, as c.png could",
    }
    assert ids("c.png", "c") == [5, 5]


def test_names_in_another_form_of_unicode() -> None:
    images = named("train/Çaé.jpg")
    found = match_names([unicodedata.normalize("NFD", "çaé.png")], images).found
    assert [one.image_id for one in found.values()] == [1]


@pytest.mark.parametrize(
    ("keys", "by", "found", "unknown"),
    [
        (["1", "3"], "id", [1, 3], []),
        (["1", "2"], "id", [1, 2], []),  # 2.jpg is image 6, but all are ids
        (["1", "99"], "id", [1], ["99"]),
        (["1.0", "3.00"], "id", [1, 3], []),
        (["2.jpg", "c"], "file name", [6, 5], []),
        (["c", "99", "no"], "file name", [5], ["99", "no"]),
        (["01", "c"], "file name", [5], ["01"]),
        (["no", "99"], None, [], ["no", "99"]),
        ([], None, [], []),
    ],
)
def test_all_keys_together_decide(keys: list[str], by: str | None, found: list[int], unknown: list[str]) -> None:
    matches = match_keys(keys, IMAGES, "f.json")
    assert matches.by == by
    assert [one.image_id for one in matches.found.values()] == found
    assert list(matches.unknown) == unknown


@pytest.mark.parametrize(
    ("keys", "kinds"),
    [
        (["1", "c"], "ids: 1; file names: c"),
        (["1", "b"], "ids: 1; file names: b"),  # unclear, but a name
        (["2", "99"], "either: 2; neither: 99"),
        (["1", "2", "3", "4", "5", "99"], "ids: 1, 3, 4 and 1 more; either: 2; neither: 99"),
    ],
)
def test_keys_of_both_kinds_are_refused(keys: list[str], kinds: str) -> None:
    with pytest.raises(InputError) as raised:
        match_keys(keys, IMAGES, "f.json")
    assert str(raised.value).startswith(f"f.json does not say whether it names images by id or by file name ({kinds});")


def test_numbers_that_are_names_too_are_said() -> None:
    assert match_keys(["1", "3"], IMAGES, "f.json").said == "names images by id"
    assert match_keys(["1", "2"], IMAGES, "f.json").said == (
        "names images by id (1 of 2 are also names of files, such as 2; write file names with their ending, 2.jpg, "
        "where names are meant)"
    )


def test_a_file_about_other_images_is_refused() -> None:
    with pytest.raises(
        InputError, match=r"^f\.json is about none of the 6 images of data/images: it has nothing; there"
    ):
        require_known(match_keys([], IMAGES, "f.json"), IMAGES, "f.json")
    require_known(match_keys(["c"], IMAGES, "f.json"), IMAGES, "f.json")


def test_keys_are_numbers_or_text() -> None:
    assert [image_key(value, "id") for value in (7, 7.0, " 7 ", "a.jpg")] == ["7", "7", "7", "a.jpg"]
    for value in (True, None, 7.5, "", "a\0b", [7]):
        with pytest.raises(InputError, match=r"^id is"):
            image_key(value, "id")

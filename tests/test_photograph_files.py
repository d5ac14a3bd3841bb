"""Which files of a folder are photographs."""

from pathlib import Path

from empaste.photograph_files import find_photographs, visible_files


def test_photographs_of_a_folder(tmp_path: Path) -> None:
    for name in ("b.JPG", "sub/a.avif", "._b.jpg", ".thumbnails/c.jpg", "__MACOSX/b.jpg", "notes.txt", "d.gif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = [path.relative_to(tmp_path).as_posix() for path in find_photographs(tmp_path)]
    assert found == ["b.JPG", "d.gif", "sub/a.avif"]


def test_a_link_to_a_folder_is_followed_once(tmp_path: Path) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub/a.png").touch()
    (tmp_path / "sub/again").symlink_to(tmp_path, target_is_directory=True)
    assert visible_files(tmp_path) == [tmp_path / "sub/a.png"]

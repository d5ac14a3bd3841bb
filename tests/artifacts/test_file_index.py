"""Files by the names of other machines."""

import unicodedata
from pathlib import Path

from empaste.artifacts.file_index import FileIndex

ROOT = Path("/root")
FILES = [ROOT / name for name in ("train/a.jpg", "val/A.jpg", "val/x/\u00e9.png")]
INDEX = FileIndex(ROOT, iter(FILES))


def test_case_and_unicode_form_make_no_difference() -> None:
    assert INDEX.files == tuple(FILES)
    assert INDEX.at("TRAIN/a.JPG") == FILES[:1]
    assert INDEX.at("a.jpg") == []
    assert INDEX.called("elsewhere/a.jpg") == FILES[:2]
    assert INDEX.called(unicodedata.normalize("NFD", "\u00e9.png")) == FILES[2:]


def test_whole_names_of_folders_are_compared() -> None:
    assert INDEX.ending_in("x/\u00c9.png") == INDEX.ending_in("val/x/\u00e9.png") == FILES[2:]
    assert INDEX.ending_in("l/A.jpg") == []
    assert INDEX.ending_in("a.jpg") == FILES[:2]

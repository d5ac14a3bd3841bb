"""The benchmark's empty scenes: a folder that the backgrounds of the method ``random`` can be taken from."""

from pathlib import Path

import pytest

from benchmarks.empty_scenes import main
from empaste.backgrounds.random_folder import usable_files
from empaste.datasets.demo import NAMES
from empaste.errors import InputError
from empaste.photographs import read_photograph


def test_a_folder_of_usable_backgrounds(tmp_path: Path) -> None:
    folder = tmp_path / "empty"
    main(folder, number=3)
    usable = usable_files(folder, NAMES)
    assert [path.name for path in usable.files] == ["000001.jpg", "000002.jpg", "000003.jpg"]
    assert usable.num_refused == 0
    assert read_photograph(usable.files[0]).image.shape == (144, 144, 3)
    with pytest.raises(InputError, match="is there; name a new folder, or remove it"):
        main(folder, number=3)

"""What an export reads of a run."""

import json
from pathlib import Path

import pytest

from empaste.artifacts.chosen_masks import BY_HAND
from empaste.artifacts.schemas.proposals import Segments
from empaste.artifacts.tables import write_table
from empaste.errors import InputError
from empaste.exporting.reading import Places, read_source
from empaste.masks import encode_mask
from tests.review.conftest import MASKS, box, segment_rows, write_pool, write_run


def test_masks_of_decisions_are_exported_as_they_are(tmp_path: Path) -> None:
    there = write_run(tmp_path)
    drawn = segment_rows().iloc[2:].assign(segment_id=3, counts=encode_mask(box(8))["counts"])
    write_table(drawn, there.foregrounds / BY_HAND, Segments)
    write_pool(there, [(1, 1, 0, 0.9), (2, 1, 3, 1.0)])
    images = read_source("foregrounds", Places(run=there)).images
    assert [one.mask for image in images for one in image.instances] == [encode_mask(MASKS[0]), encode_mask(box(8))]


@pytest.mark.parametrize("name", ["../secret.jpg", "a/../../secret.jpg", "/etc/secret.jpg", ""])
def test_no_file_name_leads_out_of_the_folder_of_images(tmp_path: Path, name: str) -> None:
    there = write_run(tmp_path)
    source = tmp_path / "predictions"
    source.mkdir()
    image = {"id": 1, "file_name": name, "height": 20, "width": 30}
    category = {"id": 1, "name": "ball", "supercategory": "object"}
    content = {"info": {"description": "x"}, "images": [image], "categories": [category], "annotations": []}
    (source / "instances.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=rf"the file name '{name}' leads out of the folder of the images"):
        read_source("predictions", Places(there, source, tmp_path / "images"))

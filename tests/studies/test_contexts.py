"""Which rows the study of backgrounds has."""

from copy import deepcopy
from pathlib import Path

import yaml

from empaste.studies.contexts import ROWS, study_contexts

PARAMS = yaml.safe_load((Path(__file__).parents[2] / "params.yaml").read_text())


def test_the_shipped_rows_need_nothing() -> None:
    rows = study_contexts(PARAMS).rows
    assert [changes["backgrounds.method"] for changes in rows.values()] == ["none", "black", "inpaint"]


def test_what_is_configured_is_a_row() -> None:
    params = deepcopy(PARAMS)
    params["backgrounds"]["root"] = "empty_streets"
    params["backgrounds"]["diffusion"] = {"model": "a/model"}
    params["backgrounds"]["api"] = {"model": "painter"}
    assert list(study_contexts(params).rows) == list(ROWS)

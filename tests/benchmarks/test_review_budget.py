"""The benchmark of a person's budget on a run of three foregrounds: oracle, costs, workspace, figure."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.review_budget import Budget, budgets, cost, draw, make_workspace, simulate
from empaste.artifacts.coco import coco_dataset, instance, write_coco
from empaste.artifacts.foreground_decisions import write_foreground_decisions
from empaste.artifacts.schemas.prepare import Classes, Images
from empaste.artifacts.tables import read_from
from empaste.errors import InputError
from empaste.layout import HERE, Layout
from empaste.masks import encode_mask
from tests.review.conftest import MASKS, NAMES, box, write_run

FISH = "fish & <chips>"


@pytest.fixture
def places(tmp_path: Path) -> Layout:
    """A run whose ball in image 1 is found, whose fish is found badly, and whose other ball is not there."""
    there = write_run(tmp_path / "run")
    annotations = [instance(1, 1, 1, encode_mask(MASKS[0])), instance(2, 1, 2, encode_mask(box(20)))]
    images, classes = read_from(there.images, Images), read_from(there.labels, Classes)
    write_coco(there.train_truth, coco_dataset(images.query("split == 'train'"), classes, annotations, "test"))
    return there


def test_every_budget_for_every_policy() -> None:
    assert [one.name for one in budgets([0, 50])] == ["reject-0", "reject-50", "mend-50"]


def test_the_oracle_judges_the_least_sure_first(places: Layout) -> None:
    def verdicts(policy: str, percent: int) -> list[tuple[str, str, str]]:
        made = simulate(Budget(policy, percent), places)
        return [(one.image, one.class_name, one.verdict) for one in made]

    assert verdicts("reject", 0) == []
    assert verdicts("reject", 50) == [(NAMES[1], "ball", "reject"), (NAMES[0], FISH, "reject")]
    assert verdicts("mend", 100) == [
        (NAMES[1], "ball", "reject"), (NAMES[0], "ball", "keep"), (NAMES[0], FISH, "mend"),
    ]  # fmt: skip
    [*_, mended] = simulate(Budget("mend", 100), places)
    assert mended.mended == encode_mask(box(20))


def test_a_run_that_a_person_decided_on_is_refused(places: Layout) -> None:
    write_foreground_decisions(places.foreground_decisions, simulate(Budget("mend", 100), places))
    with pytest.raises(InputError, match="holds decisions; measure on a run without any"):
        simulate(Budget("mend", 100), places)


def test_costs(places: Layout) -> None:
    made = simulate(Budget("mend", 100), places)
    assert cost(made) == {"decisions": 3, "keep": 1, "reject": 1, "mend": 1, "minutes": 0.4}


def test_a_workspace_shares_what_no_decision_changes(places: Layout, tmp_path: Path) -> None:
    places.params.write_text("paste: {seed: 0, n_p: 4}\ntrain: {seed: 0}\n")
    there = make_workspace(tmp_path / "work", places, seed=7)
    assert there == HERE.below(tmp_path / "work")
    assert (there.images / "images.parquet").samefile(places.images / "images.parquet")
    assert there.params.read_text() == "paste:\n  seed: 7\n  n_p: 4\ntrain:\n  seed: 7\n"
    assert not there.foregrounds.exists()


def test_the_figure_has_the_same_bytes(tmp_path: Path) -> None:
    rows = pd.DataFrame(
        {
            "policy": ["reject", "reject", "mend"],
            "percent": [0, 50, 50],
            "minutes": [0.0, 2.0, 9.0],
            "AP50": np.arange(3.0),
        }
    )
    for name in ("a.svg", "b.svg"):
        draw(rows, tmp_path / name)
    assert (tmp_path / "a.svg").read_bytes() == (tmp_path / "b.svg").read_bytes()
    assert b"<svg" in (tmp_path / "a.svg").read_bytes()

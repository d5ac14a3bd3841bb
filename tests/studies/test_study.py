"""The form of a study's file: what it takes, and one message for every mistake."""

from pathlib import Path
from typing import Any

import pytest

from empaste.errors import InputError
from empaste.studies.study import choose_rows, find_study, read_study, study_files
from tests.studies.studies import CONTENT, TOP, write_study


def rows(**changes: Any) -> dict[str, Any]:
    """The rows of `CONTENT`, ``few`` with ``changes``."""
    return {**CONTENT["rows"], "few": CONTENT["rows"]["few"] | changes}


def test_what_is_left_out_has_a_value(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path))
    assert list(study.rows) == ["few", "many"]
    assert study.rows["many"].published == {}
    assert (study.last_stage, study.presets, study.defaults, study.halves) == ("report", [], {}, False)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"question": None}, "question is missing; add it"),
        ({"title": ""}, "title is ''; string should have at least 1 character"),
        ({"rows": {}}, "rows is {}; dictionary should have at least 1 item"),
        ({"metric": {}}, "metric is no part of a study; did you mean metrics? choose from title, question, rows"),
        ({"rows": rows(sett={})}, "rows.few.sett is no part of a study; did you mean set? choose from title, set"),
        (
            {"per_class": {"metric": "a.b", "sizes": "a.c", "order": 1}},
            "per_class.order is no part of a study; choose from metric, sizes",
        ),
        ({"rows": rows(times={"paste.n_p": 0})}, "rows.few.times.paste.n_p is 0; input should be greater than 0"),
        (
            {"rows": rows(published={"mAP50": "best"})},
            "rows.few.published.mAP50 is 'best'; input should be a valid num",
        ),
        ({"rows": {"Few-1": {"title": "x"}}}, "rows.Few-1: the name 'Few-1' is not allowed; use small letters, digits"),
        ({"compare_with": "fewer"}, "compare_with is 'fewer', which is no row of the study; did you mean few? choose"),
        ({"rows": rows(published={"mAP": 1.0})}, "rows.few.published has 'mAP'; did you mean mAP50? choose from mAP50"),
        ({"rows": rows(compare_with="man")}, "rows.few.compare_with is 'man', which is no row of the study; did you"),
        ({"rows": rows(compare_with="few")}, "rows.few.compare_with is the row itself; name another, or leave it out"),
        ({"rows": rows(pseudo_labels_of="man")}, "rows.few.pseudo_labels_of is 'man', which is no row of the study"),
        (
            {"rows": {name: {"title": "x", "pseudo_labels_of": "few"} for name in ("few", "many")}},
            "rows.few.pseudo_labels_of is few, which itself stands on another row; choose a row that does not",
        ),
    ],
)
def test_every_mistake_is_named(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    path = write_study(tmp_path, **changes)
    with pytest.raises(InputError) as caught:
        read_study(path)
    assert f"{path}: {said}" in str(caught.value)


def test_all_mistakes_of_a_form_are_listed(tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        read_study(write_study(tmp_path, title=3, question=None))
    assert len(str(caught.value).splitlines()) == 2


def test_the_example_of_the_recipes_is_a_study(tmp_path: Path) -> None:
    text = (TOP / "docs/recipes.md").read_text().partition("A study of your own")[2]
    path = tmp_path / "mine.yaml"
    path.write_text(text.partition("```yaml\n")[2].partition("```")[0])
    assert list(read_study(path).rows) == ["three", "six", "long", "random"]


def test_what_is_no_mapping_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "list.yaml"
    path.write_text("[1, 2]")
    with pytest.raises(InputError, match=r"list\.yaml holds no study but \[1, 2\]"):
        read_study(path)


def test_a_users_study_is_found_by_name_and_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = find_study("paste")
    assert shipped.parent.name == "studies"
    write_study(tmp_path, "paste")
    write_study(tmp_path, "numbers")
    assert find_study("paste") == Path("studies/paste.yaml")
    assert find_study("studies/numbers.yaml") == Path("studies/numbers.yaml")
    assert {"numbers", "main", "ablation"} <= study_files().keys()


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("ablations", "there is no study 'ablations'; did you mean ablation\\? choose from ablation, "),
        ("x/y.yaml", "there is no study 'x/y.yaml'; choose from ablation, .*, or give the path of a .yaml file"),
    ],
)
def test_an_unknown_study_is_refused(name: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        find_study(name)


def test_a_file_name_that_cannot_begin_an_experiments_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="a study is called after its file; use small letters, digits and _"):
        find_study(str(write_study(tmp_path, "two-words")))


def test_rows_are_chosen_in_the_studys_order(tmp_path: Path) -> None:
    study = read_study(write_study(tmp_path))
    assert choose_rows(study, []) == ["few", "many"]
    assert choose_rows(study, ["many", "few"]) == ["few", "many"]
    with pytest.raises(InputError, match=r"--rows is 'mani', which is no row of the study; did you mean many\?"):
        choose_rows(study, ["mani"])

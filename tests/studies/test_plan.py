"""What a study would run, and everything that is refused before anything runs."""

import shlex
import shutil
from pathlib import Path
from typing import Any

import pytest

from empaste.errors import InputError
from empaste.presets import override
from empaste.studies.overrides import TAGS, value_of
from empaste.studies.plan import Request, make_plan, result_name
from empaste.studies.study import SHIPPED, read_study
from tests.studies.studies import CONTENT, TOP, write_study

ROWS = CONTENT["rows"]


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The top of a repository with the shipped pipeline, presets and parameters."""
    for name in ("params.yaml", "dvc.yaml"):
        shutil.copy(TOP / name, tmp_path)
    shutil.copytree(TOP / "presets", tmp_path / "presets")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("empaste.studies.plan.visible_gpus", list)
    return tmp_path


def test_a_task_has_the_rows_parameters_its_seed_and_its_tags(root: Path) -> None:
    write_study(root)
    plan = make_plan(Request("numbers"))
    task = plan.task("many", 2)
    assert (task.row, task.seed, task.experiment) == ("many", 2, "numbers-many-2")
    assert value_of(task.params, "paste.n_p") == 6
    assert plan.settings(task) == [
        "paste.n_p=6",
        "paste.seed=2",
        "++report.tags={study:'numbers',row:'many',seed:2}",
    ]
    assert plan.stages[-1] == "report"


def test_later_overrides_win(root: Path) -> None:
    """Presets of the study, its defaults, what is asked for, what holds whatever is asked for, the row."""
    write_study(
        root,
        presets=["smoke"],
        defaults={"train.iterations": 50, "classifier.epochs": 3, "evaluate.min_score": 0.2},
        set={"train.batch_size": 2, "train.width": 8, "train.weights": None},
        rows=ROWS | {"many": ROWS["many"] | {"times": {"train.iterations": 1.5, "evaluate.min_score": 2}}},
    )
    (root / "presets/mine.yaml").write_text("{classifier: {epochs: 5}, train: {batch_size: 9}}")
    plan = make_plan(Request("numbers", ["mine"], ["train.iterations=70"]))
    params = plan.task("many", 0).params
    keys = {
        "report.num_images": 4,
        "classifier.epochs": 5,
        "train.batch_size": 2,
        "train.width": 8,
        "train.iterations": 105,
        "evaluate.min_score": 0.4,
        "paste.n_p": 6,
    }
    assert {key: value_of(params, key) for key in keys} == keys
    assert plan.name == "numbers-mine"


def test_names_tell_studies_on_other_presets_apart(root: Path) -> None:
    write_study(root)
    assert result_name(Request("numbers")) == "numbers"
    assert result_name(Request("numbers", ["photos", "gpu"])) == "numbers-photos_gpu"
    assert result_name(Request("numbers", ["photos"], label="cars")) == "numbers-cars"
    with pytest.raises(InputError, match="--label is 'My cars'; use small letters"):
        result_name(Request("numbers", label="My cars"))


def test_a_command_says_what_was_asked() -> None:
    request = Request("paste", ["photos"], ["prepare.root=a b"], "cars", ["random"], 2, 1, ["voc=1*"])
    assert request.command == (
        "empaste study paste --preset photos --set 'prepare.root=a b' --label cars --rows random --part 'voc=1*' "
        "--seeds 2 --jobs 1"
    )


def test_a_command_runs_in_a_shell_whatever_was_asked() -> None:
    request = Request("my studies/paste.yaml", ["a b"], ["captions.prompt=it's $HOME"], parts=["x='*"])
    assert shlex.split(request.command) == [
        *("empaste", "study", "my studies/paste.yaml", "--preset", "a b"),
        *("--set", "captions.prompt=it's $HOME", "--part", "x='*", "--seeds", "3", "--jobs", "2"),
    ]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"seeded": ["paste.sed"]},
            "studies/numbers.yaml: seeded: paste.sed is no parameter; did you mean paste.seed?",
        ),
        ({"set": {"train.iter": 3}}, "numbers.yaml: set: train.iter is no parameter; did you mean train"),
        ({"defaults": {"n_p": 3}}, "numbers.yaml: defaults: n_p is no parameter"),
        (
            {"rows": ROWS | {"few": {"title": "x", "set": {"paste.np": 3}}}},
            "numbers.yaml: rows.few.set: paste.np is no parameter; did you mean paste.n_p?",
        ),
        (
            {"rows": ROWS | {"few": {"title": "x", "set": {"paste.n_p": 0}}}},
            "numbers.yaml: row few: paste.n_p",
        ),
        (
            {"rows": ROWS | {"few": {"title": "x", "needs": {"api.model": "y"}}}},
            "rows.few.needs: api.model is no parameter; did you mean",
        ),
        ({"last_stage": "evalute"}, "last_stage is 'evalute'; choose from prepare, classifier"),
        (
            {"metrics": {"mAP50": "evaluate.msk.AP50"}},
            "the metric 'mAP50' is evaluate.msk.AP50, which is not measured; did you mean evaluate.mask.AP50?",
        ),
        (
            {"last_stage": "paste"},
            "the metric 'mAP50' is evaluate.mask.AP50, but its rows run no stage 'evaluate'; choose from prepare",
        ),
        (
            {"per_class": {"metric": "evaluate.mask.AP50_per_class", "sizes": "prepare.images"}},
            "the metric 'per_class.sizes' is prepare.images, which is not measured; did you mean prepare.",
        ),
        (
            {"rows": ROWS | {"few": {"title": "x", "needs": {"backgrounds.root": "a folder"}}}},
            "row few, which others are compared with, needs backgrounds.root: a folder",
        ),
        ({"presets": ["smok"]}, "there is no preset 'smok'"),
        (
            {"rows": ROWS | {"few": {"title": "x", "times": {"train.weights": 2}}}},
            "numbers.yaml: rows.few.times: train.weights is 'classifier', which is no number; set it in rows.few.set",
        ),
        (
            {"rows": ROWS | {"few": {"title": "x", "times": {"train.compile": 2}}}},
            "numbers.yaml: rows.few.times: train.compile is False, which is no number",
        ),
    ],
)
def test_a_study_that_does_not_fit_the_pipeline_is_refused(root: Path, changes: dict[str, Any], said: str) -> None:
    write_study(root, **changes)
    with pytest.raises(InputError) as caught:
        make_plan(Request("numbers"))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Request("numbers", rows=["mny"]), "--rows is 'mny', which is no row of the study; did you mean many?"),
        (Request("numbers", settings=["paste.np=3"]), "--set: paste.np is no parameter; did you mean paste.n_p?"),
        (
            Request("numbers", settings=["paste.n_p=3"]),
            "--set paste.n_p: the rows few, many of studies/numbers.yaml set",
        ),
        (Request("numbers", settings=["paste.seed=3"]), "--set paste.seed: its repeats of studies/numbers.yaml set it"),
        (Request("numbers", settings=["paste.flip=1"]), "--set paste.flip: all rows of studies/numbers.yaml set it"),
        (
            Request("numbers", parts=["voc=1*"]),
            "numbers.yaml measures no halves of the images, so it reports no --part",
        ),
        (
            Request("numbers", settings=["prepare.dataset=imagenet", "prepare.root=absent"]),
            "numbers.yaml: prepare.dataset is 'imagenet'; choose from 'demo', 'folder', 'coco', 'voc'",
        ),
        (Request("numbers", settings=["prepare.dataset=[coco]"]), "numbers.yaml: prepare.dataset is ['coco']; choose"),
        (Request("numbers", settings=["report.tags=5"]), "numbers.yaml: report.tags is 5; input should be a valid"),
        (Request("numbers", ["voc"]), "the data set voc is not there: prepare.root is not set; run: wget http"),
        (
            Request("numbers", ["coco"], ["prepare.root=absent"]),
            "the data set coco is not there: prepare.root is 'absent', which does not exist; run: wget http",
        ),
        (
            Request("numbers", ["photos"]),
            "the data set folder is not there: prepare.root is not set; add --set prepare.root=FOLDER",
        ),
    ],
)
def test_what_cannot_be_asked_for_is_refused(root: Path, request_: Request, said: str) -> None:
    write_study(root, set={"paste.flip": 0.5})
    with pytest.raises(InputError) as caught:
        make_plan(request_)
    assert said in str(caught.value)


def test_a_row_that_lacks_something_is_skipped_with_the_reason(root: Path) -> None:
    rows = ROWS | {
        "cob": {"title": "x", "set": {"proposals.method": "cob"}, "needs": {"proposals.cob.root": "a folder"}},
        "file": {"title": "x", "set": {"train.weights": "./absent.pth"}},
        "large": {"title": "x", "gpu": True},
    }
    write_study(root, rows=rows)
    skipped = make_plan(Request("numbers")).skipped
    assert skipped == {
        "cob": "needs proposals.cob.root: a folder",
        "file": "train.weights is ./absent.pth, which does not exist; correct the path",
        "large": "needs a GPU, and this machine has none",
    }


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("path", sorted(SHIPPED.glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_study_fits_the_shipped_pipeline(path: Path, tmp_path: Path) -> None:
    photographs = (f"prepare.root={tmp_path}",) if "photos" in read_study(path).presets else ()
    plan = make_plan(Request(path.stem, settings=photographs))
    wanted = [name for name, row in plan.study.rows.items() if not row.needs and not row.gpu]
    assert [name for name in plan.study.rows if name not in plan.skipped] == wanted
    tasks = {
        str(override(task.params, {TAGS: {}})): task.experiment
        for name in wanted
        for task in [plan.task(name, 1)]
        if not plan.study.rows[name].pseudo_labels_of
    }
    if path.stem != "foregrounds":  # whose rows name what the parameters have already, too
        chained = sum(bool(plan.study.rows[name].pseudo_labels_of) for name in wanted)
        assert len(tasks) == len(wanted) - chained, "two rows have the same parameters"


@pytest.mark.usefixtures("root")
def test_rows_of_several_studies_have_the_same_parameters_but_for_their_tags() -> None:
    def params(study: str, row: str) -> dict[str, Any]:
        return override(make_plan(Request(study)).task(row, 1).params, {TAGS: {}})

    for study, row in (("detection", "fem"), ("pseudo_labels", "fem"), ("main_coco", "fem")):
        assert params(study, row) == params("main", "fem")
    assert params("pseudo_labels", "fem_paste") == params("main", "contexts") == params("spread", "as_set")
    assert params("ablation", "inpaint_4") == params("paste", "random")
    assert params("self_training", "first") == params("contexts", "inpaint")

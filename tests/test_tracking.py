import contextlib
import json
import math
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from empaste import tracking
from empaste.errors import InputError
from empaste.tracking import Record, find_store, live_curve, record_pipeline, ui_command

PIPELINE_VARIABLES = (
    "DVC_ROOT", "DVC_STAGE", "DVC_EXP_NAME", "DVC_EXP_BASELINE_REV", "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI",
)  # fmt: skip


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A repository whose path holds a space; its store is set up once, which takes seconds."""
    root = tmp_path_factory.mktemp("main repository")
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    (root / "params.yaml").write_text("paste: {n_p: 3}\n")
    (root / "code.py").write_text("one\n")
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-qm", "first"], check=True)
    return root


@pytest.fixture
def here(repository: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The repository as working directory, DVC_ROOT as inside a stage, and nothing else of DVC or MLflow."""
    for name in PIPELINE_VARIABLES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("EMPASTE_TRACKING", raising=False)
    monkeypatch.setenv("DVC_ROOT", str(repository))
    monkeypatch.chdir(repository)
    return repository


def client():
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=find_store().uri)


def record(**changes) -> Record:
    return Record(**{"params": {"paste.n_p": 3}, "metrics": {"evaluate.mask.AP50": 58.4}, "headline": "58.4"} | changes)


def recorded(**changes):
    return client().get_run(record_pipeline(record(**changes)))


def test_a_run_carries_parameters_metrics_tags_and_files(here, tmp_path):
    (tmp_path / "index.html").write_text("page")
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_text("{}")
    run = recorded(
        params={"paste.scale": [0.6, 1.0], "prepare.root": None, "prepare.dataset": "demo"},
        metrics={"foregrounds.precision50.iter_0": 71.5, "evaluate.mask.AP50_per_class.tv (big)": 3.0},
        files=[(tmp_path / "index.html", "report"), (tmp_path / "model", "models/mask_rcnn")],
        figures={"proposals.jpg": b"jpeg"},
    )
    assert run.info.status == "FINISHED"
    assert run.data.params == {"paste.scale": "[0.6, 1.0]", "prepare.root": "null", "prepare.dataset": "demo"}
    assert run.data.metrics == {
        "foregrounds.precision50.iter_0": 71.5,
        "evaluate.mask.AP50_per_class.tv _u28_big_u29_": 3.0,
    }
    assert run.data.tags["headline"] == "58.4"
    assert len(run.data.tags["git.commit"]) == 40
    for folder, name in [("report", "index.html"), ("models/mask_rcnn", "config.json"), ("figures", "proposals.jpg")]:
        assert [Path(file.path).name for file in client().list_artifacts(run.info.run_id, folder)] == [name]
    assert Path(run.info.artifact_uri).is_relative_to(here / "mlartifacts")


def test_curves_are_metrics_by_step_without_what_was_not_measured(here):
    run = recorded(curves={"train": {"iteration": [1, 2, 3], "loss": [3.0, math.nan, 1.0]}})
    history = client().get_metric_history(run.info.run_id, "curves/train.loss")
    assert [(metric.step, metric.value) for metric in history] == [(1, 3.0), (3, 1.0)]


def test_values_that_mlflow_would_refuse_are_cut_off(here):
    run = recorded(params={"long": "x" * 900, "endless": "y" * 9000} | {f"p{i}": i for i in range(250)})
    assert run.data.params["long"] == "x" * 900
    assert len(run.data.params["endless"]) == 6000 and run.data.params["endless"].endswith("…")
    assert len(run.data.params) == 252


STRANGE = (
    "NA", "None", "001", "1", "nothing", "nan", "True", "C+", "C#", "C_", "a/b", "a//b", "..", ".", "a.b", "🍎", "🍐",
    "كرة", "כדור", "中文", "हिन्दी", "<b>", '"', ";", "'", "$", "{{x}}", "Cat", "cat", "_u2B_", "C_u2B_",
    "z" * 60, "x " * 150 + "a", "x " * 150 + "b",
)  # fmt: skip
"""What classes may be called."""


def test_whatever_classes_are_called_all_is_recorded_and_read_back(here):
    metrics = {f"evaluate.mask.AP50_per_class.{name}": float(number) for number, name in enumerate(STRANGE)}
    params = {f"captions.supercategories.{name}": name for name in STRANGE} | {"paste.classes": list(STRANGE)}
    run = recorded(metrics=metrics, params=params, curves={"of 🍎/🍐": {"step": [1], "x": [0.5]}})
    curves = {name for name in run.data.metrics if name.startswith("curves/")}
    assert curves == {"curves/of _u1F34E__u2F__u1F350_.x"}
    assert {name: value for name, value in run.data.metrics.items() if name not in curves} == {
        tracking._name(name): value for name, value in metrics.items()
    }
    assert len(run.data.metrics) == len(STRANGE) + 1 and len(run.data.params) == len(STRANGE) + 1
    assert [run.data.params[tracking._name(f"captions.supercategories.{name}")] for name in STRANGE] == list(STRANGE)
    assert json.loads(run.data.params["paste.classes"]) == list(STRANGE)


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("evaluate.mask.AP50_per_class.traffic light", "evaluate.mask.AP50_per_class.traffic light"),
        ("a.b-c_d: tv_unit_u", "a.b-c_d: tv_unit_u"),
        ("curves/train.loss", "curves/train.loss"),
        ("x.中文", "x.中文"),
        ("C+", "C_u2B_"),
        ("C_u2B_", "C_u5F_u2B_"),
        ("a/../b", "a_u2F_.._u2F_b"),
        ("..", "_u2E_."),
        ("curves/.", "curves/_u2E_"),
        (" a ", "_u20_a_u20_"),
        ("", "_u_"),
        ("x" * 249, "x" * 249),
    ],
)
def test_ordinary_names_stay_and_others_are_spelt(name, shown):
    assert tracking._name(name) == shown


NAMES = st.text() | st.text(alphabet="_uAB2./ +:curves\n") | st.text(alphabet="ab/ ", min_size=240)


@settings(max_examples=500, deadline=None)
@given(st.sets(NAMES, min_size=2, max_size=8), st.sampled_from(["", "curves/", "evaluate.mask.AP50_per_class."]))
def test_names_in_mlflow_are_valid_and_one_to_one(names, before):
    from mlflow.utils.validation import MAX_ENTITY_KEY_LENGTH, _validate_metric_name, _validate_param_name

    shown = {tracking._name(f"{before}{name}") for name in names}
    assert len(shown) == len(names)
    for name in shown:
        _validate_metric_name(name)
        _validate_param_name(name)
        assert len(name) <= MAX_ENTITY_KEY_LENGTH


@settings(max_examples=300, deadline=None)
@given(NAMES.filter(lambda name: name and not name.startswith("curves/")))
def test_short_names_can_be_read_back_from_mlflows(name):
    shown = tracking._name(name)
    if len(shown) < 250:
        assert re.sub("_u([0-9A-F]+)_", lambda found: chr(int(found[1], 16)), shown) == name


def test_two_runs_differ_in_the_parameter_that_differs(here):
    first, second = (recorded(params={"paste.n_p": n_p, "paste.seed": 0}).data.params for n_p in (3, 6))
    assert {name for name in first if first[name] != second[name]} == {"paste.n_p"}


def test_an_experiment_gives_its_name_and_lands_in_the_main_store(here, tmp_path, monkeypatch):
    """As in a queue's workspace: another working directory, but DVC_ROOT is the main repository."""
    monkeypatch.setenv("DVC_EXP_NAME", "loud-moth")
    monkeypatch.setenv("DVC_EXP_BASELINE_REV", "abc123")
    monkeypatch.chdir(tmp_path)
    run = recorded()
    assert run.info.run_name == "loud-moth"
    assert (run.data.tags["dvc.experiment"], run.data.tags["dvc.baseline"]) == ("loud-moth", "abc123")
    assert (here / "mlflow.db").exists() and list(tmp_path.iterdir()) == []


def log_a_small_model(run_id: str, folder: Path, example: bytes, name: str) -> None:
    """In place of a detector, which takes long: the file in ``folder`` is its answer."""
    import mlflow

    script = folder / "model.py"
    script.write_text(
        "import mlflow\n"
        "class Answer(mlflow.pyfunc.PythonModel):\n"
        "    def predict(self, context, model_input: list[str]) -> list[str]: return ['yes']\n"
        "mlflow.models.set_model(Answer())\n"
    )
    with mlflow.start_run(run_id=run_id):
        mlflow.pyfunc.log_model(name="small", python_model=str(script), registered_model_name=name, pip_requirements=[])


@pytest.mark.parametrize(
    ("folder", "uri", "database"),
    [
        ("plain", "sqlite:///sub/x.db", "sub/x.db"),
        ("a #b?c% ü&d+e;f", "sqlite:///x.db", "x.db"),
        ("a #b?c% ü&d+e;g", None, "mlflow.db"),
        ("%20", None, "mlflow.db"),
    ],
)
def test_what_a_temporary_workspace_records_stays(
    here, tmp_path, monkeypatch, capsys, folder: str, uri: str | None, database: str
):
    """Runs, files and models lie below the main repository, whatever it is called, and nothing beside it."""
    import mlflow

    monkeypatch.setattr("empaste.serving.log_served_detector", log_a_small_model)
    main, workspace = tmp_path / "main" / folder, tmp_path / "workspace"
    for place in (main, workspace, tmp_path / "model"):
        place.mkdir(parents=True)
    monkeypatch.setenv("DVC_ROOT", str(main))
    if uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.chdir(workspace)
    (tmp_path / "index.html").write_text("page")
    run = recorded(files=[(tmp_path / "index.html", "report")], detector=(tmp_path / "model", b""))
    assert os.environ.get("MLFLOW_TRACKING_URI") == uri
    assert list(workspace.iterdir()) == []
    assert [path.name for path in main.parent.iterdir()] == [folder]
    assert (main / database).exists()
    (page,) = (main / database).parent.glob("mlartifacts/*/artifacts/report/index.html")
    assert run.info.run_id in str(page)
    monkeypatch.setattr(mlflow.tracking._tracking_service.utils, "_tracking_uri", find_store().uri)
    copy = {"dst_path": str(tmp_path)} if folder == "%20" else {}
    assert ("WARNING: MLflow loads no model straight out of" in capsys.readouterr().err) == bool(copy)
    assert mlflow.pyfunc.load_model("models:/empaste-mask-rcnn/1", **copy).predict(["?"]) == ["yes"]


def test_models_go_to_a_registry_of_their_own(here, tmp_path, monkeypatch):
    from mlflow import MlflowClient

    monkeypatch.setattr("empaste.serving.log_served_detector", log_a_small_model)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", "sqlite:///models.db")
    (tmp_path / "model").mkdir()
    recorded(detector=(tmp_path / "model", b""))
    registry = MlflowClient(tracking_uri=find_store().uri, registry_uri=f"sqlite:///{tmp_path}/models.db")
    assert [version.version for version in registry.search_model_versions()] == [1]
    assert os.environ["MLFLOW_REGISTRY_URI"] == "sqlite:///models.db"
    assert ui_command()[-2:] == ["--registry-store-uri", f"sqlite:///{tmp_path}/models.db"]


def test_a_database_without_its_driver_or_that_is_none_is_named(here, tmp_path, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "mssql+nonsense://me:secret@host/runs")
    with pytest.raises(InputError, match=r"store mssql\+nonsense://…@host/runs cannot be used") as caught:
        record_pipeline(record())
    assert "secret" not in str(caught.value)


def test_git_dirty_names_changed_code_but_no_changed_parameters(here):
    assert recorded().data.tags["git.dirty"] == "false"
    try:
        (here / "params.yaml").write_text("paste: {n_p: 6}\n")
        assert recorded().data.tags["git.dirty"] == "false"
        (here / "code.py").write_text("two\n")
        assert recorded().data.tags["git.dirty"] == "code.py"
    finally:
        subprocess.run(["git", "checkout", "-q", "."], check=True)


def test_a_live_curve_opens_the_run_that_the_record_finishes(here):
    with live_curve("train", every_seconds=0) as log:
        log(1, {"loss": 3.0})
        log(2, {"loss": 2.0})
    (open_run,) = client().search_runs([experiment()], "attributes.status = 'RUNNING'")
    run = recorded(curves={"train": {"iteration": [1, 2, 3], "loss": [3.0, 2.0, 1.0]}})
    assert run.info.run_id == open_run.info.run_id and run.info.status == "FINISHED"
    history = client().get_metric_history(run.info.run_id, "curves/train.loss")
    assert [metric.step for metric in history] == [1, 2, 3]
    assert recorded().info.run_id != run.info.run_id


def test_a_machine_without_mlflow_trains_without_a_live_curve(here, monkeypatch, capsys):
    monkeypatch.setattr(tracking, "find_spec", lambda name: None)
    with live_curve("train", every_seconds=0) as log:
        log(1, {"loss": 3.0})
    assert capsys.readouterr().err == ""
    assert client().search_runs([experiment()], "attributes.status = 'RUNNING'") == []


def test_another_experiment_does_not_continue_an_open_run(here, monkeypatch):
    with live_curve("train") as log:
        log(1, {"loss": 3.0})
    (open_run,) = client().search_runs([experiment()], "attributes.status = 'RUNNING'")
    with monkeypatch.context() as patch:
        patch.setenv("DVC_EXP_NAME", "other")
        assert recorded().info.run_id != open_run.info.run_id
    assert recorded().info.run_id == open_run.info.run_id


def test_runs_that_killed_pipelines_left_open_are_closed(here):
    script = "from empaste.tracking import live_curve\nwith live_curve('train') as log: log(1, {'loss': 3.0})"
    subprocess.run([sys.executable, "-c", script], check=True, env=environment(here))
    (left,) = client().search_runs([experiment()], "attributes.status = 'RUNNING'")
    other_host = client().create_run(experiment(), tags={tracking.HOST_TAG: "elsewhere", tracking.PROCESS_TAG: "1 1"})
    recorded()
    assert client().get_run(left.info.run_id).info.status == "KILLED"
    assert client().get_run(other_host.info.run_id).info.status == "RUNNING"
    client().set_terminated(other_host.info.run_id)


def test_inside_a_stage_the_pipeline_is_the_process_that_started_the_shell(here):
    script = "from empaste import tracking; print(tracking._pipeline_process().pid)"
    outer = f'import subprocess; subprocess.run(\'"{sys.executable}" -c "{script}"; true\', shell=True, check=True)'
    with subprocess.Popen(
        [sys.executable, "-c", outer], stdout=subprocess.PIPE, text=True, env=environment(here, DVC_STAGE="report")
    ) as process:
        assert int(process.communicate()[0]) == process.pid


def test_a_failed_recording_leaves_a_failed_run_and_names_the_store(here, tmp_path, monkeypatch):
    before = {run.info.run_id for run in client().search_runs([experiment()])}
    with pytest.raises(InputError, match=r"(?s)mlflow\.db cannot be used: .*EMPASTE_TRACKING=off dvc repro"):
        record_pipeline(record(files=[(tmp_path / "absent", "")]))
    (failed,) = [run for run in client().search_runs([experiment()]) if run.info.run_id not in before]
    assert failed.info.status == "FAILED"


def test_two_processes_may_set_a_new_store_up_at_once(tmp_path):
    (tmp_path / "params.yaml").write_text("a: 1\n")
    script = "from empaste.tracking import *; print(record_pipeline(Record({'a': 1}, {'b': 2.0}, 'c')))"
    command = [sys.executable, "-c", script]
    processes = [
        subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=tmp_path, env=environment(tmp_path))
        for _ in range(2)
    ]
    ids = [process.communicate(timeout=180)[0].strip() for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    assert len({*ids}) == 2 and all(ids)


def test_off_does_nothing_and_loads_nothing(tmp_path):
    script = (
        "import sys; from empaste.tracking import *\n"
        "assert record_pipeline(Record({}, {}, '')) is None\n"
        "with live_curve('train') as log: log(1, {'loss': 1.0})\n"
        "assert 'mlflow' not in sys.modules"
    )
    subprocess.run(
        [sys.executable, "-c", script], check=True, cwd=tmp_path, env=environment(tmp_path, EMPASTE_TRACKING="off")
    )
    assert list(tmp_path.iterdir()) == []


def test_a_misspelt_switch_is_refused(here, monkeypatch):
    monkeypatch.setenv("EMPASTE_TRACKING", "of")
    with pytest.raises(InputError, match="EMPASTE_TRACKING is 'of'; choose from on, off"):
        record_pipeline(record())


def test_an_unreachable_server_ends_a_record_clearly_and_a_training_never(here, monkeypatch, capsys):
    uri = f"http://me:secret@127.0.0.1:{free_port()}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(InputError, match="cannot be used") as caught:
        record_pipeline(record())
    assert "127.0.0.1" in str(caught.value) and "secret" not in str(caught.value)
    with live_curve("train", every_seconds=0) as log:
        for step in range(3):
            log(step, {"loss": 1.0})
    said = capsys.readouterr().err
    assert said.count("no longer shown live") == 1 and "secret" not in said


def test_the_page_is_served_from_the_store_in_use(here, monkeypatch):
    command = ui_command(port=5001)
    assert f"sqlite:///{here}/mlflow.db" in command and f"{here}/mlartifacts" in command and "5001" in command
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:////srv/runs/all.db")
    assert "sqlite:////srv/runs/all.db" in ui_command() and "/srv/runs/mlartifacts" in ui_command()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://server:5000")
    with pytest.raises(InputError, match="is http://server:5000: open that address"):
        ui_command()


def test_without_dvc_the_store_stands_where_the_repository_begins(here, tmp_path, monkeypatch):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "deep").mkdir()
    monkeypatch.delenv("DVC_ROOT")
    monkeypatch.chdir(tmp_path / "deep")
    assert find_store().uri == f"sqlite:///{tmp_path}/mlflow.db"


def test_a_real_server_takes_the_same_record(here, tmp_path, monkeypatch):
    page = tmp_path / "index.html"
    page.write_text("page")
    with server(tmp_path) as uri:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
        run = recorded(params={"long": "x" * 900}, files=[(page, "report")], figures={"a.jpg": b"jpeg"})
        assert run.info.status == "FINISHED" and run.data.metrics == {"evaluate.mask.AP50": 58.4}
        assert run.data.params == {"long": "x" * 900}
        assert {file.path for file in client().list_artifacts(run.info.run_id)} == {"report", "figures"}
    assert run.info.run_id in str(list((tmp_path / "artifacts").rglob("index.html")))


def experiment() -> str:
    return client().get_experiment_by_name(tracking.EXPERIMENT).experiment_id


def environment(root: Path, **extra: str) -> dict[str, str]:
    """That of a stage in ``root``."""
    kept = {name: value for name, value in os.environ.items() if name not in (*PIPELINE_VARIABLES, "EMPASTE_TRACKING")}
    source = Path(__file__).parents[1] / "src"
    return kept | {"DVC_ROOT": str(root), "PYTHONPATH": str(source)} | extra


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def server(folder: Path) -> Iterator[str]:
    """An MLflow server on a SQLite store; ends with the block."""
    uri = f"http://127.0.0.1:{(port := free_port())}"
    command = [sys.executable, "-m", "mlflow", "server", "--port", str(port), "--workers", "1"]
    places = [
        "--backend-store-uri",
        f"sqlite:///{folder}/server.db",
        "--artifacts-destination",
        str(folder / "artifacts"),
    ]
    lean = os.environ | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(
            [*command, *places], stdout=log, stderr=log, cwd=folder, env=lean, start_new_session=True
        )
        try:
            wait_for(f"{uri}/health", process, folder / "server.log")
            yield uri
        finally:
            os.killpg(process.pid, 15)
            process.wait(timeout=30)


def wait_for(url: str, process: subprocess.Popen, log: Path) -> None:
    deadline = time.monotonic() + 240
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5):
            return
        time.sleep(0.5)
    raise AssertionError(f"the server did not come up:\n{log.read_text()[-2000:]}")

"""Folders for unfinished work: keyed by everything that ``dvc.yaml`` says a stage depends on."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from empaste.artifacts.work import (
    REPOSITORY,
    data_deps,
    is_code,
    keyed_folder,
    named_files,
    read_pipeline,
    remove_other_work,
    remove_work,
    stage_key,
    work_folder,
)
from empaste.errors import InputError
from empaste.params import Params
from empaste.settings import NamesFiles, Settings

RESUMABLE = ("classifier", "features", "captions", "backgrounds", "paste", "train")
WEIGHTS: dict[str, tuple[str, str | list[str]]] = {
    "classifier": ("weights", "{path}"),
    "features": ("backbones", ["classifier", "timm:resnet18@{path}#layer3"]),
    "captions": ("model", "{path}"),
    "backgrounds": ("clip_model", "local-dir:{path}"),
    "paste": ("foregrounds_file", "{path}"),
    "train": ("weights", "{path}"),
}
"""Per stage a parameter that names a file or a folder of the user's."""
NO_FILES = {
    "classifier.architecture", "refine.architecture", "train.architecture", "proposals.joined.methods",
    "proposals.entity.packages", "captions.prompt",
    "backgrounds.api.base_url", "backgrounds.api.model", "backgrounds.api.key_env", "backgrounds.api.size",
}  # fmt: skip
"""Parameters that are any text, and name no file."""


def settings_of(stage: str, **changes: Any) -> Settings:
    """The shipped section of ``stage``, with ``changes``."""
    shipped = yaml.safe_load((REPOSITORY / "params.yaml").read_text())[stage]
    model: type[Settings] = Params.model_fields[stage].annotation  # type: ignore[assignment]
    return model.model_validate(shipped | changes)


def test_the_key_follows_values_and_contents(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    (data / "a").write_text("one")

    def key(*parts: object) -> str:
        return keyed_folder("toy", parts, tmp_path / ".work").name

    first = key({"x": 1, "y": 2}, data)
    assert key({"y": 2, "x": 1}, data) == first
    assert key({"x": 1, "y": 3}, data) != first
    (data / "a").write_text("two")
    changed = key({"x": 1, "y": 2}, data)
    assert changed != first
    (data / "a").rename(data / "b")
    assert key({"x": 1, "y": 2}, data) != changed
    assert key(tmp_path / "gone") == key(tmp_path / "gone")


def test_removed_when_done(tmp_path: Path) -> None:
    folder = keyed_folder("toy", [1], tmp_path)
    other = keyed_folder("toy", [2], tmp_path)
    remove_other_work(folder)
    assert not other.exists()
    assert folder.is_dir()
    remove_work(folder)
    assert not folder.exists()


class Tree:
    """A copy of the code that a stage depends on, its inputs, and its section of ``params.yaml``."""

    def __init__(self, stage: str, root: Path) -> None:
        self.stage, self.root = stage, root
        for name in ("dvc.yaml", "params.yaml"):
            shutil.copy(REPOSITORY / name, root / name)
        self.code = [dep for dep in read_pipeline()[stage]["deps"] if is_code(dep)]
        for dep in self.code:
            (root / dep).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if (REPOSITORY / dep).is_dir() else shutil.copy
            copy(REPOSITORY / dep, root / dep)
        self.inputs = [root / dep for dep in data_deps(stage)]
        for path in self.inputs:
            (path if path.suffix else path / "part").parent.mkdir(parents=True, exist_ok=True)
            (path if path.suffix else path / "part").write_text("as it was")
        self.params: dict[str, Any] = yaml.safe_load((root / "params.yaml").read_text())[stage]

    def key(self, free: tuple[str, ...] = ()) -> str:
        return stage_key([self.stage], {self.stage: self.params}, self.inputs, free, self.root)

    def modules(self) -> Iterator[Path]:
        """Every module that the stage depends on."""
        for dep in self.code:
            path = self.root / dep
            yield from path.rglob("*.py") if path.is_dir() else [path]


@pytest.fixture(params=RESUMABLE)
def tree(request: pytest.FixtureRequest, tmp_path: Path) -> Tree:
    return Tree(request.param, tmp_path)


def test_work_goes_on_where_nothing_changed(tree: Tree) -> None:
    first = tree.key()
    for path in (tree.root / "src/__pycache__/x.pyc", tree.root / tree.code[-1] / "__pycache__/x.pyc"):
        if not path.parents[1].is_file():
            path.parent.mkdir(exist_ok=True)
            path.write_text("compiled")
    assert tree.key() == first


def test_a_changed_module_starts_the_work_over(tree: Tree) -> None:
    keys = {tree.key()}
    modules = list(tree.modules())
    for path in modules:
        path.write_text(path.read_text() + "\n# changed\n")
        keys.add(tree.key())
    assert len(keys) == 1 + len(modules)
    assert tree.root / f"stages/{tree.stage}.py" in modules


def test_a_changed_parameter_starts_the_work_over(tree: Tree) -> None:
    before = tree.key()
    for name, value in list(tree.params.items()):
        tree.params[name] = "changed"
        assert tree.key() != before, name
        tree.params[name] = value
    assert tree.key() == before


def test_a_changed_input_starts_the_work_over(tree: Tree) -> None:
    assert tree.inputs
    for path in tree.inputs:
        before = tree.key()
        (path if path.is_file() else path / "part").write_text("changed")
        assert tree.key() != before, path


def test_a_changed_weight_file_starts_the_work_over(tree: Tree, tmp_path: Path) -> None:
    name, form = WEIGHTS[tree.stage]
    assert name in tree.params
    folder = tmp_path / "given"
    folder.mkdir()
    weights = folder / "weights.pth"
    weights.write_bytes(b"one")
    for path in (weights, folder):
        value = [one.format(path=path) for one in form] if isinstance(form, list) else form.format(path=path)
        settings = settings_of(tree.stage, **{name: value})
        assert named_files(settings) == [path]
        tree.params, given = settings.model_dump(), tree.inputs
        tree.inputs = [*given, *named_files(settings)]
        keys = set()
        for content in (b"one", b"two"):
            weights.write_bytes(content)
            keys.add(tree.key())
        tree.inputs = given
        assert len(keys) == 2, path


def test_a_relative_weight_file_lies_below_the_main_repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    keys = set()
    for content in ("one", "two"):
        (tmp_path / "weights.pth").write_text(content)
        (path,) = named_files(settings_of("train", weights="weights.pth"))
        keys.add(stage_key(["train"], {"train": {}}, [path]))
    assert len(keys) == 2


def test_what_is_no_name_of_a_file_is_not_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder called as a value of a parameter, such as that of a data set, is not read at every start."""
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    for folder in ("coco", "classifier", "voc"):
        (tmp_path / folder).mkdir()
    assert named_files(settings_of("prepare", dataset="coco", root="voc"), free=["root"]) == []
    assert named_files(settings_of("evaluate", protocol="coco")) == []
    assert named_files(settings_of("features", backbones=["classifier", "timm:resnet18@"])) == []
    assert named_files(settings_of("train", weights="classifier")) == []
    assert named_files(settings_of("captions", method="git", model="x" * 300, prompt="y" * 300)) == []


def test_every_parameter_that_takes_any_text_names_files_or_none() -> None:
    """A new one is to be marked with `NamesFiles`, or listed above."""

    def texts(model: type[Settings], prefix: str) -> Iterator[str]:
        for name, field in model.model_fields.items():
            if isinstance(field.annotation, type) and issubclass(field.annotation, Settings):
                yield from texts(field.annotation, f"{prefix}{name}.")
            is_text = field.annotation in (str, str | None, list[str])
            if is_text and not any(isinstance(mark, NamesFiles) for mark in field.metadata):
                yield f"{prefix}{name}"

    assert set(texts(Params, "")) == NO_FILES


def test_free_parameters_may_change(tree: Tree) -> None:
    tree.params |= {"api": {"timeout": 1, "size": "a"}, "seed": 0}
    before = tree.key(("api.timeout", "seed"))
    tree.params |= {"api": {"timeout": 2, "size": "a"}, "seed": 1}
    assert tree.key(("api.timeout", "seed")) == before
    tree.params |= {"api": {"timeout": 2, "size": "b"}}
    assert tree.key(("api.timeout", "seed")) != before


def test_the_folder_is_the_stages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    settings = settings_of("train")
    folder = work_folder("train", settings, [tmp_path, tmp_path])
    assert folder.parent == Path(".work/train")
    assert folder.is_dir()
    assert work_folder("train", settings, [tmp_path, tmp_path], called="other").parent == Path(".work/other")
    (tmp_path / "weights.pth").write_text("one")
    keys = set[Path]()
    for content in ("one", "two"):
        (tmp_path / "weights.pth").write_text(content)
        other = settings_of("train", weights=str(tmp_path / "weights.pth"))
        keys.add(work_folder("train", other, [Path("gone"), Path("gone")]))
    assert len(keys) == 2


@pytest.mark.parametrize("name", RESUMABLE)
def test_a_stage_keys_its_work_by_all_that_it_reads(name: str) -> None:
    """The stage itself gives every input that ``dvc.yaml`` lists for it."""
    with pytest.raises(AssertionError, match="inputs"):
        work_folder(name, settings_of(name), [Path("one")] * (len(data_deps(name)) + 1))


def test_a_broken_pipeline_is_named(tmp_path: Path) -> None:
    for text in (None, "stages: [", "[]", "x: 1"):
        if text is not None:
            (tmp_path / "dvc.yaml").write_text(text)
        with pytest.raises(InputError, match=r"dvc\.yaml lists no stages .*git checkout"):
            read_pipeline(tmp_path)

import subprocess
from pathlib import Path

import pytest

from empaste.tracking.run_names import committed_params, differing_params, run_name, short_name

COMMITTED = """
paste: {n_p: 3, seed: 0, scale: [0.6, 1.0], tries: 1, flip: 0}
train: {seed: 0, weights: null}
report: {num_images: 12, tags: {}}
"""


@pytest.fixture(scope="module")
def params(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of parameters in a folder below the top of its repository."""
    root = tmp_path_factory.mktemp("named")
    (root / "project").mkdir()
    path = root / "project" / "params.yaml"
    path.write_text(COMMITTED)
    git = ["git", "-C", str(root), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    return path


@pytest.mark.parametrize(
    ("changes", "experiment", "name"),
    [
        ({}, None, "baseline"),
        ({}, "loud-moth", "loud-moth"),
        ({"n_p: 3": "n_p: 6"}, None, "n_p=6"),
        ({"n_p: 3": "n_p: 6"}, "loud-moth", "n_p=6 (loud-moth)"),
        ({"{seed: 0, w": "{seed: 1, w"}, None, "train.seed=1"),
        ({"[0.6, 1.0]": "[0.3, 1.0]", "weights: null": "weights: MSRA"}, None, "scale=[0.3,1.0], weights=MSRA"),
        ({"num_images: 12": "num_images: 3"}, None, "baseline"),
        ({"n_p: 3": "n_p: 6", "tags: {}": "tags: {study: paste}"}, "paste-six-0", "paste-six-0"),
        (
            {"n_p: 3, seed: 0": "n_p: 6, seed: 2", "[0.6, 1.0]": "1", "tries: 1": "tries: 4", "flip: 0": "flip: 1"},
            None,
            "n_p=6, paste.seed=2, scale=1, tries=4 and 1 more",
        ),
        ({"weights: null": "weights: /a/very/long/path/to/some/weights.pth"}, None, "weights=/a/very/lon…/weights.pth"),
    ],
)
def test_a_run_is_called_by_what_differs(
    params: Path, changes: dict[str, str], experiment: str | None, name: str
) -> None:
    text = COMMITTED
    for old, new in changes.items():
        assert old in text
        text = text.replace(old, new)
    params.write_text(text)
    assert run_name(params, "HEAD", experiment) == name


def test_a_parameter_that_the_commit_lacks_differs(params: Path) -> None:
    params.write_text(COMMITTED.replace("n_p: 3", "n_p: 3, new: x"))
    assert differing_params(params, "HEAD") == {"paste.new": "x"}


@pytest.mark.parametrize("broken", [b"paste: {n_p: 3", b"paste: {n_p: 3}\n# \xff\n"])
def test_to_parameters_that_a_commit_holds_broken_nothing_is_compared(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "params.yaml"
    path.write_bytes(broken)
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "."], ["commit", "-qm", "first"]):
        subprocess.run([*git, *words], check=True)
    path.write_text("paste: {n_p: 6}")
    assert differing_params(path, "HEAD") == {}
    assert run_name(path, "HEAD", None) == "baseline"


@pytest.mark.parametrize("revision", ["HEAD~1", "no-such"])
def test_without_a_commit_to_compare_with_nothing_differs(params: Path, revision: str) -> None:
    params.write_text("paste: {n_p: 6}")
    assert committed_params(params, revision) == {}
    assert run_name(params, revision, None) == "baseline"


def test_outside_a_repository_and_without_a_file_a_run_has_a_name(tmp_path: Path) -> None:
    assert run_name(tmp_path / "params.yaml", "HEAD", None) == "baseline"


def test_a_short_name_is_the_shortest_end_that_no_other_has() -> None:
    names = dict.fromkeys(["a.b.c", "a.d.c", "c", "a.e"])
    assert [short_name(name, names) for name in names] == ["b.c", "d.c", "c", "e"]

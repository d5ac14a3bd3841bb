"""``code.yaml`` names the code of every stage; a stage does not run on code that the project has no record of."""

from pathlib import Path

import pytest
import typer
import yaml

from empaste.artifacts.work import read_pipeline
from empaste.beginning.code_record import check_code, code_hash, record_text
from empaste.errors import InputError
from stages.runner import stage


def test_the_record_has_a_hash_of_every_stage() -> None:
    recorded = yaml.safe_load(record_text())["stages"]
    assert list(recorded) == list(read_pipeline())
    assert len(set(recorded.values())) == len(recorded)
    assert recorded["train"] == code_hash("train")


def test_recorded_code_passes_and_so_does_a_folder_without_record(tmp_path: Path) -> None:
    check_code("train", tmp_path / "code.yaml")
    (tmp_path / "code.yaml").write_text(record_text())
    check_code("train", tmp_path / "code.yaml")


@pytest.mark.parametrize("text", ["stages: {train: 0}", "version: 0.0.9\nstages: {train: abc}", "[]", "stages: 1"])
def test_other_code_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "code.yaml").write_text(text)
    with pytest.raises(InputError, match=r"records other code of the stage train .*run: empaste init --update, then"):
        check_code("train", tmp_path / "code.yaml")


def test_a_stage_ends_before_it_begins(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("code.yaml").write_text("version: 0.0.9\nstages: {}\n")
    ran = []

    @stage("train")
    def main() -> None:
        ran.append(1)

    with pytest.raises(typer.Exit):
        main()
    assert "records other code of the stage train (empaste 0.0.9)" in capsys.readouterr().err
    assert not ran

"""``empaste doctor``: every kind of trouble is named with what to do, and only what is needed breaks it."""

import subprocess
import sys
from pathlib import Path

import pytest

from empaste import doctor
from empaste.doctor import repository
from empaste.doctor.report import source_table
from empaste.proposals import METHODS
from empaste.report.fonts import describe_letters
from tests.doctor.changing import change

ROOT = Path(__file__).parents[2]


def test_a_fresh_clone_is_healthy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert doctor.print_report(folder)
    text = capsys.readouterr().out
    assert "BROKEN" not in text
    assert "params.yaml is valid" in text
    assert "no outputs yet of prepare" in text
    assert "no default remote" in text
    assert "which learned from nothing" in text
    assert describe_letters()[1] in " ".join(text.split())
    for name, source in METHODS.items():
        assert any(line.split()[:1] == [name] and source.learned_from in line for line in text.splitlines())


def test_the_command_ends_with_an_exit_code(folder: Path) -> None:
    command = [str(Path(sys.executable).with_name("empaste")), "doctor"]
    for broken in (False, True):
        if broken:
            change(folder, paste__n_p=0)
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=120, check=False)
        assert done.returncode == int(broken), done.stderr
        assert ("BROKEN params.yaml: paste.n_p is 0" in done.stdout) is broken


def test_elsewhere_everything_is_broken(tmp_path: Path) -> None:
    assert not doctor.print_report(tmp_path)
    assert repository.check_dvc(tmp_path)[0].state == "broken"
    assert repository.check_outputs(tmp_path)[0].state == "broken"


def test_every_source_stands_in_the_report() -> None:
    assert [row[0] for row in source_table()[1:]] == list(METHODS)


def test_the_page_holds_what_the_records_say() -> None:
    page = (ROOT / "docs" / "proposals.md").read_text()
    rows = [[cell.strip(" `*") for cell in line.split("|")[1:-1]] for line in page.splitlines() if line.startswith("|")]
    said = {row[0].split("`")[0]: row for row in rows}
    for name, source in METHODS.items():
        assert said[name][1] == source.learned_from
        assert said[name][-1].replace(",", "") == source.speed

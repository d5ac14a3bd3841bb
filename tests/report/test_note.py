import pytest

from empaste.report.note import MAX_CLASSES, headline_metrics, run_note

METRICS = {
    "evaluate": {"mask": {"AP50": 58.44, "AP75": None, "AP50_per_class": {"cat | dog": 58.44}}},
    "classifier": {"mAP": 91.0},
}


def test_the_headline_sorts_before_all_other_metrics_and_lacks_what_was_not_measured() -> None:
    assert headline_metrics(METRICS) == {"1 mask AP50": 58.44, "6 classifier mAP": 91.0}


def test_the_note_has_the_headline_what_differs_and_the_classes() -> None:
    parts = run_note(METRICS, {"paste.n_p": 6}).split("\n\n")
    assert [len(part.splitlines()) for part in parts] == [8, 3, 3]
    assert parts[0].startswith("|  | percent |\n| --- | --- |\n| mask AP50 | 58.4 |\n| mask AP75 | – |")
    assert parts[1].endswith("| `paste.n_p` | `6` |")
    assert parts[2].splitlines()[-1] == "| cat \\| dog | 58.4 |  |  |"


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("<img src=x onerror=alert(1)>", r"&lt;img src=x onerror=alert\(1\)&gt;"),
        ("![a](http://b/c.png)", r"\!\[a\]\(http\://b/c.png\)"),
        ("[a](javascript:b)", r"\[a\]\(javascript\:b\)"),
        ("`a`", r"\`a\`"),
        ("traffic light", "traffic light"),
    ],
)
def test_no_name_is_markup(name: str, shown: str) -> None:
    metrics = {"evaluate": {"mask": {"AP50_per_class": {name: 1.0}}}}
    assert run_note(metrics, {}).splitlines()[-1].startswith(f"| {shown} | 1.0 |")
    assert run_note({}, {"prepare.root": "`</code><b>"}).endswith(r"| `prepare.root` | \`&lt;/code&gt;&lt;b&gt; |")


def test_a_run_without_figures_has_a_note_and_many_classes_are_counted() -> None:
    assert "differs" not in run_note({}, {})
    many = {"evaluate": {"mask": {"AP50_per_class": {f"class {number}": 1.0 for number in range(99)}}}}
    note = run_note(many, {})
    assert note.endswith(f"{MAX_CLASSES} of 99 classes; all are on the page.")
    assert f"class {MAX_CLASSES - 1} " in note
    assert f"class {MAX_CLASSES} " not in note

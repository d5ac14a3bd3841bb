"""A user's own words beside the package's."""

from pathlib import Path

import numpy as np
import pytest

from empaste.captions.substitution import build_rules, named_in, substitute
from empaste.captions.vocabulary import packaged_vocabulary, read_vocabulary
from empaste.errors import InputError

YAML = """
synonyms:
  garden_gnome: [gnome, dwarf, 小矮人]
  dog: [-pup, Schäferhund]
  person: wanderer
distractors:
  figurines: [statue, wooden crate]
  animal: [llama]
compounds:
  gnome hat: accessory
  dog days: [hot summer]
"""
CLASSES = [("garden_gnome", "figurines"), ("dog", "animal")]


def written(tmp_path: Path, text: str, name: str = "words.yaml") -> str:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return str(tmp_path / name)


def test_no_file_is_the_packages_own() -> None:
    assert read_vocabulary(None, ["dog"]) == packaged_vocabulary()


def test_own_words_join_the_packages(tmp_path: Path) -> None:
    words = read_vocabulary(written(tmp_path, YAML), [name for name, _ in CLASSES])
    assert words.synonyms["garden_gnome"] == ("gnome", "dwarf", "小矮人")
    assert "puppy" in words.synonyms["dog"]
    assert "pup" not in words.synonyms["dog"]
    assert words.synonyms["person"][-1] == "wanderer"
    assert words.distractors["animal"] == ("llama",)
    assert words.distractors["food"] == packaged_vocabulary().distractors["food"]
    rules = build_rules(CLASSES, words)
    text = "Two Dwarfs, a pup, a Schäferhund and a gnome hat in the dog days"
    assert named_in(text, rules) == ["garden_gnome", "dog", "gnome hat", "dog days"]
    assert (
        substitute("the Schäferhund in the dog days", rules, np.random.default_rng(0)) == "the Llama in the hot summer"
    )
    assert "statue" in {
        substitute("the gnome", rules, np.random.default_rng(s)).removeprefix("the ") for s in range(20)
    }


def test_a_class_may_be_called_by_a_synonym(tmp_path: Path) -> None:
    """VOC's sofa is the couch of the tables: what is added to it does not take its other words away."""
    text = "synonyms: {sofa: [divan, -futon], motorbike: [two wheeler]}"
    words = read_vocabulary(written(tmp_path, text), ["sofa", "motorbike"])
    rules = build_rules([("sofa", "furniture"), ("motorbike", "vehicle")], words)
    assert (
        named_in("a divan, a couch, a settee, a futon, a two-wheeler, a moped", rules)
        == ["sofa"] * 3 + ["motorbike"] * 2
    )


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("w.csv", "class,synonym\nDog,Mutt\ndog,-pup\n"),
        ("w.tsv", "synonym\tclass\nMutt\tdog\n-pup\tdog\n"),
        ("w.csv", "class;synonym\ndog;Mutt\ndog;-pup\n"),
    ],
)
def test_csv(tmp_path: Path, name: str, text: str) -> None:
    words = read_vocabulary(written(tmp_path, text, name), ["dog"])
    assert words.synonyms["dog"][-1] == "Mutt"
    assert "pup" not in words.synonyms["dog"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "synonyms: {dgo: [mutt]}",
            r"synonyms has 'dgo', which is no class .*; did you mean dog\? classes: dog, garden_gnome",
        ),
        ("dog: [mutt]", r"has dog at its top; allowed there: synonyms, distractors, compounds \(the words for a class"),
        ("[1, 2]", r"has \[1, 2\] at its top"),
        ("synonyms: [dog]", "synonyms holds list; write name"),
        ("synonyms: {dog: [yes, mutt]}", r"synonyms\.dog is \[True, 'mutt'\]; write a list of words, quoted"),
        ("distractors: {animal: 3}", r"distractors\.animal is 3; write a list"),
        ("compounds: {1: food}", r"compounds\.1 is 'food'"),
        ("synonyms: {dog: ['']}", r"synonyms\.dog is \[''\]"),
        ("synonyms: {", "is not valid YAML"),
        ("synonyms: {dog: [mutt], dog: [cur]}", "is not valid YAML: the key 'dog' stands twice"),
        ("synonyms: {Dog: [mutt], dog: [cur]}", "synonyms has dog twice, as it is read in lower case"),
        ("synonyms: {dog: 2001-99-99}", "is not valid YAML: month must be in"),
        ("[" * 5000, "is not valid YAML"),
        (
            f"synonyms: {{dog: [&a0 [x], {', '.join(f'&a{k} [*a{k - 1}, *a{k - 1}]' for k in range(1, 60))}]}}",
            r"synonyms\.dog is \[\['x'\], .*\.\.\.\]; write a list of words",
        ),
        ("? [a]\n: b", "is not valid YAML|at its top"),
    ],
)
def test_what_is_wrong_with_a_yaml_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_vocabulary(written(tmp_path, text), [name for name, _ in CLASSES])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("name,word\ndog,mutt\n", "lacks the columns class, synonym; its columns are name, word"),
        ("class,synonym\ndog,\n", "line 2: wanted one class and one synonym"),
        ("class,synonym\ndog,mutt,cur\n", "line 2: 3 fields, .*'cur'.*give every synonym a row of its own"),
        ("class,synonym,synonym\ndog,mutt,cur\n", "has the column synonym twice"),
        ("class,synonym\ndog\n", "line 2: wanted one class and one synonym"),
        ('class,synonym\ndog,"mutt\n', "line 2: unexpected end of data"),
        ("", r"lacks the columns .* its columns are \(none\)"),
    ],
)
def test_what_is_wrong_with_a_csv_file_is_said(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        read_vocabulary(written(tmp_path, text, "w.csv"), ["dog"])


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(
        InputError, match=r"captions\.synonyms is .*no\.yaml.*, which cannot be read \(No such file.*null"
    ):
        read_vocabulary(str(tmp_path / "no.yaml"), ["dog"])
    (tmp_path / "latin.yaml").write_bytes("synonyms: {dog: [Köter]}".encode("latin-1"))
    with pytest.raises(InputError, match="is not UTF-8 text"):
        read_vocabulary(str(tmp_path / "latin.yaml"), ["dog"])


def test_an_empty_file_adds_nothing(tmp_path: Path) -> None:
    assert read_vocabulary(written(tmp_path, "synonyms:\n"), ["dog"]) == packaged_vocabulary()

"""No line of the product reads a file in a way in which the file could run code.

Most of it is said by ruff's rules S (flake8-bandit), which `make lint` runs: pickles, eval, shells, YAML, archives.
They do not know what loads weights; that is walked through here. What a loader does with a harmful file, its own tests
show.
"""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(path for folder in ("src", "stages", "website") for path in (ROOT / folder).rglob("*.py"))
TENSORS_ALONE = {
    "torch.load", "load_state_dict_from_url", "get_state_dict", "open_clip.create_model",
    "open_clip.create_model_from_pretrained", "open_clip.create_model_and_transforms",
}  # fmt: skip
"""What reads a pickle unless it is told not to; ``weights_only`` is written out, whatever the default of the day."""
PICKLERS = {"cloudpickle", "dill", "joblib", "marshal", "pickle", "shelve"}
MAY_PICKLE = {
    "src/empaste/errors.py",  # names an exception
    "src/empaste/detectors/detectron2.py",  # the unpickler that builds arrays and nothing else
}
NEVER = {"extract", "extractall", "read_pickle", "unpack_archive", "unsafe_load", "full_load"}
MAY_IGNORE = {"S101", "S603", "S607"}
"""Ruff's rules that are off everywhere: assert, and commands of our own without a shell."""
EXCEPTIONS = {
    ("src/empaste/backgrounds/api.py", "S310"): 2,  # the scheme of the endpoint's address is checked
    ("src/empaste/captions/vocabulary.py", "S506"): 1,  # a SafeLoader that refuses doubled keys
    ("src/empaste/datasets/voc_annotations.py", "S314"): 1,  # expat bounds what entities grow to
    ("src/empaste/report/rendering.py", "S704"): 1,  # a script of the package's own
    ("src/empaste/yaml_files.py", "S506"): 1,  # a SafeLoader that refuses doubled keys
}
"""Where a rule is off for a line, and how often."""


def unsafe(tree: ast.AST, may_pickle: bool = False) -> Iterator[str]:
    """What in ``tree`` could run what a file holds."""
    called = {id(node.func) for node in ast.walk(tree) if isinstance(node, ast.Call)}
    for node in ast.walk(tree):
        match node:
            case ast.Import(names=names) if not may_pickle:
                yield from (one.name for one in names if one.name.partition(".")[0] in PICKLERS)
            case ast.ImportFrom(module=str(module)) if not may_pickle and module.partition(".")[0] in PICKLERS:
                yield module
            case ast.Attribute(attr=name) if name in NEVER:
                yield name
            case ast.Attribute(attr="from_pretrained") if id(node) not in called:
                yield "from_pretrained under another name"
            case ast.Call():
                yield from _unsafe_call(node)


def _unsafe_call(node: ast.Call) -> Iterator[str]:
    name, options = ast.unparse(node.func), {one.arg: ast.unparse(one.value) for one in node.keywords}
    if (name in TENSORS_ALONE or name.rpartition(".")[2] in TENSORS_ALONE) and options.get("weights_only") != "True":
        yield f"{name} without weights_only=True"
    if name.endswith(".from_pretrained") and options.get("trust_remote_code") != "False":
        yield f"{name} without trust_remote_code=False"
    if name.endswith(".merge_from_file") and options.get("allow_unsafe") != "False":
        yield f"{name} without allow_unsafe=False"
    if options.get("allow_pickle", "False") != "False":
        yield f"{name} with allow_pickle"


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("torch.load(path)", "torch.load without weights_only=True"),
        ("torch.load(path, weights_only=False)", "torch.load without weights_only=True"),
        ("weights.get_state_dict(progress=True)", "weights.get_state_dict without weights_only=True"),
        ("torch.hub.load_state_dict_from_url(u)", "torch.hub.load_state_dict_from_url without weights_only=True"),
        ("open_clip.create_model(name)", "open_clip.create_model without weights_only=True"),
        ("np.load(path, allow_pickle=True)", "np.load with allow_pickle"),
        ("AutoModel.from_pretrained(name)", "AutoModel.from_pretrained without trust_remote_code=False"),
        ("load = AutoModel.from_pretrained", "from_pretrained under another name"),
        ("cfg.merge_from_file(path)", "cfg.merge_from_file without allow_unsafe=False"),
        ("archive.extract(name)", "extract"),
        ("pd.read_pickle(path)", "read_pickle"),
        ("import pickle", "pickle"),
        ("from joblib.numpy_pickle import load", "joblib.numpy_pickle"),
    ],
)
def test_what_is_unsafe_is_seen(code: str, said: str) -> None:
    assert list(unsafe(ast.parse(code))) == [said]


@pytest.mark.parametrize(
    "code",
    [
        "torch.load(path, weights_only=True)",
        "np.load(path, mmap_mode='r')",
        "np.load(path, allow_pickle=False)",
        "AutoModel.from_pretrained(name, use_safetensors=True, trust_remote_code=False)",
        "network.load_state_dict(state)",
    ],
)
def test_what_is_safe_is_left_alone(code: str) -> None:
    assert not list(unsafe(ast.parse(code)))


def test_no_file_that_is_read_can_run_code() -> None:
    names = {path: path.relative_to(ROOT).as_posix() for path in FILES}
    found = {
        name: list(unsafe(ast.parse(path.read_text()), may_pickle=name in MAY_PICKLE)) for path, name in names.items()
    }
    assert len(FILES) > 300
    assert {name: said for name, said in found.items() if said} == {}


def test_ruffs_rules_of_security_are_on() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["ruff"]["lint"]
    assert "S" in settings["select"]
    assert {rule for rule in settings["ignore"] if re.fullmatch(r"S\d*", rule)} == MAY_IGNORE
    off = {
        place for place, rules in settings["per-file-ignores"].items() if any(rule.startswith("S") for rule in rules)
    }
    assert off == {"tests/*"}


def test_the_lines_that_are_exempt_from_them_are_known() -> None:
    found: dict[tuple[str, str], int] = {}
    for path in FILES:
        for rule in re.findall(r"# noqa: *[A-Z0-9, ]*?\b(S\d+)", path.read_text()):
            key = path.relative_to(ROOT).as_posix(), rule
            found[key] = found.get(key, 0) + 1
    assert found == EXCEPTIONS


def test_every_template_escapes_what_it_is_given() -> None:
    """Apart from charts, which are SVG of this package that escapes each name."""
    environments = [
        ast.unparse(node)
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func).rpartition(".")[2] in ("Environment", "Template")
    ]
    assert len(environments) == 2
    assert all("autoescape=True" in one for one in environments)
    templates = sorted((ROOT / "src").rglob("*.jinja"))
    unescaped = {found for path in templates for found in re.findall(r"\{\{\s*(\S+)\s*\|\s*safe", path.read_text())}
    assert len(templates) == 5
    assert unescaped == {"chart", "class_chart", "quality_chart", "size_chart"}
    assert not [path for path in templates if "autoescape false" in path.read_text()]


def test_no_script_makes_markup_of_text() -> None:
    scripts = sorted((ROOT / "src").rglob("*.js"))
    assert {path.name for path in scripts} == {"page.js", "review.js"}
    forbidden = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function")
    assert not [path for path in scripts if forbidden.search(path.read_text())]

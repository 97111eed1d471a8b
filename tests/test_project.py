"""Promises of the project as a whole: its pages are true, its lists agree, its loads are safe."""

import ast
import re
import subprocess
import sys
import tomllib
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from statistics import median
from types import ModuleType

import grimp
import pytest

from recweave.core.extras import EXTRAS
from recweave.runs.spec import read_recipe

ROOT = Path(__file__).parents[1]
SOURCE = sorted((ROOT / "src").rglob("*.py"))
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```python\n(.*?)^```$", re.DOTALL | re.MULTILINE)
BLOCKS = [
    pytest.param(block, id=f"{page.relative_to(ROOT)}:{number}")
    for page in PAGES
    for number, block in enumerate(FENCE.findall(page.read_text()), 1)
]


@pytest.mark.parametrize("block", BLOCKS)
def test_every_python_block_of_the_pages_runs(block, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    page = ModuleType("page")
    monkeypatch.setitem(sys.modules, "page", page)  # a recipe of the page names its trainer
    exec(compile(block, "page", "exec"), vars(page))


@pytest.mark.parametrize("file", sorted((ROOT / "examples").glob("*.py")), ids=lambda f: f.name)
def test_every_example_runs(file, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    exec(compile(file.read_text(), file.name, "exec"), {"__name__": "example"})
    assert capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_the_pages_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if not target.startswith(("http", "#", "mailto")):
            path = (page.parent / target.partition("#")[0]).resolve()
            assert path.exists(), f"{page.name} links to {target}"


NAMED = re.compile(
    r"(?<![\w/.*…-])((?:recipes|benchmarks|tests|docs|examples)/[\w/.-]+\.\w+|[\w-]+\.md)\b"
)
"""Files of ours as pages and docstrings name them."""


@pytest.mark.parametrize("page", [*PAGES, *SOURCE], ids=lambda page: str(page.relative_to(ROOT)))
def test_no_page_or_docstring_names_a_file_that_is_not_in_the_repository(page):
    known = {path.name for path in ROOT.glob("*.md")} | {path.name for path in PAGES}
    for name in NAMED.findall(page.read_text()):
        there = (ROOT / name).exists() if "/" in name else name in known
        assert there, f"{page.name} names {name}"


def test_the_readme_has_at_most_120_lines():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 120


def test_the_reference_pages_are_those_that_the_code_gives():
    done = subprocess.run(
        [sys.executable, ROOT / "docs/make_reference.py", "--check"], capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("file", sorted((ROOT / "recipes").glob("*.toml")), ids=lambda f: f.name)
def test_every_recipe_file_can_be_read(file):
    experiment = read_recipe(file)
    assert all(entry.recipes() or entry.members for entry in experiment.models)


def test_the_extras_are_those_of_pyproject():
    told = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert set(told["optional-dependencies"]) == {*EXTRAS, "all"}


def test_import_is_light():
    """No torch, and none of what only reports, tuning and the command line need."""
    code = "import sys, recweave; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert not loaded & {"torch", "altair", "optuna", "implicit", "typer", "pandas", "pyarrow"}


def test_help_is_quick():
    """`recweave --help` and `--version` load the words of the commands and nothing that works."""
    code = "import sys, recweave.cli; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"polars", "numpy", "scipy", "pydantic", "pydantic_settings", "rich"}
    assert not set(done.stdout.split()) & heavy


def test_the_library_doors_open():
    import recweave

    for name in recweave.__all__:
        assert getattr(recweave, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nope'"):
        recweave.nope  # noqa: B018


def test_no_load_can_run_code():
    bad = re.compile(
        r"\bpickle\b|torch\.load\(|joblib|cloudpickle|yaml\.load\(|[^.\w]eval\(|exec\("
    )
    for path in SOURCE:
        for number, line in enumerate(path.read_text().splitlines(), 1):
            code = line.partition("#")[0]
            if '"""' not in code and "`" not in code:
                found = bad.search(code)
                assert not found, f"{path.relative_to(ROOT)}:{number} has {found.group()}"


def lengths():
    return {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in SOURCE}


def test_no_path_is_read_as_a_pattern():
    """Polars takes `[1]` in a path for a pattern, and then finds other files or none."""
    reads = {"read_parquet", "scan_parquet", "read_csv", "scan_csv", "scan_lines", "read_ipc"}
    found = []
    for file in SOURCE:
        for node in ast.walk(ast.parse(file.read_text())):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            name, words = node.func.attr, {one.arg: one.value for one in node.keywords}
            value = words.get("glob")
            literal = isinstance(value, ast.Constant) and value.value is False
            if name in reads and not literal:
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
            if name in ("scan_ndjson", "read_ndjson") and "glob.escape" not in file.read_text():
                found.append(f"{file.relative_to(ROOT)}:{node.lineno}")
    assert found == []


def test_no_file_is_longer_than_400_lines():
    assert not {name: n for name, n in lengths().items() if n > 400}


def test_half_of_the_files_have_at_most_110_lines():
    assert median(lengths().values()) <= 110


def test_no_module_imports_itself_by_way_of_others():
    """Imports at the top, within functions and for types alike: a circle is a wrong cut."""
    graph = grimp.build_graph("recweave", cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    order = TopologicalSorter(imports)
    try:
        order.prepare()
    except CycleError as error:
        pytest.fail("these modules import each other: " + " <- ".join(error.args[1]))

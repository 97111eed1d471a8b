"""Rows that failed are named, with the reason, wherever somebody asks for them."""

import errno
import json
import shutil

import polars as pl
import pytest

from recweave.cli import main
from recweave.core.errors import BadArtifact, BadSetting, RecweaveError, UnknownName
from recweave.experiment.fit import fit
from recweave.experiment.run import run
from recweave.models.base import Recipe
from recweave.report.compare import compare, table_of
from recweave.report.words import words
from recweave.runs import folder as run_folder
from recweave.runs.answering import open_bundle
from recweave.runs.spec import read_recipe
from recweave.runs.summary import read_run


class Broken(Recipe):
    """A plug-in with a fault."""

    trainer = f"{__name__}:train_broken"


def train_broken(recipe, data, options):
    raise ZeroDivisionError("division by zero")


class Panics(Recipe):
    """A plug-in that makes Polars break off."""

    trainer = f"{__name__}:train_panics"


def train_panics(recipe, data, options):
    raise pl.exceptions.PanicException("index out of bounds")


BROKEN = f'\n[[models]]\nkind = "{__name__}:Broken"\n'
PANICS = f'\n[[models]]\nkind = "{__name__}:Panics"\n'
REASON = "ZeroDivisionError: division by zero"


@pytest.fixture
def go(recipe):
    def run_in(folder, **how):
        return run(read_recipe(recipe), folder, base_dir=recipe.parent, **how)

    return run_in


@pytest.fixture
def some_failed(go, recipe, tmp_path):
    """The folder of a run whose baseline failed, and its recipe."""
    text = recipe.read_text().replace('baseline = "random"', 'baseline = "Broken"')
    recipe.write_text(text + BROKEN)
    return go(tmp_path / "run").path, read_recipe(recipe)


@pytest.fixture
def all_failed(go, recipe, tmp_path):
    """The folder of a run of which every row failed, and its recipe."""
    recipe.write_text('data = "shop"' + BROKEN + BROKEN + 'variant = "b"\n')
    with pytest.raises(RecweaveError, match=f"'Broken' failed with {REASON}"):
        go(tmp_path / "run")
    return tmp_path / "run", read_recipe(recipe)


def test_asking_for_a_failed_row_says_why_it_failed(some_failed, recipe):
    folder, experiment = some_failed
    asked = (
        lambda: open_bundle(folder, "Broken"),
        lambda: fit(experiment, "Broken", run=folder, base_dir=recipe.parent),
        lambda: read_run(folder).row("Broken"),
        lambda: read_run(folder).drawn_on("Broken"),
        lambda: words(folder),
    )
    for ask in asked:
        with pytest.raises(BadArtifact) as error:
            ask()
        assert str(error.value) == (
            f"'Broken' of {folder} failed ({REASON}); name another row, or mend the cause and run "
            "the recipe again"
        )
    with pytest.raises(UnknownName, match="no row is called 'rnadom'; did you mean 'random'"):
        read_run(folder).row("rnadom")


def test_the_others_of_a_run_with_a_failed_row_answer(some_failed, recipe):
    folder, experiment = some_failed
    assert open_bundle(folder).name == "popularity"
    assert fit(experiment, run=folder, base_dir=recipe.parent).name == "popularity"


def test_a_run_of_which_every_row_failed_says_so(all_failed, recipe):
    folder, experiment = all_failed
    asked = (
        lambda: read_run(folder),
        lambda: open_bundle(folder),
        lambda: open_bundle(folder, "Broken"),
        lambda: fit(experiment, run=folder, base_dir=recipe.parent),
        lambda: compare([folder]),
        lambda: words(folder),
    )
    for ask in asked:
        with pytest.raises(BadArtifact) as error:
            ask()
        assert str(error.value) == (
            f"every row of {folder} failed, the first, 'Broken', with: {REASON}; mend the cause "
            "and run the recipe again"
        )


def test_a_panic_of_polars_is_a_failed_row_like_any_other(go, recipe, tmp_path):
    recipe.write_text(recipe.read_text() + PANICS)
    found = go(tmp_path / "run")
    assert found.names() == ["popularity", "random"]
    assert dict(found.failed) == {"Panics": "PanicException: index out of bounds"}


def test_a_comparison_names_failed_rows_and_a_failed_baseline(some_failed):
    folder, _ = some_failed
    for table in (table_of(read_run(folder)), compare([folder])):
        assert table.baseline.name == "popularity"
        assert table.failures() == [
            f"Broken failed: {REASON}",
            "the baseline Broken failed, so rows are compared with popularity",
        ]
        assert table.to_json()["failed"] == {"Broken": REASON}
        assert table.to_json()["failed_baseline"] == "Broken"
    named = compare([folder], baseline="random")
    assert named.failures() == [f"Broken failed: {REASON}"]
    with pytest.raises(BadSetting) as error:
        compare([folder], baseline="Broken")
    assert str(error.value) == (
        f"the baseline 'Broken' failed ({REASON}); compare with another row, such as 'popularity'"
    )


def test_rows_of_several_runs_have_names_of_their_own_failed_ones_too(some_failed, tmp_path):
    folder, _ = some_failed
    (tmp_path / "other").mkdir()
    for copy in ("other/run", "third"):
        shutil.copytree(folder, tmp_path / copy)
    table = compare([folder, tmp_path / "third", tmp_path / "other/run"])
    assert [row.name for row in table.rows] == [
        *(f"{folder}/{row}" for row in ("popularity", "random")),
        *(f"third/{row}" for row in ("popularity", "random")),
        *(f"{tmp_path}/other/run/{row}" for row in ("popularity", "random")),
    ]
    assert table.baseline is table.rows[0]
    assert list(table.failed) == [
        f"{folder}/Broken", "third/Broken", f"{tmp_path}/other/run/Broken"
    ]  # fmt: skip
    assert table.failed_baseline == f"{folder}/Broken"
    with pytest.raises(BadSetting, match=r"the baseline 'third/Broken' failed \(ZeroDiv"):
        compare([folder, tmp_path / "third"], baseline="third/Broken")
    with pytest.raises(BadSetting, match="is named twice"):
        compare([folder, tmp_path / "third" / ".." / "run"])


@pytest.mark.parametrize("form", ["", "--markdown", "--latex", "--csv", "--json"])
def test_the_command_compare_names_failed_rows_in_each_form(some_failed, monkeypatch, capsys, form):
    folder, _ = some_failed
    monkeypatch.setattr("sys.argv", ["recweave", "compare", str(folder), *[form] * bool(form)])
    with pytest.raises(SystemExit) as stop:
        main()
    assert not stop.value.code
    out, err = capsys.readouterr()
    lines = [
        f"Broken failed: {REASON}",
        "the baseline Broken failed, so rows are compared with popularity",
    ]
    if form == "--json":
        assert json.loads(out)["failed"] == {"Broken": REASON}
        assert err == ""
    elif form in ("--latex", "--csv"):  # the table alone goes to a file
        assert err.splitlines() == lines
        assert "failed" not in out
    else:
        assert [line for line in lines if line in out.splitlines()] == lines
        assert err == ""


@pytest.mark.parametrize("damage", ["a list", "no JSON", "a file for a bundle", "gone meanwhile"])
def test_a_broken_folder_beside_the_run_is_passed_over(go, recipe, tmp_path, monkeypatch, damage):
    first = go(tmp_path / "runs/r-1", family="r")
    result = tmp_path / "runs/r-1/cells/popularity.0/result.json"
    if damage == "a list":
        result.write_text("[]")
    elif damage == "no JSON":
        result.write_text("{")
    elif damage == "a file for a bundle":
        shutil.rmtree(tmp_path / "runs/r-1/bundles/popularity")
        (tmp_path / "runs/r-1/bundles/popularity").write_text("")
    else:
        monkeypatch.setattr(run_folder, "_copy", raising(FileNotFoundError(2, "gone", "x")))
    again = go(tmp_path / "runs/r-2", family="r")
    assert [row.means for row in again.rows] == [row.means for row in first.rows]
    assert (again.path / "bundles/popularity/bundle.json").exists()


def test_a_full_disk_ends_the_copying(go, tmp_path, monkeypatch):
    go(tmp_path / "runs/r-1", family="r")
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("shutil.copyfile", raising(full))
    with pytest.raises(OSError, match="No space left"):
        go(tmp_path / "runs/r-2", family="r")


def raising(error):
    def fail(*_, **__):
        raise error

    return fail


def test_a_bundle_is_copied_once_for_all_seeds(go, recipe, tmp_path, monkeypatch):
    recipe.write_text(recipe.read_text().replace("title =", "seeds = [0, 1, 2]\ntitle =", 1))
    go(tmp_path / "runs/r-1", family="r")
    copied = []
    copy = run_folder._copy
    monkeypatch.setattr(
        run_folder,
        "_copy",
        lambda source, target: copied.append(source.name) or copy(source, target),
    )
    go(tmp_path / "runs/r-2", family="r")
    cells = [f"{row}.{seed}" for row in ("popularity", "random") for seed in range(3)]
    assert sorted(copied) == sorted([*cells, "popularity", "random"])


def test_a_broken_cell_of_the_run_itself_is_made_again(go, tmp_path):
    first = go(tmp_path / "run")
    for text in ("{", "[]", '{"whole": {}}'):
        (tmp_path / "run/cells/popularity.0/result.json").write_text(text)
        assert [row.means for row in go(tmp_path / "run").rows] == [r.means for r in first.rows]
    key = json.loads((tmp_path / "run/made_from.json").read_text())["rows"]["popularity"]
    (tmp_path / "run/cells/popularity.0/result.json").write_text(json.dumps({"key": key}))
    with pytest.raises(BadArtifact, match=r"popularity\.0 is broken"):
        read_run(tmp_path / "run")

"""Rows of a run: those that fail, those that an edited recipe leaves as they were, folders."""

import json
import re

import polars as pl
import pytest

from recweave.cli import main
from recweave.core.errors import BadArtifact, BadSetting, RecweaveError
from recweave.experiment.prepare import Prepared
from recweave.experiment.run import run
from recweave.models.base import Recipe
from recweave.report.compare import table_of
from recweave.runs.spec import read_recipe
from recweave.runs.summary import read_run


class Broken(Recipe):
    """A plug-in with a fault."""

    trainer = f"{__name__}:train_broken"
    kind_of_fault: str = "bug"


def train_broken(recipe, data, options):
    faults = {
        "bug": ZeroDivisionError("division by zero"),
        "memory": MemoryError("4 GB"),
        "disk": OSError(28, "No space left on device"),
    }
    raise faults[recipe.kind_of_fault]


PLUG_IN = f'\n[[models]]\nkind = "{__name__}:Broken"\n'


@pytest.fixture
def fitted(monkeypatch):
    """The names of the recipes that are fitted, in order."""
    found = []
    real = Prepared.fit

    def fit(self, one, *, seed, final):
        found.append(type(one).__name__)
        return real(self, one, seed=seed, final=final)

    monkeypatch.setattr(Prepared, "fit", fit)
    return found


@pytest.fixture
def go(recipe):
    def run_in(folder, **how):
        return run(read_recipe(recipe), folder, base_dir=recipe.parent, **how)

    return run_in


@pytest.mark.parametrize(
    ("fault", "reason"),
    [("bug", "ZeroDivisionError: division by zero"), ("memory", "MemoryError: 4 GB")],
)
def test_a_row_that_fails_leaves_the_others_and_is_tried_again(
    go, recipe, tmp_path, fitted, fault, reason
):
    recipe.write_text(recipe.read_text() + PLUG_IN + f"kind_of_fault = '{fault}'\n")
    found = go(tmp_path / "run")
    assert found.names() == ["popularity", "random"]
    assert dict(found.failed) == {"Broken": reason}
    payload = json.loads((tmp_path / "run/metrics.json").read_text())
    assert payload["failed"] == {"Broken": reason}
    assert [model["name"] for model in payload["models"]] == ["popularity", "random"]
    trace = json.loads((tmp_path / "run/cells/Broken.0/failed.json").read_text())["traceback"]
    assert "train_broken" in trace
    assert read_run(tmp_path / "run").failed == found.failed
    del fitted[:]
    go(tmp_path / "run")
    assert fitted == ["Broken"]


def test_a_failed_baseline_gives_way_to_the_first_row(go, recipe, tmp_path):
    text = recipe.read_text().replace('baseline = "random"', 'baseline = "Broken"')
    recipe.write_text(text + PLUG_IN)
    found = go(tmp_path / "run")
    assert table_of(found).baseline.name == "popularity"


def test_a_blend_of_a_failed_row_fails_with_it(go, recipe, tmp_path):
    blend = '\n[[models]]\nkind = "blend"\nmembers = ["popularity", "Broken"]\n'
    recipe.write_text(recipe.read_text() + PLUG_IN + blend)
    found = go(tmp_path / "run")
    assert found.failed["blend"] == "its member 'Broken' failed"
    assert found.names() == ["popularity", "random"]


def test_a_full_disk_ends_the_run_as_it_is_no_fault_of_the_row(go, recipe, tmp_path):
    recipe.write_text(recipe.read_text() + PLUG_IN + "kind_of_fault = 'disk'\n")
    with pytest.raises(OSError, match="No space left"):
        go(tmp_path / "run")


def test_a_run_of_which_all_rows_fail_is_an_error_with_the_reason(go, recipe, tmp_path):
    recipe.write_text('data = "shop"' + PLUG_IN)
    with pytest.raises(RecweaveError, match="'Broken' failed with ZeroDivisionError"):
        go(tmp_path / "run")


def test_the_command_shows_the_table_names_the_row_and_ends_with_1(
    recipe, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(recipe.parent)
    recipe.write_text(recipe.read_text() + PLUG_IN)
    for words in (["--out", "o"], ["--out", "o", "--json"]):
        monkeypatch.setattr("sys.argv", ["recweave", "run", recipe.name, *words])
        with pytest.raises(SystemExit) as stop:
            main()
        assert stop.value.code == 1
        out, err = capsys.readouterr()
        if "--json" in words:
            assert list(json.loads(out)["failed"]) == ["Broken"]
        else:
            assert "popularity" in out
            assert "Broken failed: ZeroDivisionError: division by zero" in out
        assert "1 of 3 rows failed" in err


def test_a_stage_that_fails_is_named_with_its_line(recipe, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(recipe.parent)
    stage = 'stages = [{ kind = "cap", field = "brandd", n = 1 }]'
    text = recipe.read_text() + f'\n[[models]]\nkind = "random"\nvariant = "x"\n{stage}\n'
    recipe.write_text(text)
    line = text.splitlines().index(stage) + 1
    monkeypatch.setattr("sys.argv", ["recweave", "run", recipe.name, "--out", "o", "--json"])
    with pytest.raises(SystemExit):
        main()
    reason = json.loads(capsys.readouterr().out)["failed"]["random-x"]
    assert reason.startswith(f"{recipe.name}:{line}: ")
    assert "brandd" in reason


def test_an_edited_recipe_fits_only_what_the_edit_changes(go, recipe, tmp_path, fitted):
    knn = '\n[[models]]\nkind = "item_knn"\nk = 5\n'
    blend = '[[models]]\nkind = "blend"\nmembers = ["popularity", "item_knn"]\n'
    recipe.write_text(recipe.read_text() + knn + blend)
    first = go(tmp_path / "run")
    del fitted[:]
    edited = recipe.read_text().replace("k = 5", "k = 6").replace("Two floors", "Three")
    recipe.write_text(edited)
    again = go(tmp_path / "run")
    # The row, and the blend that it is a member of: both members once more.
    assert fitted == ["ItemKNN", "Popularity", "ItemKNN"]
    assert again.experiment.title == "Three"
    for name in ("popularity", "random"):
        old, new = (next(r for r in s.rows if r.name == name) for s in (first, again))
        assert old.report.per_user.equals(new.report.per_user)
    assert again.rows[2].settings["k"] == 6
    recipe.write_text(edited.replace("metrics = [", 'metrics = ["mrr@5", '))
    assert all(row.value("mrr@5") is not None for row in go(tmp_path / "run").rows)


def test_a_run_that_was_cut_off_after_an_edit_is_not_read_with_the_old_rows(
    go, recipe, tmp_path, monkeypatch
):
    go(tmp_path / "run")
    recipe.write_text(recipe.read_text().replace('"popularity"', '"popularity"\ndays = 3', 1))

    def killed(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(Prepared, "fit", killed)
    with pytest.raises(KeyboardInterrupt):
        go(tmp_path / "run")
    with pytest.raises(BadArtifact, match="'popularity' with seed 0 is not done"):
        read_run(tmp_path / "run")


def test_default_folders_share_rows_and_are_separate_for_other_data(
    go, recipe, shop, tmp_path, fitted
):
    first = go(tmp_path / "runs/r-1", family="r")
    knn = '\n[[models]]\nkind = "item_knn"\nk = 5\n'
    recipe.write_text(recipe.read_text() + knn)
    del fitted[:]
    edited = go(tmp_path / "runs/r-2", family="r")
    assert fitted == ["ItemKNN"]
    assert edited.names() == ["popularity", "random", "item_knn"]
    assert (edited.path / "bundles/popularity/bundle.json").exists()
    assert edited.rows[0].report.per_user.equals(first.rows[0].report.per_user)

    events = pl.read_parquet(shop / "events.parquet")
    shop_again = events.with_columns(value=pl.lit(2.0, pl.Float32))
    shop_again.write_parquet(shop / "events.parquet")
    del fitted[:]
    refreshed = go(tmp_path / "runs/r-2", family="r")
    assert re.fullmatch(r"r-2-[0-9a-f]{8}", refreshed.path.name)
    assert fitted == ["Popularity", "Random", "ItemKNN"]
    assert read_run(tmp_path / "runs/r-2").data["fingerprint"] == edited.data["fingerprint"]
    del fitted[:]
    assert go(tmp_path / "runs/r-2", family="r").path == refreshed.path
    assert fitted == []
    with pytest.raises(BadSetting, match="belongs to a run on other data"):
        go(tmp_path / "runs/r-2")


@pytest.mark.parametrize("text", ["{}", "[]", "3", '{"recipe": {}}', "{"])
def test_a_broken_made_from_is_named(go, tmp_path, text):
    go(tmp_path / "run")
    (tmp_path / "run/made_from.json").write_text(text)
    for read in (read_run, go):
        with pytest.raises(BadArtifact, match=r"made_from\.json"):
            read(tmp_path / "run")


def test_settings_that_make_the_same_model_are_fitted_once(go, recipe, tmp_path, fitted, caplog):
    search = "search = { dim = [0, 2], alpha = [0.1, 0.3, 0.5] }"
    recipe.write_text(recipe.read_text() + f'\n[[models]]\nkind = "gf_cf"\n{search}\n')
    found = go(tmp_path / "run")
    assert fitted.count("GFCF") == 4
    assert found.rows[2].tried == 4
    assert "gf_cf: 2 of the 6 settings to search make the same model as another" in caplog.text


def test_the_same_fit_is_the_same_model():
    from recweave.models.graph.gfcf import GFCF

    off = GFCF(dim=0, alpha=0.5, decay=0.9).same_fit()
    assert off == GFCF(dim=7, alpha=0, decay=0.9).same_fit()
    assert off != GFCF(dim=0, alpha=0.5).same_fit()
    assert GFCF(dim=2, alpha=0.1).same_fit() == GFCF(dim=2, alpha=0.1)


def test_metrics_of_more_items_than_there_are_read_the_whole_catalogue(recipe, tmp_path, caplog):
    """With every item that may be shown in the list, whatever is held out is found."""
    recipe.write_text(
        'data = "shop"\nmetrics = ["recall@40", "ndcg@5", "precision@40", "coverage@40"]\n'
        'choose = "recall@40"\n[[models]]\nkind = "popularity"\n'
    )
    row = run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent).rows[0]
    assert row.value("recall@40") == 1
    assert row.value("precision@40") == pytest.approx(1 / 40)
    assert row.value("coverage@40") == 1
    assert "30 items, fewer than recall@40, precision@40, coverage@40 ask for" in caplog.text

import pytest

from recweave.core.errors import BadSetting, UnknownName
from recweave.experiment.run import run
from recweave.report.compare import compare, table_of
from recweave.report.verdict import verdict
from recweave.runs.spec import read_recipe


@pytest.fixture
def two_runs(recipe, tmp_path):
    def one(name, old="", new=""):
        recipe.write_text(recipe.read_text().replace(old, new) if old else recipe.read_text())
        run(read_recipe(recipe), tmp_path / name, base_dir=recipe.parent)
        return tmp_path / name

    return one


def test_popularity_is_significantly_better_than_a_random_order(two_runs):
    table = compare([two_runs("a")])
    found = table.find("popularity", "ndcg@5")
    assert found.sure
    assert found.better
    assert table.find("random", "ndcg@5") is None
    assert "), significant." in verdict(table, "ndcg@5")


def test_equal_rows_do_not_differ_significantly(two_runs):
    """The same model under two names must differ by nothing, with p = 1."""
    runs = [two_runs("a"), two_runs("b", "Two floors", "Again")]
    table = compare(runs, baseline="a/popularity")
    same = table.find("b/popularity", "ndcg@5")
    assert same.difference.mean == 0
    assert same.p == 1
    assert not same.sure


def test_runs_on_other_splits_are_refused(two_runs):
    runs = [
        two_runs("a"),
        two_runs("b", 'data = "shop"', 'data = "shop"\nsplit = { kind = "ratio_user" }'),
    ]
    with pytest.raises(BadSetting, match="differ in split"):
        compare(runs)


def test_an_unknown_baseline_is_an_error(two_runs):
    with pytest.raises(UnknownName, match="did you mean 'popularity'"):
        compare([two_runs("a")], baseline="populerity")


def test_the_verdict_names_the_best_and_the_interval(two_runs, recipe):
    run_folder = two_runs("a")
    from recweave.runs.summary import read_run

    table = table_of(read_run(run_folder))
    words = verdict(table, "ndcg@5")
    assert f"popularity is best by ndcg@5: {table.rows[0].means['ndcg@5'].mean:.4f}" in words

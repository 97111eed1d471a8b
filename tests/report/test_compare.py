from dataclasses import replace
from html import escape

import polars as pl
import pytest

from recweave.cli.runs import show_table
from recweave.core.errors import BadSetting, UnknownName
from recweave.evaluate import Report
from recweave.experiment.run import run
from recweave.rank.ranking import LEFT, StageCost
from recweave.report.compare import compare, table_of, tabulate
from recweave.report.table_html import html_rows
from recweave.report.verdict import verdict
from recweave.report.warnings_html import html_warnings
from recweave.runs.spec import read_recipe
from recweave.runs.summary import Row, read_run


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
    table = table_of(read_run(run_folder))
    words = verdict(table, "ndcg@5")
    assert f"popularity is best by ndcg@5: {table.rows[0].means['ndcg@5'].mean:.4f}" in words


def costing(name, *costs):
    report = Report(pl.DataFrame({"user": [0], "relevant": [1], "ndcg@5": [0.5]}), costs=costs)
    return Row(name, name, "", {}, 0, 1.0, None, report)


def test_what_stages_take_for_a_list_stands_beside_the_other_costs(capsys):
    """0.5 s and 0.3 s for 200 lists each; 0 s for 10; no stages; no lists."""
    rows = [
        costing("two", StageCost("mmr", 0.5, 200), StageCost("vision", 0.3, 200)),
        costing("free", StageCost("pin", 0.0, 10)),
        costing("plain"),
        costing("nobody", StageCost("pin", 0.1, 0)),
    ]
    table = tabulate(rows, ["ndcg@5"], "two", {})
    assert [row.stage_ms for row in table.rows] == [pytest.approx(4.0), 0.0, None, None]
    assert [one["stage_ms"] for one in table.to_json()["models"]] == [4.0, 0.0, None, None]
    assert rows[0].to_json()["stage_ms"] == 4.0
    assert table.to_frame()["stage_ms"].to_list() == [4.0, 0.0, None, None]
    html = html_rows(table, "ndcg@5")
    assert "<th>stages, ms/list</th>" in html and "<td>4.000</td></tr>" in html
    show_table(table, "", markdown=True)
    shown = capsys.readouterr().out.splitlines()
    assert shown[0].endswith("| stages, ms/list |")
    assert [line.split("|")[-2].strip() for line in shown[2:6]] == ["4.000", "0.000", "–", "–"]
    plain = tabulate(rows[2:], ["ndcg@5"], "plain", {})
    assert "ms/list" not in html_rows(plain, "ndcg@5")
    show_table(plain, "", markdown=True)
    assert "ms/list" not in capsys.readouterr().out


def test_lists_that_a_stage_left_as_they_were_are_counted_below_the_table(capsys, two_runs):
    """A server that never answers must not pass for a re-ranker without effect."""
    why = {"asked": 9.0, f"{LEFT}no answer": 3.0, f"{LEFT}no history": 4.0}
    silent = StageCost("language 1", 0.5, 2000, 7, why)
    rows = [costing("asked", silent, StageCost("mmr", 0.1, 2000)), costing("base")]
    show_table(tabulate(rows, ["ndcg@5"], "base", {}), "")
    said = (
        "row 'asked': the stage 'language 1' left 7 of 2,000 lists as they were (no history: 4; "
        "no answer: 3)"
    )
    assert [line for line in capsys.readouterr().out.splitlines() if "left" in line] == [said]
    found = replace(read_run(two_runs("a")), rows=rows)
    assert escape(said[1:]) in html_warnings(found)
    assert "as they were" not in html_warnings(replace(found, rows=rows[1:]))

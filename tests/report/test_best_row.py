"""Which row is called the best, and what a comparison claims of the others."""

import json
import re
import shutil
from math import nan
from pathlib import Path

import polars as pl
import pytest

from recweave.core.errors import BadSetting
from recweave.evaluate import Report
from recweave.evaluate.statistics import holm
from recweave.experiment.run import run
from recweave.report.compare import compare, table_of, tabulate
from recweave.report.ranking import best_row, lead_over, ranked_rows
from recweave.report.verdict import verdict
from recweave.runs.spec import Experiment, read_recipe
from recweave.runs.summary import Row, Summary, against

USERS = 40


def row(name, *values, metric="ndcg@5", seconds=1.0, **whole):
    """A row whose users have these values in turn; `whole` are metrics of all lists."""
    per_user = [values[user % len(values)] for user in range(USERS)] if values else None
    table = {"user": list(range(USERS)), "relevant": [1] * USERS}
    if metric == "mae":
        table |= {"rated": [1] * USERS, "predicted": [1] * USERS}
    if per_user:
        table[metric] = [float(value) for value in per_user]
    return Row(name, name, "", {}, 0, seconds, None, Report(pl.DataFrame(table), whole))


def summary(choose, *rows):
    models = [{"name": "popularity", "variant": one.name} for one in rows]
    asked = Experiment.parse({"data": "x", "choose": choose, "models": models}, "here")
    return Summary(asked, {"name": "shop"}, {}, rows, Path())


def test_the_best_row_has_the_lowest_error_or_the_highest_gain():
    rows = [row(name, value, metric="mae") for name, value in (("a", 2), ("b", 1), ("c", 3))]
    assert summary("mae", *rows).best_row().name == "b"
    rows = [row(name, value) for name, value in (("a", 2), ("b", 1), ("c", 3))]
    assert summary("ndcg@5", *rows).best_row().name == "c"


def test_the_best_row_by_a_metric_of_all_lists_heeds_which_way_is_better():
    rows = [row(n, **{"gini@5": v, "coverage@5": v}) for n, v in (("a", 0.5), ("b", 0.2))]
    assert summary("gini@5", *rows).best_row().name == "b"
    assert summary("coverage@5", *rows).best_row().name == "a"


def test_a_row_without_the_metric_or_without_a_value_is_not_the_best():
    rows = [row("none"), row("undefined", nan, metric="mae"), row("c", 2, metric="mae")]
    assert summary("mae", *rows).best_row().name == "c"
    assert summary("rmse", *rows).best_row().name == "none"
    table = tabulate(rows, ["mae"], "c", {"name": "shop"})
    assert [one.name for one in ranked_rows(table, "mae")] == ["c"]


def test_the_first_of_equal_rows_is_the_best():
    rows = [row("a", 1), row("b", 1)]
    assert summary("ndcg@5", *rows).best_row().name == "a"
    assert best_row(tabulate(rows, ["ndcg@5"], "a", {"name": "shop"}), "ndcg@5").name == "a"


@pytest.mark.parametrize(("metric", "order"), [("mae", "bac"), ("ndcg@5", "cab")])
def test_rows_are_ranked_by_what_is_better(metric, order):
    rows = [row(n, v, metric=metric) for n, v in (("a", 2), ("b", 1), ("c", 3))]
    table = tabulate(rows, [metric], "a", {"name": "shop"})
    assert "".join(one.name for one in ranked_rows(table, metric)) == order
    assert best_row(table, metric).name == order[0]
    assert f"{order[0]} is best by {metric}: " in verdict(table, metric)


def test_the_best_row_of_a_metric_that_no_row_has_is_the_first():
    table = tabulate([row("a", 1), row("b", 2)], ["ndcg@5"], "b", {"name": "shop"})
    assert best_row(table, "mae").name == "a"
    assert "No row has mae" in verdict(table, "mae")


@pytest.mark.parametrize(("metric", "order"), [("gini@5", "bac"), ("coverage@5", "cab")])
def test_rows_are_ranked_by_a_number_of_all_lists_which_has_no_interval(metric, order):
    rows = [row(n, **{metric: v}) for n, v in (("a", 0.5), ("b", 0.2), ("c", 0.9), ("d", nan))]
    table = tabulate(rows, [metric], "a", {"name": "shop"})
    assert "".join(one.name for one in ranked_rows(table, metric)) == order
    assert lead_over(table, metric) == {}
    said = verdict(table, metric)
    best = {"gini@5": "0.2000", "coverage@5": "0.9000"}[metric]
    assert f"{order[0]} is best by {metric}: {best}, one number of all lists together" in said
    assert "significant" not in said


def test_the_verdict_compares_with_the_runner_up_and_with_the_baseline():
    rows = [row("base", 0, 1), row("second", 4, 6), row("best", 5, 6)]
    said = verdict(tabulate(rows, ["ndcg@5"], "base", {"name": "shop"}), "ndcg@5")
    assert "best is best by ndcg@5: 5.5000" in said
    assert "Against the runner-up, second: +0.5000, +10% (95 % interval" in said
    assert re.search(r"runner-up, second: .*\), significant\. Against the baseline, base", said)
    assert "base: +5.0000, +1000% (95 % interval +5.0000 to +5.0000), significant." in said


def test_a_difference_whose_interval_includes_zero_is_called_not_significant():
    rows = [row("base", 0, 1), row("same", 1, 0, 1, 0, 1)]
    said = verdict(tabulate(rows, ["ndcg@5"], "base", {"name": "shop"}), "ndcg@5")
    assert "same is best" in said
    assert said.count("not significant: the interval includes zero") == 1  # the two are one row


def test_a_best_baseline_is_compared_with_the_runner_up_alone():
    rows = [row("base", 2, 3), row("close", 3, 2, 2, 3, 2), row("far", 0, 1)]
    said = verdict(tabulate(rows, ["ndcg@5"], "base", {"name": "shop"}), "ndcg@5")
    assert "Against the runner-up, close: " in said
    assert "not significant: the interval includes zero. It is also the baseline." in said
    assert "far" not in said.partition("baseline")[0]


def test_other_rows_that_may_be_as_good_are_named():
    rows = [row("a", 2, 3), row("b", 3, 2, 2, 3, 2), row("c", 3, 2, 2, 2, 3), row("d", 0, 0)]
    said = verdict(tabulate(rows, ["ndcg@5"], "d", {"name": "shop"}), "ndcg@5")
    assert "Nor is it significantly better than c." in said or "than b." in said


def test_the_leads_of_the_best_row_are_corrected_by_holm_over_the_other_rows():
    best, unsure, sure = row("best", 3, 5), row("unsure", 5, 3, 3, 5, 3), row("sure", 0, 1)
    alone = tabulate([best, unsure], ["ndcg@5"], "unsure", {"name": "shop"})
    both = tabulate([best, sure, unsure], ["ndcg@5"], "unsure", {"name": "shop"})
    (p,) = (found.p for found in lead_over(alone, "ndcg@5").values())
    leads = lead_over(both, "ndcg@5")
    assert list(leads) == ["unsure", "sure"]
    assert leads["sure"].difference.mean == 3.5
    assert [one.p for one in leads.values()] == pytest.approx(
        holm([p, lead_over(tabulate([best, sure], ["ndcg@5"], "sure", {}), "ndcg@5")["sure"].p])
    )


def test_the_verdict_names_the_fastest_row_and_its_share():
    rows = [row("slow", 4, seconds=9.0), row("quick", 1, seconds=0.5), row("mid", 2, seconds=5.0)]
    said = verdict(tabulate(rows, ["ndcg@5"], "slow", {"name": "shop"}), "ndcg@5")
    assert "Its fit took 9.0 s. The fastest, quick (0.5 s), has 25% of its value." in said


def test_a_row_is_compared_with_the_baseline_and_not_with_another():
    rows = [row("a", 5), row("base", 1), row("c", 3)]
    table = tabulate(rows, ["ndcg@5"], "base", {"name": "shop"})
    found = {c.row: c.difference.mean for c in table.comparisons}
    assert found == {"a": 4.0, "c": 2.0}
    assert table.baseline.name == "base"
    assert table.find("base", "ndcg@5") is None


def test_p_values_are_corrected_by_holm_over_rows_and_metrics():
    base = row("base", 0, 1)
    unsure = row("unsure", 1, 0, 1, 0, 1)  # differs as chance differs
    sure = row("sure", 3, 5)
    alone = {r.name: against([r], base, ["ndcg@5"])[0].p for r in (unsure, sure)}
    together = {c.row: c.p for c in against([unsure, base, sure], base, ["ndcg@5"])}
    assert alone["sure"] < 0.001 < 0.05 < alone["unsure"]
    assert together["sure"] == pytest.approx(2 * alone["sure"])
    assert together["unsure"] == alone["unsure"]
    expected = holm([alone["unsure"], alone["sure"]])
    assert list(together.values()) == pytest.approx(expected)


def test_what_is_significant_alone_may_not_be_after_the_correction():
    """Each of twenty rows would pass at 5 %; twenty looks together must not."""
    base = row("base", *[0] * 8)
    lucky = [row(f"r{n}", *[1] * 6, *[0] * 30, *[-0.2] * 4) for n in range(20)]
    assert against(lucky[:1], base, ["ndcg@5"])[0].sure
    assert not any(c.sure for c in against(lucky, base, ["ndcg@5"]))


def test_better_heeds_which_way_a_metric_is_better():
    base = row("base", 2, metric="mae")
    (found,) = against([row("less", 1, metric="mae")], base, ["mae"])
    assert found.better
    (found,) = against([row("more", 3, metric="mae")], base, ["mae"])
    assert not found.better
    (found,) = against([row("more", 3)], row("base", 2), ["ndcg@5"])
    assert found.better


@pytest.fixture
def finished(recipe):
    folder = recipe.parent / "run"
    run(read_recipe(recipe), folder, base_dir=recipe.parent)
    return folder


def test_runs_are_refused_that_differ_in_anything_that_decides_the_held_out_events(finished):
    other = finished.with_name("other")
    shutil.copytree(finished, other)
    assert len(compare([finished, other], baseline="run/random").rows) == 4
    made = json.loads((finished / "made_from.json").read_text())
    for key in ("fingerprint", "split", "users", "items", "test", "held_out"):
        changed = made | {"data": made["data"] | {key: "another"}}
        (other / "made_from.json").write_text(json.dumps(changed))
        with pytest.raises(BadSetting, match=f"differ in {key}$"):
            compare([finished, other])


@pytest.mark.parametrize(
    ("line", "differing"),
    [("split_seed = 1", "held_out"), ("relevant_from = 0.5", "relevant_from")],
)
def test_runs_with_other_held_out_events_are_refused(recipe, line, differing):
    """The same random split with another seed, or another rule of what is relevant."""
    text = 'split = { kind = "ratio_user" }\n' + recipe.read_text()
    for name, more in (("a", ""), ("b", f"{line}\n")):
        recipe.write_text(more + text)
        run(read_recipe(recipe), recipe.parent / name, base_dir=recipe.parent)
    with pytest.raises(BadSetting, match=f"differ in {differing}$"):
        compare([recipe.parent / "a", recipe.parent / "b"])


def test_the_third_run_is_compared_with_the_first_as_well(finished):
    for name in ("second", "third"):
        shutil.copytree(finished, finished.with_name(name))
    file = finished.with_name("third") / "made_from.json"
    made = json.loads(file.read_text())
    file.write_text(json.dumps(made | {"data": made["data"] | {"split": "another"}}))
    with pytest.raises(BadSetting, match=r"third and .* differ in split"):
        compare([finished, finished.with_name("second"), finished.with_name("third")])


def test_only_metrics_that_all_runs_report_are_compared(finished, recipe):
    text = recipe.read_text().replace('"coverage@5"', '"recall@3"')
    recipe.write_text(text)
    run(read_recipe(recipe), finished.with_name("b"), base_dir=recipe.parent)
    table = compare([finished, finished.with_name("b")], baseline="run/popularity")
    assert table.metrics == ("recall@5", "ndcg@5")


def test_a_table_names_the_recipes_own_baseline(finished):
    from recweave.runs.summary import read_run

    assert table_of(read_run(finished)).baseline.name == "random"
    assert compare([finished]).baseline.name == "random"
    assert compare([finished], baseline="popularity").baseline.name == "popularity"

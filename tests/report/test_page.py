"""report.html: what is on it, that it needs no network, and that it can do no harm."""

import re
from dataclasses import replace

import polars as pl
import pytest

from recweave.core import extras
from recweave.data.dataset import Dataset
from recweave.evaluate import METRICS, Report
from recweave.experiment.run import run
from recweave.models.base import Recipe
from recweave.report.compare import table_of, tabulate
from recweave.report.definitions import definition
from recweave.report.headline import headline
from recweave.report.page import page
from recweave.report.people import people
from recweave.report.plots import plots
from recweave.runs.answering import open_bundle
from recweave.runs.spec import read_recipe
from recweave.runs.summary import Row


def row(name, *values, metric):
    """A row of 40 users who have these values in turn, one held-out item each."""
    value = [float(values[user % len(values)]) for user in range(40)]
    counts = {"user": range(40), "relevant": [1] * 40, "predicted": [1] * 40}
    return Row(name, name, "", {}, 0, 1.0, None, Report(pl.DataFrame(counts | {metric: value})))


class Broken(Recipe):
    """A plug-in with a fault."""

    trainer = f"{__name__}:train_broken"


def train_broken(recipe, data, options):
    raise ValueError("no <b>good</b>")


@pytest.fixture
def found(recipe, tmp_path):
    return run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)


def test_the_report_has_words_a_table_users_and_plots_and_needs_no_network(found):
    html = page(found)
    assert "popularity is best by ndcg@5" in html
    assert html.index("★ popularity") < html.index("<td>random<small>baseline</small>")
    assert html.count("<svg") >= 3
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert "https://" not in html
    assert "<script" not in html


def test_the_headline_counts_users_in_place_of_a_metric(found):
    share = next(r for r in found.rows if r.name == "popularity").means["recall@5"]
    of = [round(100 * value) for value in (share.mean, share.low, share.high)]
    said = (
        f"For {of[0]} of 100 users, the next item was among the first five items that popularity "
        f"recommends (95 % interval: {of[1]} to {of[2]})."
    )
    assert said in page(found)


def test_a_row_that_cannot_be_distinguished_from_the_best_says_so_in_words(recipe, tmp_path):
    text = recipe.read_text() + '\n[[models]]\nname = "popularity"\nvariant = "again"\n'
    recipe.write_text(text)
    html = page(run(read_recipe(recipe), tmp_path / "twice", base_dir=recipe.parent))
    assert "≈ not distinguishable from popularity</td>" in html
    assert "▼ significantly worse</td>" in html  # random
    assert "not significant: the interval includes zero" in html


def test_rows_that_failed_are_on_the_page_with_their_reasons(recipe, tmp_path):
    recipe.write_text(recipe.read_text() + f'\n[[models]]\nkind = "{__name__}:Broken"\n')
    html = page(run(read_recipe(recipe), tmp_path / "broken", base_dir=recipe.parent))
    assert "⚠ 1 of 3 rows failed and are not in the table. Run the recipe again" in html
    assert "<dt>Broken</dt><dd>ValueError: no &lt;b&gt;good&lt;/b&gt;</dd>" in html
    assert "baseline, Broken" not in html
    assert html.index("rows failed") < html.index("<table>")


def test_a_row_that_repeats_a_published_leak_is_named_as_leaking(recipe, tmp_path):
    rows = '\n[[models]]\nkind = "plus_one"\n[[models]]\nkind = "plus_one"\nrow = "leak"\n'
    recipe.write_text(f"{recipe.read_text()}{rows}paper = true\n")
    html = page(run(read_recipe(recipe), tmp_path / "leak", base_dir=recipe.parent))
    assert "⚠ Row &#x27;leak&#x27;: its numbers of items come from held-out events too" in html
    assert "Row &#x27;plus_one&#x27;" not in html


def test_a_failed_baseline_is_named_with_the_row_that_replaces_it(recipe, tmp_path):
    text = recipe.read_text().replace('baseline = "random"', 'baseline = "Broken"')
    recipe.write_text(text + f'\n[[models]]\nkind = "{__name__}:Broken"\n')
    html = page(run(read_recipe(recipe), tmp_path / "broken", base_dir=recipe.parent))
    assert (
        "One of them is the baseline, Broken: the other rows are compared with popularity instead."
        in html
    )
    assert "popularity<small>baseline</small>" in html


def test_what_the_run_says_of_its_split_is_on_the_page(shop, recipe, tmp_path):
    dataset = Dataset.load(shop)
    events = dataset.events.sort("item_id").with_columns(time=pl.lit(None, pl.Int64))
    shop.rename(shop.with_name("before"))
    dataset.replace(events=events).save(shop)
    html = page(run(read_recipe(recipe), tmp_path / "unordered", base_dir=recipe.parent))
    assert '<div class="warning"><p>⚠ The log has no times' in html
    assert "ratio_user" in html


def test_a_page_without_trouble_has_no_warning(found):
    assert 'class="warning"' not in page(found)


def test_three_users_are_shown_with_history_list_and_reasons(found):
    html = page(found)
    assert html.count('<div class="card"><h3>User u') == 3
    bundle = open_bundle(found.path, "popularity")
    for person in people(bundle):
        events = bundle.log.item[bundle.log.user == bundle.dataset.user_ids.row(person.user_id)]
        ids = {bundle.dataset.item_ids.ids[int(item)] for item in events}
        assert {one.item_id for one in person.history} < ids
        assert not {one.item_id for one in person.recommended} & ids
        assert {one.text for one in person.history} == {"bought"}
        assert {one.text for one in person.recommended} == {"Because many users chose it"}


def test_users_are_picked_by_their_ids_alone(found):
    """Not by row: the same users for another row of the table."""
    picked = [
        [p.user_id for p in people(open_bundle(found.path, r))] for r in found.experiment.rows()
    ]
    assert picked[0] == picked[1]
    assert len(set(picked[0])) == 3


def test_a_run_that_kept_no_bundles_shows_no_users_and_no_empty_heading(recipe, tmp_path):
    recipe.write_text("save = false\n" + recipe.read_text())
    html = page(run(read_recipe(recipe), tmp_path / "bare", base_dir=recipe.parent))
    assert "Three users" not in html
    assert '<div class="people">' not in html


def test_a_bundle_that_cannot_be_read_leaves_the_rest_of_the_report(found):
    (found.path / "bundles" / "popularity" / "bundle.json").write_text("{}")
    html = page(found)
    assert "No users are shown: " in html
    assert "★ popularity" in html


def test_settings_that_are_the_defaults_are_not_listed(found):
    made = page(found).partition("How it was made")[2]
    assert "<dt>popularity</dt><dd>defaults</dd>" in made
    assert "behaviors" not in made
    assert "{" not in made


@pytest.mark.parametrize("form", METRICS)
def test_every_metric_has_a_definition(form):
    name = form.replace("@k", "@7").replace(">=x", ">=4").replace("@tprx", "@tpr0.9")
    assert len(definition(name)) > 20
    assert definition(name).endswith(".")


def test_definitions_are_shown_on_hover_and_in_a_footnote(found):
    html = page(found)
    for metric in table_of(found).metrics:
        assert re.search(rf'<abbr title="[^"]{{20,}}">{metric}</abbr>', html)
        assert f"<dt>{metric}</dt>" in html


def test_names_from_outside_are_escaped(found):
    html = page(found)
    assert "Item &lt;b&gt;" in html
    assert "<b>" not in html
    assert "<i>" not in page(
        found.__class__(**{**vars(found), "data": {**found.data, "licence": "<i>"}})
    )


def test_without_the_extra_the_report_says_so(found, monkeypatch):
    monkeypatch.setattr(extras, "import_module", _missing)
    html = page(found)
    assert "pip install" in html
    assert "<svg" not in html
    assert "<td>random" in html


def _missing(name):
    raise ModuleNotFoundError(name=name)


def test_the_headline_is_a_sentence_on_errors_and_pairs_where_no_list_is_evaluated(found):
    def said(metric, ours, theirs):
        rows = [row("best", ours, metric=metric), row("base", theirs, metric=metric)]
        table = tabulate(rows, [metric], "base", dict(found.data))
        return headline(found, table, metric)

    assert said("mae", 0.714, 0.8) == (
        "The ratings that best predicts are 0.71 off on average. Those of base: 0.80."
    )
    assert said("auc", 0.757, 0.6) == (
        "Of 100 pairs of a positive and a negative in the same data, best scores the positive "
        "higher in 76; chance gives 50. base: 60."
    )
    assert said("ndcg@5", 0.5, 0.2) == "best has the best ndcg@5: 0.5000."


def test_a_recall_of_several_items_is_not_called_a_count_of_users(found):
    several = row("best", 0.5, metric="recall@5")
    per_user = several.report.per_user.with_columns(relevant=2)
    several = replace(several, report=replace(several.report, per_user=per_user))
    table = tabulate([several], ["recall@5"], "best", dict(found.data))
    assert headline(found, table, "recall@5") == "best has the best recall@5: 0.5000."
    one = tabulate([row("best", 0.5, metric="recall@5")], ["recall@5"], "best", {})
    assert "For 50 of 100 users, the next item was among the first five" in headline(
        found, one, "recall@5"
    )


def test_accuracy_is_plotted_against_each_measure_of_variety():
    """Those of what was shown, and those of the pool against the pool's accuracy."""
    pytest.importorskip("altair")
    metrics = ["auc", "pool_ndcg@10", "category_entropy@5", "coverage@5", "pool_coverage@10"]
    rows = []
    for name, value in (("one", 0.2), ("two", 0.4)):
        made = row(name, value, metric="auc")
        values = pl.Series([value] * 40)
        table = made.report.per_user.with_columns(
            values.alias("pool_ndcg@10"), values.alias("category_entropy@5")
        )
        whole = {"coverage@5": value, "pool_coverage@10": value}
        rows.append(replace(made, report=Report(table, whole)))
    found = plots(tabulate(rows, metrics, "one", {}), "auc")
    heads = {head: svg for head, svg in found.items() if head.startswith("Accuracy against")}
    assert list(heads) == [
        "Accuracy against the variety of categories",
        "Accuracy against coverage",
        "Accuracy against coverage of the pool",
    ]
    assert ">auc<" in heads["Accuracy against coverage"]
    assert ">pool_ndcg@10<" in heads["Accuracy against coverage of the pool"]

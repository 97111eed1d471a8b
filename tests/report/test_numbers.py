"""A value that is not defined, such as an AUC of one class, is a dash in every part of a report."""

from math import inf, nan
from pathlib import Path

import polars as pl
import pytest

from recweave.evaluate import Report
from recweave.evaluate.statistics import Difference, Interval
from recweave.report.compare import tabulate
from recweave.report.headline import headline
from recweave.report.latex import to_latex
from recweave.report.numbers import ends, half_width, number
from recweave.report.table_html import html_rows
from recweave.report.verdict import size, verdict
from recweave.runs.spec import Experiment
from recweave.runs.summary import Comparison, Row, Summary


def row(name, metric, value, low=None, high=None):
    """A row of 40 users with the value; its interval has other ends where they are given."""
    table = {"user": range(40), "relevant": [1] * 40, "predicted": [1] * 40, metric: [value] * 40}
    made = Row(name, name, "", {}, 0, 1.0, None, Report(pl.DataFrame(table)))
    if low is not None:
        made.__dict__["means"] = {metric: Interval(value, low, high)}
    return made


def said(metric, *rows):
    models = [{"name": "popularity", "variant": one.name} for one in rows]
    asked = Experiment.parse({"data": "x", "models": models}, "here")
    table = tabulate(rows, [metric], rows[-1].name, {"name": "shop"})
    return headline(Summary(asked, {"name": "shop"}, {}, rows, Path()), table, metric), table


def test_numbers_that_are_not_defined_are_dashes():
    assert [number(one) for one in (0.25, None, nan, inf, -inf)] == ["0.2500", *"––––"]
    assert number(nan, missing="--") == "--"
    assert ends(Interval(0.5, 0.4, 0.6)) == "0.4000 to 0.6000"
    assert [ends(one) for one in (None, Interval(0.5, nan, 0.6), Interval(0.5, 0.4, nan))] == [
        ""
    ] * 3
    assert half_width(Interval(0.5, 0.4, 0.6)) == r" $\pm$ 0.1000"
    assert half_width(Interval(0.5, nan, nan)) == ""


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        (
            "auc",
            "Of 100 pairs of a positive and a negative in the same data, best scores the positive "
            "higher in 75; chance gives 50.",
        ),
        ("mae", "The ratings that best predicts are 0.75 off on average."),
        (
            "hit@5",
            "For 75 of 100 users, a held-out item was among the first five items that best "
            "recommends (95 % interval: 75 to 75).",
        ),
    ],
)
def test_the_headline_leaves_out_a_baseline_whose_value_is_not_defined(metric, sentence):
    assert said(metric, row("best", metric, 0.75), row("base", metric, nan))[0] == sentence


@pytest.mark.parametrize("metric", ["auc", "mae", "hit@5", "recall@5", "ndcg@5"])
def test_the_headline_of_values_that_no_row_has_is_empty(metric):
    assert said(metric, row("one", metric, nan), row("base", metric, nan))[0] == ""


def test_the_headline_has_no_interval_where_its_ends_are_not_defined():
    text, table = said("hit@5", row("best", "hit@5", 0.75, nan, nan))
    assert text == (
        "For 75 of 100 users, a held-out item was among the first five items that best recommends."
    )
    assert "best is best by hit@5: 0.7500 (40 users)." in verdict(table, "hit@5")


def test_tables_have_a_dash_for_a_value_that_is_not_defined():
    _, table = said("auc", row("best", "auc", 0.75), row("base", "auc", nan))
    html, latex = html_rows(table, "auc"), to_latex(table)
    assert "<td>–</td>" in html
    assert "nan" not in html
    assert r"base (baseline) & -- \\" in latex
    assert "nan" not in latex
    found = Comparison("best", "auc", Difference(nan, nan, nan, nan), nan)
    assert size(found, 0.5) == "–"

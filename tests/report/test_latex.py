"""Tables for papers and spreadsheets."""

import csv
import io

import polars as pl
import pytest

from recweave.experiment.run import run
from recweave.report.compare import compare
from recweave.report.latex import escape, slices_to_latex, to_latex
from recweave.runs.spec import read_recipe


@pytest.fixture
def table(recipe, tmp_path):
    run(read_recipe(recipe), tmp_path / "run", base_dir=recipe.parent)
    return compare([tmp_path / "run"])


def test_a_latex_table_marks_the_best_the_second_and_what_is_significant(table):
    lines = to_latex(table).splitlines()
    assert lines[2] == r"\begin{tabular}{lrrr}"
    assert lines[4] == (
        r"model & recall@5 $\uparrow$ & ndcg@5 $\uparrow$ & coverage@5 $\uparrow$ \\"
    )
    popularity, random = (next(x for x in lines if x.startswith(n)) for n in ("popul", "random"))
    mean = next(r for r in table.rows if r.name == "popularity").means["ndcg@5"]
    half = (mean.high - mean.low) / 2
    assert rf" & \textbf{{{mean.mean:.4f}}} $\pm$ {half:.4f}$^{{*}}$ & " in popularity
    assert random.startswith(r"random (baseline) & \underline{")
    assert "$^{*}$" not in random
    assert lines[-1] == r"\end{tabular}"


def test_names_that_latex_would_read_as_commands_are_escaped():
    assert escape(r"item_knn-k=5 & 10% \input{x} ~^") == (
        r"item\_knn-k=5 \& 10\% \textbackslash{}input\{x\} \textasciitilde{}\textasciicircum{}"
    )


def test_a_csv_has_a_line_for_each_row_and_metric(table):
    lines = list(csv.DictReader(io.StringIO(table.to_frame().write_csv())))
    assert len(lines) == len(table.rows) * len(table.metrics)
    line = next(x for x in lines if (x["row"], x["metric"]) == ("popularity", "ndcg@5"))
    found = table.find("popularity", "ndcg@5")
    assert float(line["difference"]) == found.difference.mean
    assert float(line["p"]) == found.p


def test_slices_are_the_means_over_the_users_of_each_label(table):
    assert {one.slice for one in table.slices()} == set(table.rows[0].report.slices)
    for one in table.slices():
        row = next(r for r in table.rows if r.name == one.row)
        part = row.report.slices[one.slice]
        part = part.filter(part["label"].cast(pl.String) == one.label)
        assert one.users == len(part)
        for metric, interval in one.values.items():
            assert interval.mean == pytest.approx(part[metric].mean())
    labels = [(one.slice, one.label) for one in table.slices()]
    assert labels == sorted(labels, key=labels.index)  # rows of a label stand together
    assert len(set(labels)) * len(table.rows) == len(labels)


def test_tables_of_slices_have_a_line_for_each_row_of_a_label_and_only_metrics_of_users(table):
    frame = table.slices_to_frame()
    assert set(frame["metric"]) == set(table.slice_metrics()) == {"recall@5", "ndcg@5"}
    assert len(frame) == 2 * len(table.slices())
    lines = slices_to_latex(table).splitlines()
    assert lines[1] == r"\begin{tabular}{lllrrr}"
    first = table.slices()[0]
    value = first.values["recall@5"]
    assert lines[5].startswith(f"{first.slice} & {first.label} & {first.row} & {first.users} & ")
    assert rf"{value.mean:.4f} $\pm$ {(value.high - value.low) / 2:.4f}" in lines[5]
    assert len(lines) == 7 + len(table.slices())

"""Tables for papers and spreadsheets."""

import csv
import io

import pytest

from recweave.experiment.run import run
from recweave.report.compare import compare
from recweave.report.latex import escape, to_latex
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

"""`recweave run`, `compare`, `tune`: recipes and what they found."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from recweave.cli.output import (
    Json,
    Latex,
    Markdown,
    choose_one,
    print_json,
    print_markdown,
    print_table,
    say,
)
from recweave.core.errors import BadSetting

if TYPE_CHECKING:  # a command loads what it needs when it runs
    from recweave.evaluate.statistics import Interval
    from recweave.report.compare import Table
    from recweave.runs.spec import Experiment
    from recweave.runs.summary import Row

RecipeFile = Annotated[Path, typer.Argument(help="A recipe file (recipes/*.toml).")]
Out = Annotated[Path | None, typer.Option(help="The run folder; else one under runs/.")]


def run(
    recipe: RecipeFile, out: Out = None, as_json: Json = False, markdown: Markdown = False
) -> None:
    """Run a recipe: choose settings, train, and evaluate on test.

    If interrupted, run the command again to resume. A row that fails leaves the others: it is named
    with its reason, and the exit code is 1.
    """
    from recweave.experiment.run import run as run_recipe
    from recweave.report.compare import table_of
    from recweave.report.page import write_report
    from recweave.runs.layout import REPORT
    from recweave.runs.spec import RecipeText, read_recipe

    choose_one(json=as_json, markdown=markdown)
    experiment = read_recipe(recipe)
    text = RecipeText.of(recipe)
    with text.naming_lines():
        found = run_recipe(
            experiment,
            out or _folder(recipe, experiment),
            base_dir=recipe.parent,
            family="" if out else recipe.stem,
            text=text,
        )
    write_report(found, found.path / REPORT)
    if as_json:
        print_json(found.to_json())
    else:
        show_table(table_of(found), experiment.title or str(recipe), markdown)
    say(f"report: {found.path / REPORT}")
    if found.failed:
        say(f"{len(found.failed)} of {len(experiment.models)} rows failed; run again to try them")
        raise typer.Exit(1)


def auto(
    data: Annotated[str, typer.Argument(help="A known dataset, or a dataset's folder.")],
    out: Annotated[Path, typer.Option(help="The bundle's folder; the run goes to OUT-run.")],
    budget: Annotated[str, typer.Option(help="How long it may take: 90s, 10m, 1h.")] = "10m",
    target: Annotated[
        str, typer.Option(help="The behaviour to predict. Default: purchase, if there are any.")
    ] = "",
    seed: Annotated[int, typer.Option(min=0, help="Of all that is random.")] = 0,
    as_json: Json = False,
    markdown: Markdown = False,
) -> None:
    """Find the best model for your data in a given time, and fit it.

    It looks at the data, chooses split, models and settings, blends them, judges once on test, and
    writes a recipe with its reasons, a report and a bundle. If interrupted, run it again to resume.
    """
    from recweave.experiment.auto.auto import auto as find_best
    from recweave.report.compare import table_of
    from recweave.report.page import write_report
    from recweave.report.verdict import chosen_verdict
    from recweave.runs.layout import REPORT

    choose_one(json=as_json, markdown=markdown)
    found = find_best(data, budget, target=target, out=out, seed=seed)
    report = found.summary.path / REPORT
    write_report(found.summary, report)
    if as_json:
        print_json(found.summary.to_json() | {"chosen": found.chosen, "notes": list(found.notes)})
    else:
        table = table_of(found.summary)
        show_table(table, found.summary.experiment.title, markdown)
        print(f"\n{chosen_verdict(table, found.chosen, found.summary.experiment.choose)}")
    for note in found.notes:
        say(f"note: {note}")
    say(f"bundle: {out}; recipe with reasons: {found.recipe}; report: {report}")


def compare(
    runs: Annotated[list[Path], typer.Argument(help="Run folders on the same data and split.")],
    baseline: Annotated[str, typer.Option(help="The row that others are compared with.")] = "",
    as_json: Json = False,
    markdown: Markdown = False,
    latex: Latex = False,
    csv: Annotated[bool, typer.Option("--csv", help="Print a line per row and metric.")] = False,
    slices: Annotated[bool, typer.Option(help="Print the metrics of each slice instead.")] = False,
) -> None:
    """Compare runs, with confidence intervals and significance tests."""
    from recweave.report.compare import compare as compare_runs
    from recweave.report.latex import slices_to_latex, to_latex

    choose_one(json=as_json, markdown=markdown, latex=latex, csv=csv)
    table = compare_runs(runs, baseline)
    if slices:
        frame = table.slices_to_frame()
        if frame.is_empty():
            raise BadSetting('the runs have no slices; add slices = ["history"] to the recipe')
        if as_json:
            print_json(frame.to_dicts())
        elif latex:
            print(slices_to_latex(table), end="")
        elif csv:
            print(frame.write_csv(), end="")
        else:
            _show_slices(table, markdown)
    elif as_json:
        print_json(table.to_json())
    elif latex:
        print(to_latex(table), end="")
    elif csv:
        print(table.to_frame().write_csv(), end="")
    if latex or csv:
        for line in table.failures():
            say(line)
    elif not as_json:
        show_table(table, f"against {table.baseline.name}", markdown)


def tune(
    recipe: RecipeFile,
    trials: Annotated[int, typer.Option(min=1, help="Fits per model, the same for each.")] = 20,
    seed: Annotated[int, typer.Option(help="Of the search.")] = 0,
    out: Out = None,
    as_json: Json = False,
) -> None:
    """Search settings on validation and print the best recipe."""
    from recweave.experiment.tune import tune as tune_recipe
    from recweave.runs.spec import RecipeText, read_recipe
    from recweave.runs.toml import to_toml

    experiment = read_recipe(recipe)
    folder = out or _folder(recipe, experiment, "tune-")
    say(f"{trials} trials for each of {len(experiment.models)} models, by {experiment.choose}")
    found = []
    tuned_rows = tune_recipe(experiment, folder, trials=trials, seed=seed, base_dir=recipe.parent)
    with RecipeText.of(recipe).naming_lines():
        for row in tuned_rows:
            found.append(row)
            value = f"{experiment.choose} {row.value:.4f} on validation"
            say(f"{row.row}: {value}, {row.trials} trials")
    blends = tuple(entry for entry in experiment.models if entry.members)
    tuned = experiment.model_copy(update={"models": (*(row.entry for row in found), *blends)})
    if as_json:
        print_json(
            [
                {"name": r.row, "settings": r.entry.settings, "value": r.value, "trials": r.trials}
                for r in found
            ]
        )
    else:
        print(to_toml(tuned), end="")


def show_table(table: "Table", title: str, markdown: bool = False) -> None:
    """A table for people: means with intervals, and a mark where a difference is significant.

    Rows that failed stand last. Below the table: why, and which stages left lists as they were.

    Args:
        table: What was found.
        title: What stands above it.
        markdown: As a README has it.
    """
    staged = any(row.stage_ms is not None for row in table.rows)
    head = ["model", *table.metrics, "fit, s", "memory, MB", *(["stages, ms/list"] * staged)]
    rows = [
        [
            row.name + (" (baseline)" if row is table.baseline else ""),
            *(_cell(table, row, metric) for metric in table.metrics),
            f"{row.fit_seconds:.2f}",
            "–" if row.peak_mb is None else f"{row.peak_mb:,.0f}",
            *(["–" if row.stage_ms is None else f"{row.stage_ms:.3f}"] * staged),
        ]
        for row in table.rows
    ]
    rows += [[row, "failed", *["–"] * (len(head) - 2)] for row in table.failed]
    if markdown:
        print_markdown(head, rows)
    else:
        print_table(title, head, rows)
    for line in [*table.failures(), *(line for row in table.rows for line in row.fallbacks())]:
        print(line)
    if markdown:
        return
    print(
        "mean ± half of the 95 % confidence interval over users; * differs significantly from the "
        "baseline"
    )


def _show_slices(table: "Table", markdown: bool) -> None:
    metrics = table.slice_metrics()
    head = ["slice", "label", "model", "users", *metrics]
    rows = [
        [
            *(one.slice, one.label, one.row, f"{one.users:,}"),
            *(_interval(one.values.get(metric)) for metric in metrics),
        ]
        for one in table.slices()
    ]
    if markdown:
        print_markdown(head, rows)
    else:
        print_table("by slice", head, rows)


def _interval(interval: "Interval | None") -> str:
    if interval is None:
        return "–"
    return f"{interval.mean:.4f} ±{(interval.high - interval.low) / 2:.4f}"


def _cell(table: "Table", row: "Row", metric: str) -> str:
    value = row.value(metric)
    if value is None:
        return "–"
    if metric not in row.means:
        return f"{value:.4f}"
    interval = row.means[metric]
    found = table.find(row.name, metric)
    mark = "*" if found is not None and found.sure else ""
    return f"{value:.4f} ±{(interval.high - interval.low) / 2:.4f}{mark}"


def _folder(recipe: Path, experiment: "Experiment", kind: str = "") -> Path:
    return Path("runs") / f"{kind}{recipe.stem}-{experiment.key()}"
